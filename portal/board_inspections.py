"""The board's view of the rounds: strange codes to be settled, and what was looked at lately."""

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from merchants import inspection, market
from merchants.inspection import Seen
from merchants.market import Market
from portal import doorstep, page
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
Text = Annotated[str, Form()]


class Notice(NamedTuple):
    """`reason` in the reader's words, `into` where the money would go."""

    seen: Seen
    reason: str
    into: str | None
    has_photo: bool


@router.api_route("/board/{code}/inspections", methods=page.READ)
@needs("board", market="code")
def show(request: Request, session: SessionDep, code: str) -> Response:
    """What has to be settled, then the last inspections."""
    shown = _shown(request, session, market.find(session, code))
    return page.render(request, "board_inspections.html", **shown, error=None)


@router.post("/board/{code}/inspections/settlement")
@needs("board", market="code")
def settle(
    request: Request, store: StoreDep, code: str, number: Annotated[int, Form()], settlement: Text = ""
) -> Response:
    """Say what was done about a strange code."""
    person = signed_in(request)
    with store.session() as session:
        found = market.find(session, code)
        try:
            seen = inspection.settle(session, found, number, settlement, by=person.who, moment=clock.now())
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "board_inspections.html", refusal, **_shown(request, session, found))
        told = {"stall": seen.stall, "settlement": seen.inspection.settlement}
        audit.record(session, person.who, "inspection.settle", None, told, subject=f"inspection:{number}")
        session.commit()
    return RedirectResponse(f"/board/{code}/inspections", 303)


def _shown(request: Request, session: Session, found: Market) -> dict[str, Any]:
    language = page.language_of(request)
    notices = [
        Notice(
            seen,
            inspection.explain(seen.inspection, seen.stall, language),
            inspection.receiver(seen.inspection),
            inspection.has_photo(session, seen.inspection.key),
        )
        for seen in inspection.notices(session, found)
    ]
    return {"market": found, "notices": notices, "latest": inspection.latest(session, found)}
