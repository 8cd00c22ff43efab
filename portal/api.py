"""The JSON API under /api/v1: the same figures as the pages and the command line."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from sqlmodel import Session

from payments import indicator
from portal.access import Door, everybody
from portal.page import language_of, open_session

router = APIRouter(prefix="/api/v1", route_class=Door)
SessionDep = Annotated[Session, Depends(open_session)]


@router.get("/rates")
@everybody
def rates(
    request: Request,
    session: SessionDep,
    area: Annotated[str, Query(description="market:CODE, ward:CODE or province:CODE")],
    period: Annotated[str, Query(description="2026-10-05, 2026-W46, 2026-10, 2026-Q3, 2026-H1, 2026-9M or 2026")],
    boundaries: Annotated[str, Query(description="period (the units of that time) or current (today's)")] = "period",
) -> dict[str, Any]:
    """Every indicator of an area and its parts in a period, for the public."""
    rated = indicator.rates(session, area, period, boundaries=boundaries, audience="public")  # type: ignore[arg-type]
    return indicator.shown(rated, language_of(request))
