"""A helper registers a stall with its vendor: fills it in, and sends it with the code that came to her phone."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from sqlmodel import Session

from ground import audit, clock, message, words
from ground.refusal import Refusal
from ground.store import Store
from merchants import agreement, application, market, qr_image
from merchants.application import Application
from merchants.market import Market
from portal import application_form, apply_slip, doorstep, form, page, phone_code, throttle, vendor_account
from portal.access import Door, needs, signed_in
from portal.application_form import Typed, TypedDep
from portal.page import SessionDep, StoreDep
from portal.person import Person

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Number = Annotated[int, Form()]
COOKIE = "consent"


@router.api_route("/field/{code}/application", methods=page.READ)
@needs("helper", "board", market="code")
def show(request: Request, session: SessionDep, code: str, number: int | None = None, sent: int = 0) -> Response:
    """The form; with `number` that of an application one filled in before."""
    person, where = signed_in(request), market.find(session, code)
    found = application.find(session, number, market=where, by=person.who) if number else None
    changing = found if found and found.state in application.MAY_BE_FILLED_IN else None
    desk = _desk(session, where, person, application_form.typed_before(changing), changing)
    done = application.find(session, sent, market=where).stall if sent else None
    return page.render(request, "field_application.html", **desk, sent_stall=done, error=None)


@router.post("/field/{code}/application")
@needs("helper", "board", market="code")
def fill_in(
    request: Request, store: StoreDep, code: str, typed: TypedDep, number: Annotated[int | None, Form()] = None
) -> Response:
    """Keep it as a draft, and send the vendor the code by which she agrees."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        where = market.find(session, code)
        try:
            found = _draft(session, store, person, where, typed, number, moment)
            made = _make_code(session, store, found, moment)
        except Refusal as refusal:
            session.rollback()
            changing = application.find(session, number, market=where, by=person.who) if number else None
            desk = _desk(session, where, person, typed, changing)
            return doorstep.again(request, "field_application.html", refusal, **desk, sent_stall=None)
        told = {"state": found.state, "stall": found.stall}
        audit.record(session, person.who, "application.fill_in", None, told, subject=f"application:{found.key}")
        session.commit()
    return _on_to_code(request, store, person, where, found, made)


@router.api_route("/field/{code}/application/consent", methods=page.READ)
@needs("helper", "board", market="code")
def ask(request: Request, session: SessionDep, code: str, number: int | None = None) -> Response:
    """What to read out to the vendor, and where the code she tells is typed in."""
    if number is None:
        return RedirectResponse(f"/field/{code}/application", 303)
    found = application.find(session, number, market=market.find(session, code), by=signed_in(request).who)
    if found.state not in application.MAY_BE_FILLED_IN:
        return RedirectResponse(f"/field/{code}/application", 303)
    return page.render(request, "field_consent.html", **_facts(session, found), error=None)


@router.post("/field/{code}/application/consent")
@needs("helper", "board", market="code")
def enter(request: Request, store: StoreDep, code: str, number: Number, told: Annotated[str, Form()] = "") -> Response:
    """The code the vendor told: the phone is hers, and she agrees."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        where = market.find(session, code)
        found = application.find(session, number, market=where, by=person.who, lock=True)
        handle = request.cookies.get(form.cookie_name(request, COOKIE), "")
        purpose = _purpose(found)
        phone = phone_code.try_out(
            session, store.vault, handle, "".join(told.split()), moment, purpose=purpose, strangers=True
        )
        is_open = phone_code.is_open(session, store.vault, handle, moment, purpose=purpose)
        session.commit()  # a wrong code is a try gone
        try:
            if phone is None or phone != found.phone:
                raise Refusal("joining.wrong_code" if is_open else "joining.code_over")
            vendor_id = vendor_account.take_up(session, phone, moment)
            throttle.forgive(session, store.vault, (throttle.PHONE, phone))
            given = agreement.take_down("code", page.language_of(request))
            application.submit(session, found, given, by=person.who, moment=moment, vendor_id=vendor_id)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "field_consent.html", refusal, **_facts(session, found))
        after = {"state": found.state, "consent": agreement.VERSION}
        audit.record(session, person.who, "application.submit", None, after, subject=f"application:{number}")
        session.commit()
    answer = RedirectResponse(f"/field/{code}/application?sent={number}", 303)
    form.drop_cookie(request, answer, COOKIE)
    return answer


@router.post("/field/{code}/application/message")
@needs("helper", "board", market="code")
def send_again(request: Request, store: StoreDep, code: str, number: Number) -> Response:
    """Another code, where the first did not come."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        where = market.find(session, code)
        found = application.find(session, number, market=where, by=person.who)
        try:
            throttle.count(session, store.vault, moment, (throttle.HELPER, str(person.staff_id)))
            made = _make_code(session, store, found, moment)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "field_consent.html", refusal, **_facts(session, found))
        audit.record(session, person.who, "application.code", None, {"sent": "again"}, subject=f"application:{number}")
        session.commit()
    return _on_to_code(request, store, person, where, found, made)


