"""The JSON API under /api/v1: the same figures as the pages and the command line."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator
from sqlmodel import Session

from ground import clock
from payments import indicator, published, scoreboard, series, target
from payments.area import Boundaries, read_boundaries
from payments.figure import DEFINITIONS_VERSION
from payments.indicator import Audience
from portal import freshness, problem
from portal.access import Door, everybody
from portal.api_shape import BY_KEY, RatesShape, ScoreboardShape, SeriesShape, Shape, answers
from portal.caller import Caller, identify
from portal.page import SessionDep, language_of

router = APIRouter(prefix="/api/v1", route_class=Door, responses=problem.RESPONSES)
CallerDep = Annotated[Caller, Depends(identify)]
AreaQuery = Annotated[str, Query(description="market:CODE, ward:CODE or province:CODE")]
PeriodQuery = Annotated[str, Query(description="2026-10-05, 2026-W46, 2026-10, 2026-Q3, 2026-H1, 2026-9M or 2026")]
BoundariesQuery = Annotated[
    Boundaries,
    BeforeValidator(read_boundaries),
    Query(description="period (the units of that time) or current (today's)"),
]
LiveQuery = Annotated[bool, Query(description="the figures as of now, even where they are sealed")]
LimitQuery = Annotated[int, Query(ge=1, le=100, description="how many at most on a page")]

# An answer, and the query that leads to the next page of it.
Answer = tuple[dict[str, Any], dict[str, str]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def _read(path: str, shape: type[Shape]) -> Callable[[Endpoint], Endpoint]:
    """GET, and HEAD as its headers, of which the description need not tell."""

    def add(endpoint: Endpoint) -> Endpoint:
        router.head(path, include_in_schema=False)(endpoint)
        return router.get(path, response_model=None, responses=answers(shape), openapi_extra=BY_KEY)(endpoint)

    return add


@_read("/rates", RatesShape)
@everybody
def rates(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    area: AreaQuery,
    period: PeriodQuery,
    boundaries: BoundariesQuery = "period",
    live: LiveQuery = False,
) -> Response:
    """Every indicator of an area and its parts in a period, for whoever asks: the public, a board, a ward.

    Once the period is sealed, the figures of the last revision.
    """

    def answer(audience: Audience) -> Answer:
        rated = published.rates(session, area, period, boundaries=boundaries, audience=audience, live=live)
        return indicator.shown(rated, language_of(request)), {}

    return _answer(request, session, caller.audience(session, area), answer)


@_read("/series", SeriesShape)
@everybody
def read_series(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    area: AreaQuery,
    indicator: Annotated[str, Query(description="acceptance, value_share, cashless_value …")],
    first: Annotated[str, Query(alias="from", description="the first period")],
    last: Annotated[str, Query(alias="to", description="the last period, of the same kind")],
    boundaries: BoundariesQuery = "period",
    live: LiveQuery = False,
    limit: LimitQuery = 24,
    cursor: Annotated[str | None, Query(description="`next` of the page before")] = None,
) -> Response:
    """One indicator of an area, period by period. Periods that have not begun are left out."""
    target.check_indicator(indicator)

    def answer(audience: Audience) -> Answer:
        moment, language = clock.now(), language_of(request)
        page = series.page(
            session, area, first, last, limit=limit, cursor=cursor, boundaries=boundaries,
            audience=audience, live=live, as_of=moment,
        )  # fmt: skip
        head = {"area": area, "indicator": indicator, "boundaries": boundaries, "audience": audience}
        told = [series.shown(each, indicator, moment, language) for each in page.points]
        stamped = {"definitions_version": DEFINITIONS_VERSION, "as_of": clock.stamp(moment)}
        return {**head, **stamped, "series": told, "next": page.cursor}, _next(page.cursor)

    return _answer(request, session, caller.audience(session, area), answer)


@_read("/scoreboard", ScoreboardShape)
@everybody
def read_scoreboard(
    request: Request,
    session: SessionDep,
    caller: CallerDep,
    area: AreaQuery,
    period: PeriodQuery,
    limit: LimitQuery = 100,
    cursor: Annotated[int, Query(ge=0, le=1_000_000, description="`next` of the page before")] = 0,
) -> Response:
    """How the targets of an area, its wards and its markets are met; `counts` is of all of them, whatever the page."""

    def answer(audience: Audience) -> Answer:
        board = scoreboard.read(session, area, period, audience=audience)
        told = scoreboard.shown(board, language_of(request))
        after = cursor + limit
        following = str(after) if after < len(told["targets"]) else None
        told["targets"] = told["targets"][cursor:after]
        return told | {"next": following}, _next(following)

    return _answer(request, session, caller.audience(session, area), answer)


def _next(cursor: str | None) -> dict[str, str]:
    return {"cursor": cursor} if cursor is not None else {}


def _answer(request: Request, session: Session, audience: Audience, make: Callable[[Audience], Answer]) -> Response:
    """The answer with its tag, or 304 to whoever has it."""
    tag = freshness.tag(request, session, audience, language_of(request))
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Authorization, Cookie"}
    if audience != "public":
        headers["Cache-Control"] = "private, no-cache"
    if freshness.is_known(request, tag):
        return freshness.unchanged(headers)
    document, following = make(audience)
    if following:
        query = request.url.include_query_params(**following).query
        headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return JSONResponse(document, headers=headers)
