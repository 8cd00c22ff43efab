"""Placards on their way: handed over at the stall, damaged, replaced, as a helper or the board notes it."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from merchants import market, placard
from merchants.market import Market
from merchants.placard import Standing
from portal import doorstep, field, page
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
Text = Annotated[str, Form()]
MARKS = ("handed_over", "damaged", "replaced")


@router.api_route("/field/{code}/placards", methods=page.READ)
@needs("helper", "board", market="code")
def show(request: Request, session: SessionDep, code: str, stall: str = "", step: str = "") -> Response:
    """The placards that wait to be handed over, and a form for the one that hangs there damaged."""
    done = {"stall": stall[:40], "step": step} if stall and step in MARKS else None
    shown = _shown(session, market.find(session, code))
    return page.render(request, "field_placards.html", **shown, done=done, error=None)


@router.post("/field/{code}/placards")
@needs("helper", "board", market="code")
def mark(request: Request, store: StoreDep, code: str, stall: Text = "", step: Text = "") -> Response:
    """The stall's placard takes this step today."""
    person = signed_in(request)
    with store.session() as session:
        found = market.find(session, code)
        try:
            if step not in MARKS:
                raise Refusal("placard.no_step")
            serial = placard.of_stall(session, found, stall)
            taken = placard.mark(session, serial, step, by=person.who)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "field_placards.html", refusal, **_shown(session, found), done=None)
        told = {"step": step, "since": taken[0].since}
        audit.record(session, person.who, "placard.mark", None, told, subject=f"code:{serial}")
        session.commit()
    query = urlencode({"stall": taken[0].stall, "step": step})
    return RedirectResponse(f"/field/{code}/placards?{query}", 303)


def _shown(session: Session, found: Market) -> dict[str, Any]:
    last: dict[str, Standing] = {each.serial: each for each in placard.every(session, found)}
    return {
        "market": found,
        "waiting": [each for each in last.values() if each.step == "printed"],
        "damaged": [each for each in last.values() if each.step == "damaged"],
        "stalls": field.stalls(session, found),
        "today": clock.today(),
    }
