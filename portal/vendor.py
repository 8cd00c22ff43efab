"""The vendor's page: what came today, what she says of it, and the cash of the day in one number."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import text
from sqlmodel import Session

from ground import audit, clock, money, record_number
from ground.refusal import Refusal
from ground.store import Store
from payments import cash_report, own_cash, own_day, own_payment, own_word
from payments.own_day import OwnDay, OwnStall
from payments.own_effect import Payment
from payments.own_payment import OwnPayment
from payments.own_word import Said
from portal import doorstep, form, live, page
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Text = Annotated[str, Form()]
SHOWN_FIRST = 30
DAYS_BACK = 7
"""So far back the page leads day by day; the month leads further."""
DONE = ("returned", "not_sale", "undone", "cash")


@router.api_route("/stall", methods=page.READ)
@needs("vendor")
def show(request: Request, session: SessionDep, day: str = "", all: str = "", done: str = "") -> Response:
    """A day at her stalls, today if none is asked for."""
    shown = _shown(request, session, _day(day), whole=bool(all))
    return page.render(request, "vendor.html", **shown, done=done if done in DONE else None, error=None)


@router.post("/stall/words")
@needs("vendor")
def say(
    request: Request,
    store: StoreDep,
    payment: Text = "",
    kind: Text = "",
    amount: Text = "",
    sent_id: Text = "",
    day: Text = "",
) -> Response:
    """Returned to the customer, all or part; or not a sale. The same form again changes nothing."""
    return _act(request, store, day, kind, lambda session: _say(request, session, payment, kind, amount, sent_id))


@router.post("/stall/words/undoing")
@needs("vendor")
def undo(request: Request, store: StoreDep, word: Annotated[int, Form()] = 0, day: Text = "") -> Response:
    """Take back what was said of a payment."""
    return _act(request, store, day, "undone", lambda session: _undo(request, session, word))


@router.post("/stall/cash")
@needs("vendor")
def declare(
    request: Request,
    store: StoreDep,
    stall: Annotated[int, Form()] = 0,
    day: Text = "",
    amount: Text = "",
) -> Response:
    """The cash of a day at a stall; said again, the later one counts."""
    return _act(request, store, day, "cash", lambda session: _declare(request, session, stall, day, amount))


def _act(request: Request, store: Store, day: str, done: str, act: Any) -> Response:
    """Do it, and back to the day it was about; what is wrong is said above the same page."""
    with store.session() as session:
        try:
            act(session)
        except Refusal as refusal:
            session.rollback()
            shown = _shown(request, session, _day(day), whole=False)
            return doorstep.again(request, "vendor.html", refusal, **shown, done=None)
        session.commit()
    asked = {} if _day(day) == clock.today() else {"day": _day(day).isoformat()}
    return RedirectResponse(f"/stall?{urlencode({**asked, 'done': done})}", 303)


def _say(request: Request, session: Session, payment: str, kind: str, amount: str, sent_id: str) -> None:
    person = signed_in(request)
    if kind not in ("returned", "not_sale"):
        raise Refusal("page.invalid", status=422, fields="kind")
    whole = _amount(amount) if kind == "returned" and amount.strip() else None
    said = Said("returned" if kind == "returned" else "not_sale", whole, _uuid(sent_id))
    spoken = _payment(payment)
    stalls = _her_stalls(request, session, spoken)
    word = own_word.say(session, spoken, stalls, said, by=person.who, moment=clock.now())
    if word is not None:
        subject = f"stall:{word.stall_id}"
        audit.record(session, person.who, f"payment.{kind}", None, {"word": word.id}, subject=subject)


def _undo(request: Request, session: Session, id: int) -> None:
    person = signed_in(request)
    spoken = own_word.payment_of(session, id)
    stalls = _her_stalls(request, session, spoken) if spoken is not None else ()
    word = own_word.undo(session, id, stalls, by=person.who, moment=clock.now())
    if word is not None:
        subject = f"stall:{word.stall_id}"
        audit.record(session, person.who, "payment.undone", {"word": word.id}, None, subject=subject)


def _declare(request: Request, session: Session, stall_id: int, told: str, amount: str) -> None:
    person, day = signed_in(request), _said_day(told)
    stalls = own_day.held_on(session, _phone(request), day)
    if stall_id not in stalls:
        raise Refusal("own_word.not_her_stall", status=404)
    before = _report(session, stall_id, day)
    known = cash_report.declare(session, stall_id, day, _amount(amount), by=person.who)
    if known != "unchanged":
        after = _report(session, stall_id, day)
        audit.record(session, person.who, "cash.declare", before, after, subject=f"stall:{stall_id}")


_REPORT = text(
    "SELECT max(id) FROM cash_report WHERE stall_id = :stall AND business_date = :day AND source = 'declared'"
)


def _report(session: Session, stall_id: int, day: date) -> dict[str, Any] | None:
    """Which report counts for a day, as the audit tells it: by its number, since the sum is hers."""
    found = session.execute(_REPORT, {"stall": stall_id, "day": day}).scalar()
    return None if found is None else {"day": day, "report": found}


def _her_stalls(request: Request, session: Session, payment: Payment) -> Sequence[int]:
    """The stalls that were hers on the day of a payment."""
    day = own_word.day_of(session, payment)
    return own_day.held_on(session, _phone(request), day) if day is not None else ()


def _shown(request: Request, session: Session, day: date, *, whole: bool) -> dict[str, Any]:
    phone, today = _phone(request), clock.today()
    ever = own_day.stalls(session, phone, today)
    stalls = own_day.those_on(session, phone, ever, day)
    days = own_day.of_days(session, phone, stalls, [day])
    found = own_payment.of_day(session, phone, [each.stall_id for each in stalls], day)
    return {
        "today": today,
        "day": day,
        "before": day - timedelta(days=1) if day > today - timedelta(days=DAYS_BACK) else None,
        "after": day + timedelta(days=1) if day < today else None,
        "moment": clock.now(),
        "stalls": [(each, days.get((each.stall_id, day), OwnDay(day))) for each in stalls],
        "ever": ever,
        "doubts": [(each, own_cash.doubt(session, phone, each.stall_id, day)) for each in stalls],
        "sum": own_day.total(days.values(), day),
        "payments": _payments(session, found if whole else found[:SHOWN_FIRST], today),
        "hidden": 0 if whole else max(0, len(found) - SHOWN_FIRST),
        **_listening(request, session, ever),
    }


def _payments(session: Session, found: Sequence[OwnPayment], today: date) -> list[dict[str, Any]]:
    """Each with what its line says of it, and a number of its own for each form."""
    usual = own_payment.usual_amounts(session, sorted({each.stall_id for each in found}), today)
    return [
        {
            "is": each,
            "tiny": own_payment.is_tiny(each.told, usual.get(each.stall_id, 0)),
            "net": each.amount - each.returned,
            "sent_ids": (uuid4(), uuid4()),
        }
        for each in found
    ]


def _listening(request: Request, session: Session, ever: Sequence[OwnStall]) -> dict[str, Any]:
    """Where the page's ear begins: what is on it already is not announced."""
    floor = live.newsroom_of(request).floor(session)
    known = own_payment.news(session, [each.stall_id for each in ever], floor, clock.today())
    made = session.execute(text("SELECT created_at FROM installation")).scalar_one()
    return {
        "floor": floor,
        "known": ",".join(str(each.entry_id) for each in known),
        # Another installation, or another vendor at this phone, counts from elsewhere.
        "books": f"{made:%Y%m%d%H%M%S}-{signed_in(request).vendor_id}",
    }


def _phone(request: Request) -> str:
    phone = signed_in(request).phone
    assert phone is not None
    return phone


def _day(told: str) -> date:
    """The day to show; today for what is none, or to come."""
    try:
        return min(date.fromisoformat(told), clock.today())
    except ValueError:
        return clock.today()


def _said_day(told: str) -> date:
    """The day that something is said of: what is none, or to come, is refused, and never today instead."""
    try:
        day = date.fromisoformat(told)
    except ValueError:
        raise Refusal("own_word.bad_day", day=told[:20]) from None
    if day > clock.today():
        raise Refusal("evidence.future", day=f"{day:%d/%m/%Y}")
    return day


def _amount(told: str) -> int:
    try:
        return money.read(told.replace(",", "."))
    except ValueError:
        raise Refusal("own_word.bad_amount") from None


def _uuid(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError:
        raise Refusal("page.invalid", status=422, fields="sent_id") from None


def _payment(key: str) -> Payment:
    """`n12` or `l5`, as `OwnPayment.key` names it."""
    kind, number = key[:1], record_number.read(key[1:])
    if kind not in ("n", "l") or number is None:
        raise Refusal("own_word.unknown", status=404)
    return (number, None) if kind == "n" else (None, number)
