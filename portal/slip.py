"""The sign-in slip: a printed QR by which a helper lets a vendor without SMS in, once and within a day."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from markupsafe import Markup
from sqlalchemy import text
from sqlmodel import Session

from ground import audit, clock, message, words
from ground.refusal import Refusal
from merchants import market, qr_image
from merchants.market import Market
from portal import doorstep, invitation, page, throttle, vendor_account
from portal.access import Door, needs, signed_in
from portal.page import StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
Field = Annotated[str, Form()]


@router.api_route("/field/{code}/slip", methods=page.READ)
@needs("helper", "board", market="code")
def show(request: Request, store: StoreDep, code: str) -> Response:
    """Which stall the slip is for."""
    with store.session() as session:
        return page.render(request, "slip_ask.html", market=market.find(session, code), number="", error=None)


@router.post("/field/{code}/slip")
@needs("helper", "board", market="code")
def make(request: Request, store: StoreDep, code: str, number: Field = "") -> Response:
    """The slip, shown this once. The vendor's phone is told that somebody made one."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        found = market.find(session, code)
        try:
            holder = _holder(session, found, number, moment)
            limits = (throttle.HELPER, str(person.staff_id)), (throttle.TOLD, f"slip {holder['phone']}")
            throttle.count(session, store.vault, moment, *limits)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "slip_ask.html", refusal, market=found, number=number[:40])
        vendor_id = vendor_account.take_up(session, holder["phone"], moment)
        token = invitation.make(session, store.vault, moment, by=person.who, vendor_id=vendor_id)
        subject = f"market:{code}"
        audit.record(session, person.who, "vendor.slip", None, {"stall": holder["number"]}, subject=subject)
        session.commit()
    told = words.say("slip.message", market=found.name, by=person.name)
    message.send_later(store.settings, holder["phone"], told)
    drawn = Markup(qr_image.svg(invitation.link(store.settings.base_url, token), title="QR"))
    until = moment + invitation.VALID
    return page.render(request, "slip.html", market=found, holder=holder, qr=drawn, until=until)


_HOLDER = text("""
    SELECT t.number, merchant.name, merchant.phone
    FROM stall t JOIN stall_state s ON s.stall_id = t.id AND s.superseded_at IS NULL
        AND s.since <= :day AND (s.until IS NULL OR s.until > :day)
    JOIN merchant ON merchant.id = s.merchant_id
    WHERE t.market_id = :market AND upper(t.number) = upper(:number)
""")


def _holder(session: Session, where: Market, number: str, moment: datetime) -> dict[str, Any]:
    """Who holds the stall today. Refuses where nobody does, or nobody whose phone the roll has."""
    asked = {"market": where.key, "number": number.strip(), "day": clock.business_date(moment)}
    row = session.execute(_HOLDER, asked).first()
    if row is None:
        raise Refusal("slip.nobody", stall=number[:40])
    if row.phone is None:
        raise Refusal("slip.no_phone", stall=row.number)
    return dict(row._mapping)
