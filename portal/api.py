"""The JSON API under /api/v1: the same figures as the pages and the command line."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlmodel import Session

from payments import indicator, published
from payments.indicator import Audience
from portal import problem
from portal.access import LEVELS, Door, everybody, reaches
from portal.page import language_of, open_session
from portal.person import Person

router = APIRouter(prefix="/api/v1", route_class=Door, responses=problem.RESPONSES)
SessionDep = Annotated[Session, Depends(open_session)]


@router.get("/rates")
@everybody
def rates(
    request: Request,
    session: SessionDep,
    area: Annotated[str, Query(description="market:CODE, ward:CODE or province:CODE")],
    period: Annotated[str, Query(description="2026-10-05, 2026-W46, 2026-10, 2026-Q3, 2026-H1, 2026-9M or 2026")],
    boundaries: Annotated[str, Query(description="period (the units of that time) or current (today's)")] = "period",
    live: Annotated[bool, Query(description="as of now, even where the figures are sealed")] = False,
) -> dict[str, Any]:
    """Every indicator of an area and its parts in a period, for whoever asks: the public, a board, a ward.

    Once they are sealed, the last revision.
    """
    audience = _audience(request.state.person, session, area)
    rated = published.rates(session, area, period, boundaries=boundaries, audience=audience, live=live)  # type: ignore[arg-type]
    return indicator.shown(rated, language_of(request))


def _audience(person: Person | None, session: Session, area: str) -> Audience:
    """What the caller's office makes of her; `internal` is nobody's over HTTP."""
    level, _, code = area.partition(":")
    if person is None or level not in LEVELS:
        return "public"
    if reaches(session, person, "ward", "province", **{level: code}):
        return "ward"
    return "board" if reaches(session, person, "board", **{level: code}) else "public"
