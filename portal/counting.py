"""The counting sheet: two big buttons at a stall, which work without a network and send later, once."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from merchants import market
from merchants.market import Market
from payments import tally
from portal import doorstep, field, page
from portal.access import Door, everybody, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
Text = Annotated[str, Form()]


@router.api_route("/field/worker.js", methods=page.READ)
@everybody
def serve_worker() -> Response:
    """The script that opens the counting sheet without a network: it may only speak for pages below its own address."""
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return FileResponse(page.STATIC / "counting_worker.js", media_type="text/javascript", headers=headers)


@router.api_route("/field/{code}/counting", methods=page.READ)
@needs("helper", "board", market="code")
def show(request: Request, session: SessionDep, code: str, sent: str = "") -> Response:
    """With a script the two buttons; without one, two numbers and a button that sends them."""
    return page.render(
        request, "counting.html", **_shown(session, market.find(session, code)), sent=sent[:40], error=None
    )


@router.post("/field/{code}/tallies")
@needs("helper", "board", market="code")
def take(
    request: Request,
    store: StoreDep,
    code: str,
    sent_id: Text = "",
    stall: Text = "",
    day: Text = "",
    cashless: Text = "",
    cash: Text = "",
) -> Response:
    """Take what a phone counted; the same one again changes nothing."""
    person = signed_in(request)
    with store.session() as session:
        found = market.find(session, code)
        try:
            told = tally.read(sent_id=sent_id, stall=stall, day=day, cashless=cashless or "0", cash=cash or "0")
            is_new = tally.take(session, found, told, by=person.who, moment=clock.now())
        except Refusal as refusal:
            session.rollback()
            again = _shown(session, found) | {"stall": stall[:40], "sent": ""}
            return doorstep.again(request, "counting.html", refusal, **again)
        if is_new:
            counted = {"stall": told.stall, "day": told.day, "customers": told.cashless + told.cash}
            audit.record(session, person.who, "tally.add", None, counted, subject=f"market:{code}")
        session.commit()
    return RedirectResponse(f"/field/{code}/counting?sent={told.sent_id}", 303)


def _shown(session: Session, found: Market) -> dict[str, Any]:
    return {
        "market": found,
        "stalls": field.stalls(session, found),
        "stall": "",
        "today": clock.today(),
        "fresh_id": uuid4(),
        "count_max": tally.COUNT_MAX,
    }
