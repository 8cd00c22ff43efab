"""A vendor joins: her phone first, then her stall and account, then what she agrees to; and what became of it."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import text
from sqlmodel import Session

from ground import audit, clock, message, words
from ground.refusal import Refusal
from ground.store import Store
from merchants import agreement, application, market
from merchants.application import Application, Vendor
from merchants.market import Market
from portal import application_form, device, doorstep, form, page, phone_code, signin_phone, throttle, vendor_account
from portal.access import Door, everybody, needs, signed_in
from portal.application_form import Typed, TypedDep
from portal.page import SessionDep, StoreDep
from portal.person import Person

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Field = Annotated[str, Form()]
Number = Annotated[int, Form()]
DONE = ("submitted", "withdrawn")


@router.api_route("/apply", methods=page.READ)
@everybody
def show(
    request: Request, session: SessionDep, number: int | None = None, market: str = "", done: str = ""
) -> Response:
    """To a stranger the phone's field; to a vendor her applications and the form (with `number`, of that one)."""
    person: Person | None = request.state.person
    if person is None or not person.is_vendor:
        return page.render(request, "apply_phone.html", error=None)
    said = done if done in DONE else None
    return page.render(request, "apply.html", **_desk(session, person, number, market), done=said, error=None)


@router.post("/apply/phone")
@everybody
def ask(request: Request, store: StoreDep, phone: Field = "") -> Response:
    """Send a code to any phone: the answer, the message and the time are the same whether somebody knows it or not.

    Counted with the codes for signing in: nobody's phone gets more of them for there being two doors.
    """
    moment = clock.now()
    try:
        number = vendor_account.read(phone)
        everybody_today = (throttle.STRANGERS, f"{clock.business_date(moment)}")
        made = signin_phone.make_code(request, store, number, moment, everybody_today)
    except Refusal as refusal:
        return doorstep.again(request, "apply_phone.html", refusal)
    answer = RedirectResponse("/apply/code", 303)
    message.send_later(store.settings, number, words.say("joining.code_message", "vi", code=made.code))
    form.set_cookie(request, answer, "code", made.handle, int(phone_code.VALID.total_seconds()))
    return answer


@router.api_route("/apply/code", methods=page.READ)
@everybody
def show_code(request: Request) -> Response:
    """Where the code from the phone is typed in."""
    return page.render(request, "apply_code.html", error=None)


@router.post("/apply/code")
@everybody
def enter(request: Request, store: StoreDep, code: Field = "") -> Response:
    """The phone is hers: she is signed in by it, whether there is a stall yet or not."""
    moment = clock.now()
    handle = request.cookies.get(form.cookie_name(request, "code"), "")
    with store.session() as session:
        phone = phone_code.try_out(session, store.vault, handle, "".join(code.split()), moment, strangers=True)
        is_open = phone is not None or phone_code.is_open(session, store.vault, handle, moment)
        vendor_id = vendor_account.take_up(session, phone, moment) if phone else None
        if phone:
            throttle.forgive(session, store.vault, (throttle.PHONE, device.lane(request, store.vault, phone)))
        session.commit()
    if vendor_id is None:
        refusal = Refusal("signin.wrong_code" if is_open else "signin.code_is_over")
        return doorstep.again(request, "apply_code.html", refusal)
    answer = doorstep.admit(request, store, moment, "/apply", vendor_id=vendor_id, by="code")
    form.drop_cookie(request, answer, "code")
    return answer


@router.post("/apply")
@needs("vendor")
def fill_in(
    request: Request, store: StoreDep, typed: TypedDep, market: Field = "", number: Annotated[int | None, Form()] = None
) -> Response:
    """Keep what was filled in as a draft, and on to what she agrees to."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        try:
            found = _draft(session, store, person, typed, market, number, moment)
        except Refusal as refusal:
            session.rollback()
            desk = _desk(session, person, number, market) | {"typed": typed}
            return doorstep.again(request, "apply.html", refusal, **desk, done=None)
        told = {"state": found.state, "stall": found.stall}
        audit.record(session, person.who, "application.fill_in", None, told, subject=f"application:{found.key}")
        session.commit()
    return RedirectResponse(f"/apply/consent?number={found.key}", 303)


@router.api_route("/apply/consent", methods=page.READ)
@needs("vendor")
def check(request: Request, session: SessionDep, number: int | None = None) -> Response:
    """What she filled in, once more, and what she agrees to."""
    if number is None:
        return RedirectResponse("/apply", 303)
    found = application.find(session, number, vendor=_vendor(signed_in(request)))
    if found.state not in application.MAY_BE_FILLED_IN:
        return RedirectResponse("/apply", 303)
    return page.render(request, "apply_check.html", **application_form.facts(session, found), error=None)


@router.post("/apply/consent")
@needs("vendor")
def agree(request: Request, store: StoreDep, number: Number, agreed: Annotated[bool, Form()] = False) -> Response:
    """On to the board."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        found = application.find(session, number, vendor=_vendor(person), lock=True)
        if found.kind != "joining":
            return RedirectResponse(f"/stall/account/consent?number={number}", 303)
        try:
            if not agreed:
                raise Refusal("application.not_agreed")
            given = agreement.take_down("code", page.language_of(request))
            application.submit(session, found, given, by=person.who, moment=moment)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "apply_check.html", refusal, **application_form.facts(session, found))
        told = {"state": found.state, "consent": agreement.VERSION}
        audit.record(session, person.who, "application.submit", None, told, subject=f"application:{number}")
        session.commit()
    return RedirectResponse("/apply?" + urlencode({"done": "submitted"}), 303)


