"""Another bank account, or another phone, for one's own stall: asked for here, approved by the board."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock, message, words
from ground.refusal import Refusal
from ground.store import Store
from merchants import agreement, application
from merchants.application import Application, Vendor
from merchants.approval import Told
from merchants.market import Market
from payments import consent
from portal import application_form, doorstep, form, page, phone_code, throttle, vendor_account
from portal.access import Door, needs, signed_in
from portal.application_form import Typed, TypedDep
from portal.page import SessionDep, StoreDep
from portal.person import Person
from portal.vendor_account import Held

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Number = Annotated[int, Form()]
COOKIE = "newphone"


@router.api_route("/stall/account", methods=page.READ)
@needs("vendor")
def show(request: Request, session: SessionDep, number: int | None = None) -> Response:
    """Her stalls with their accounts, and the form (with `number`, of a change that was returned)."""
    person = signed_in(request)
    found = application.find(session, number, vendor=_vendor(person)) if number else None
    typed = application_form.typed_before(found)
    if found is not None and found.phone == person.phone:
        typed = typed._replace(phone="")
    return page.render(request, "stall_account.html", **_desk(session, person, typed), error=None)


@router.post("/stall/account")
@needs("vendor")
def fill_in(
    request: Request, store: StoreDep, typed: TypedDep, stall_id: Annotated[int, Form(alias="held")] = 0
) -> Response:
    """Keep it as a draft; to another phone goes a code first."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        try:
            held = _held(session, person, stall_id)
            throttle.count(session, store.vault, moment, (throttle.APPLICANT, str(person.vendor_id)))
            session.commit()
            found = _draft(session, person, held, typed, moment)
            made = _make_code(session, store, person, found, moment)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "stall_account.html", refusal, **_desk(session, person, typed, stall_id))
        told = {"state": found.state, "stall": found.stall, "other_phone": made is not None}
        audit.record(session, person.who, "application.fill_in", None, told, subject=f"application:{found.key}")
        session.commit()
    answer = RedirectResponse(f"/stall/account/consent?number={found.key}", 303)
    if made is not None:
        said = words.say("joining.phone_message", "vi", code=made.code, stall=found.stall)
        message.send_later(store.settings, found.filled.phone, said)
        form.set_cookie(request, answer, COOKIE, made.handle, int(phone_code.VALID.total_seconds()))
    return answer


@router.api_route("/stall/account/consent", methods=page.READ)
@needs("vendor")
def check(request: Request, session: SessionDep, number: int | None = None) -> Response:
    """What will change, and what she agrees to."""
    person = signed_in(request)
    found = application.find(session, number, vendor=_vendor(person)) if number else None
    if found is None or found.kind != "change" or found.state not in application.MAY_BE_FILLED_IN:
        return RedirectResponse("/stall/account", 303)
    return page.render(request, "stall_account_check.html", **_facts(session, found, person), error=None)


@router.post("/stall/account/consent")
@needs("vendor")
def agree(
    request: Request,
    store: StoreDep,
    number: Number,
    code: Annotated[str, Form()] = "",
    agreed: Annotated[bool, Form()] = False,
) -> Response:
    """On to the board. The phone the roll has is told at once: if it was not she, there is still time."""
    person, moment = signed_in(request), clock.now()
    assert person.phone is not None
    with store.session() as session:
        found = application.find(session, number, vendor=_vendor(person), lock=True)
        shown = _facts(session, found, person)
        try:
            if not agreed:
                raise Refusal("application.not_agreed")
            if found.phone != person.phone:
                _prove(request, session, store, found, code, moment)
                found = application.find(session, number, vendor=_vendor(person), lock=True)
            given = agreement.take_down("visit", page.language_of(request))
            application.submit(session, found, given, by=person.who, moment=moment)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "stall_account_check.html", refusal, **shown)
        told = {"state": found.state, "consent": agreement.VERSION}
        audit.record(session, person.who, "application.submit", None, told, subject=f"application:{number}")
        session.commit()
    place = {"stall": found.stall, "market": shown["market"].name}
    application_form.tell(store.settings, [Told(person.phone, "joining.told.change_asked", place)])
    return RedirectResponse("/apply?done=submitted", 303)


def _held(session: Session, person: Person, stall_id: int) -> Held:
    """One of her own stalls."""
    assert person.phone is not None
    own = vendor_account.held(session, person.phone, clock.today())
    found = next((each for each in own if each.stall_id == stall_id), None)
    if found is None:
        raise Refusal("stall_account.not_hers", status=404)
    return found


def _draft(session: Session, person: Person, held: Held, typed: Typed, moment: datetime) -> Application:
    """An earlier draft for this stall is written over; one that the board has is in the way."""
    filled = typed._replace(stall=held.number, name=held.merchant_name).read(phone=typed.phone.strip() or person.phone)
    where = session.get_one(Market, held.market_id)
    own = (each for each in application.of_vendor(session, _vendor(person)) if each.kind == "change")
    open_ = (each for each in own if each.state in application.MAY_BE_FILLED_IN)
    before = next((each for each in open_ if (each.market_id, each.stall) == (where.key, held.number)), None)
    if before is None:
        return application.begin(
            session,
            where,
            filled,
            by=person.who,
            moment=moment,
            vendor_id=person.vendor_id,
            merchant_id=held.merchant_id,
        )
    before.merchant_id = held.merchant_id
    application.fill_in(session, before, filled, by=person.who, moment=moment)
    return before


def _make_code(
    session: Session, store: Store, person: Person, found: Application, moment: datetime
) -> phone_code.Made | None:
    """For another phone than the one she came in by."""
    phone = found.filled.phone
    if phone == person.phone:
        return None
    throttle.count(session, store.vault, moment, (throttle.PHONE, phone))
    return phone_code.make(session, store.vault, phone, moment, purpose=_purpose(found))


def _prove(request: Request, session: Session, store: Store, found: Application, code: str, moment: datetime) -> None:
    """The new phone is in her hand. A wrong code is a try gone, whatever follows."""
    handle = request.cookies.get(form.cookie_name(request, COOKIE), "")
    told = "".join(code.split())
    phone = phone_code.try_out(session, store.vault, handle, told, moment, purpose=_purpose(found), strangers=True)
    wanted = found.phone
    session.commit()
    if phone is None or phone != wanted:
        raise Refusal("signin.wrong_code")


def _vendor(person: Person) -> Vendor:
    assert person.vendor_id is not None and person.phone is not None
    return Vendor(person.vendor_id, person.phone)


def _purpose(found: Application) -> str:
    return f"application {found.key}"


def _desk(session: Session, person: Person, typed: Typed, chosen: int = 0) -> dict[str, Any]:
    assert person.phone is not None
    held = vendor_account.held(session, person.phone, clock.today())
    before = next((each.stall_id for each in held if each.number == typed.stall), chosen)
    return {
        "held": held,
        "accounts": consent.accounts(session, [each.stall_id for each in held]),
        "chosen": chosen or before,
        "typed": typed,
        "banks": application_form.choices(session)["banks"],
        "phone": person.phone,
    }


def _facts(session: Session, found: Application, person: Person) -> dict[str, Any]:
    is_other = found.phone != person.phone
    return application_form.facts(session, found) | {
        "other_phone": is_other,
        "phone_tail": message.tail(found.phone or ""),
    }