@router.post("/field/{code}/application/slip")
@needs("helper", "board", market="code")
def make_slip(request: Request, store: StoreDep, code: str, number: Number) -> Response:
    """A QR for the vendor's own phone; the number she gave is told that somebody made one."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        found = application.find(session, number, market=market.find(session, code), by=person.who, lock=True)
        token = apply_slip.make(session, store.vault, found, moment)
        limits = (throttle.HELPER, str(person.staff_id)), (throttle.TOLD, f"slip {found.phone}")
        try:
            throttle.count(session, store.vault, moment, *limits)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "field_consent.html", refusal, **_facts(session, found))
        audit.record(session, person.who, "application.slip", None, None, subject=f"application:{number}")
        session.commit()
    phone = found.filled.phone
    message.send_later(
        store.settings, phone, words.say("joining.slip_message", "vi", by=person.name, stall=found.stall)
    )
    drawn = Markup(qr_image.svg(apply_slip.link(store.settings, token), title="QR"))
    until = moment + apply_slip.VALID
    return page.render(request, "field_slip.html", application=found, code=code, qr=drawn, until=until)


def _draft(
    session: Session,
    store: Store,
    person: Person,
    where: Market,
    typed: Typed,
    number: int | None,
    moment: datetime,
) -> Application:
    """As it stands in the form. The count is kept whatever becomes of it."""
    filled = typed.read()
    throttle.count(session, store.vault, moment, (throttle.HELPER, str(person.staff_id)))
    session.commit()
    if number is None:
        return application.begin(session, where, filled, by=person.who, moment=moment)
    found = application.find(session, number, market=where, by=person.who, lock=True)
    if filled.phone != found.phone:
        found.vendor_id = None  # another phone is nobody's yet
    application.fill_in(session, found, filled, by=person.who, moment=moment)
    return found


def _make_code(session: Session, store: Store, found: Application, moment: datetime) -> phone_code.Made:
    phone = found.filled.phone
    throttle.count(session, store.vault, moment, (throttle.PHONE, phone), (throttle.PHONE_DAY, phone))
    return phone_code.make(session, store.vault, phone, moment, purpose=_purpose(found))


def _purpose(found: Application) -> str:
    """What she reads out is good for this application, and not for signing in as her."""
    return f"application {found.key}"


def _on_to_code(
    request: Request, store: Store, person: Person, where: Market, found: Application, made: phone_code.Made
) -> Response:
    said = words.say("joining.helper_message", "vi", by=person.name, stall=found.stall, code=made.code)
    message.send_later(store.settings, found.filled.phone, said)
    answer = RedirectResponse(f"/field/{where.code}/application/consent?number={found.key}", 303)
    form.set_cookie(request, answer, COOKIE, made.handle, int(phone_code.VALID.total_seconds()))
    return answer


def _desk(
    session: Session, where: Market, person: Person, typed: Typed, changing: Application | None
) -> dict[str, Any]:
    """The form, and what one filled in and has not finished: drafts, and what the board returned with its reason."""
    open_ = application.of_market(session, where, application.MAY_BE_FILLED_IN, by=person.who)
    rows = [{"application": each, "reason": _reason(session, each)} for each in open_]
    lists = application_form.choices(session)
    return {"market": where, "banks": lists["banks"], "rows": rows, "typed": typed, "changing": changing}


def _reason(session: Session, found: Application) -> str | None:
    return next((step.reason for step in reversed(application.steps(session, found)) if step.reason), None)


def _facts(session: Session, found: Application) -> dict[str, Any]:
    return application_form.facts(session, found) | {"phone_tail": message.tail(found.filled.phone)}
