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
def show(request: Request, session: SessionDep, code: str, sent: str = "", mended: str = "") -> Response:
    """With a script the two buttons; without one, two numbers and a button that sends them."""
    shown = _shown(request, session, market.find(session, code))
    said = "counting.mended" if mended else "counting.sent" if sent else None
    return page.render(request, "counting.html", **shown, said=said, error=None)


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
            told = tally.read(
                tally.Sent, sent_id=sent_id, stall=stall, day=day, cashless=cashless or "0", cash=cash or "0"
            )
            is_new = tally.take(session, found, told, by=person.who, moment=clock.now())
        except Refusal as refusal:
            session.rollback()
            again = _shown(request, session, found) | {"stall": stall[:40], "said": None}
            return doorstep.again(request, "counting.html", refusal, **again)
        if is_new:
            counted = {"stall": told.stall, "day": told.day, "customers": told.cashless + told.cash}
            audit.record(session, person.who, "tally.add", None, counted, subject=f"market:{code}")
        session.commit()
    return RedirectResponse(f"/field/{code}/counting?sent={told.sent_id}", 303)


@router.post("/field/{code}/tallies/correction")
@needs("helper", "board", market="code")
def correct(
    request: Request,
    store: StoreDep,
    code: str,
    sent_id: Text = "",
    corrects: Text = "",
    cashless: Text = "",
    cash: Text = "",
    take_back: Text = "",
) -> Response:
    """Say one's own tally of today anew, or take it back; the same form again changes nothing."""
    person = signed_in(request)
    numbers = {"cashless": "0", "cash": "0"} if take_back else {"cashless": cashless or "0", "cash": cash or "0"}
    with store.session() as session:
        found = market.find(session, code)
        try:
            told = tally.read(tally.Correction, sent_id=sent_id, corrects=corrects, **numbers)
            before = tally.correct(session, found, told, by=person.who, moment=clock.now())
        except Refusal as refusal:
            session.rollback()
            again = _shown(request, session, found) | {"said": None}
            return doorstep.again(request, "counting.html", refusal, **again)
        if before is not None:
            was = {"stall": before.stall, "day": before.day, "customers": before.cashless + before.cash}
            now = {**was, "customers": told.cashless + told.cash}
            audit.record(session, person.who, "tally.correct", was, now, subject=f"market:{code}")
        session.commit()
    return RedirectResponse(f"/field/{code}/counting?mended={told.sent_id}", 303)


def _shown(request: Request, session: Session, found: Market) -> dict[str, Any]:
    mine = tally.sent_today(session, found, by=signed_in(request).who, moment=clock.now())
    return {
        "mine": [(each, uuid4()) for each in mine],
        "market": found,
        "stalls": field.stalls(session, found),
        "stall": "",
        "today": clock.today(),
        "fresh_id": uuid4(),
        "count_max": tally.COUNT_MAX,
    }