@router.post("/apply/withdrawal")
@needs("vendor")
def withdraw(request: Request, store: StoreDep, number: Number) -> Response:
    """She thought better of it."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        found = application.find(session, number, vendor=_vendor(person), lock=True)
        was = found.state
        application.take(session, found, "withdraw", by=person.who, moment=moment)
        told = {"state": found.state}
        audit.record(session, person.who, "application.withdraw", {"state": was}, told, subject=f"application:{number}")
        session.commit()
    return RedirectResponse("/apply?" + urlencode({"done": "withdrawn"}), 303)


def _draft(
    session: Session, store: Store, person: Person, typed: Typed, code: str, number: int | None, moment: datetime
) -> Application:
    """The draft that she goes on with, or a new one. The count is kept whatever becomes of it."""
    filled = typed.read(phone=person.phone)
    where = _market(session, code)
    throttle.count(session, store.vault, moment, (throttle.APPLICANT, str(person.vendor_id)))
    session.commit()
    before = _before(session, person, where, filled.stall, number)
    if before is None:
        return application.begin(session, where, filled, by=person.who, moment=moment, vendor_id=person.vendor_id)
    before.market_id, before.vendor_id = where.key, person.vendor_id
    application.fill_in(session, before, filled, by=person.who, moment=moment)
    return before


def _before(session: Session, person: Person, where: Market, stall: str, number: int | None) -> Application | None:
    if number is not None:
        return application.find(session, number, vendor=_vendor(person), lock=True)
    own = (each for each in application.of_vendor(session, _vendor(person)) if each.kind == "joining")
    open_ = (each for each in own if each.state in application.MAY_BE_FILLED_IN)
    return next((each for each in open_ if each.market_id == where.key and each.stall.upper() == stall.upper()), None)


def _vendor(person: Person) -> Vendor:
    assert person.vendor_id is not None and person.phone is not None
    return Vendor(person.vendor_id, person.phone)


def _market(session: Session, code: str) -> Market:
    found = next((each for each in market.every(session) if each.code == code), None)
    if found is None:
        raise Refusal("application.no_market")
    return found


_CODE = text("""
    SELECT c.serial, c.live_from FROM code c JOIN stall s ON s.id = c.stall_id
    WHERE s.market_id = :market AND upper(s.number) = upper(:stall) AND c.merchant_id = :merchant
        AND (c.revoked_on IS NULL OR c.revoked_on > :day) ORDER BY c.live_from LIMIT 1
""")


def _desk(session: Session, person: Person, number: int | None, chosen: str) -> dict[str, Any]:
    """Her applications with what can be done, and the form: empty, or of the one that is to be changed."""
    found = application.find(session, number, vendor=_vendor(person)) if number else None
    changing = found if found and found.kind == "joining" and found.state in application.MAY_BE_FILLED_IN else None
    own = [each for each in application.of_vendor(session, _vendor(person)) if each.erased_at is None]
    rows = [_row(session, each) for each in own]
    where = next((row["market"].code for row in rows if changing and row["application"].key == changing.key), chosen)
    return {
        **application_form.choices(session),
        "rows": rows,
        "changing": changing,
        "chosen": where,
        "typed": application_form.typed_before(changing),
        "is_waiting": any(each.state in application.OPEN for each in own),
        "phone": person.phone,
        "today": clock.today(),
    }


def _row(session: Session, found: Application) -> dict[str, Any]:
    why = [step.reason for step in application.steps(session, found) if step.reason]
    asked = {"market": found.market_id, "stall": found.stall, "merchant": found.merchant_id, "day": clock.today()}
    live = session.execute(_CODE, asked).first() if found.state == "approved" else None
    return application_form.facts(session, found) | {
        "reason": why[-1] if why and found.state in ("returned", "declined") else None,
        "may_change": found.state in application.MAY_BE_FILLED_IN,
        "may_withdraw": "withdraw" in application.STEPS[found.state],
        "code": live,
    }
