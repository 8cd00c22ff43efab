"""The ward's page and the province's: their figures for a period, their parts, and how it went before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from merchants import market
from payments import period, published
from payments.area import Boundaries
from payments.figure import DEFINITIONS_VERSION, Figure
from payments.indicator import Rated, Rates
from payments.period import FIRST_YEAR, Period
from portal import page, period_choice
from portal.access import Door, needs
from portal.public import IN_DONG, LEVELS, SHARES

router = APIRouter(route_class=Door, include_in_schema=False)
SessionDep = Annotated[Session, Depends(page.open_session)]
BEFORE = 6  # periods of the same kind in "how it went"


class Part(NamedTuple):
    """A ward's market or a province's ward, or the whole, which has no `path`."""

    name: str
    path: str | None
    figures: dict[str, Figure]
    status: str | None


class Past(NamedTuple):
    """An earlier period by its name, and the area's figures of it."""

    text: str
    name: str
    figures: dict[str, Figure]


@router.api_route("/ward/{code}", methods=page.READ)
@needs("ward", "province", ward="code")
def show_ward(
    request: Request,
    session: SessionDep,
    code: str,
    period: str | None = None,
    boundaries: Annotated[Literal["period", "current"], Query()] = "period",
) -> Response:
    """A ward's figures, and its markets'."""
    return _show(request, session, f"ward:{code}", period, boundaries)


@router.api_route("/province/{code}", methods=page.READ)
@needs("province", province="code")
def show_province(
    request: Request,
    session: SessionDep,
    code: str,
    period: str | None = None,
    boundaries: Annotated[Literal["period", "current"], Query()] = "period",
) -> Response:
    """A province's figures, and its wards'."""
    return _show(request, session, f"province:{code}", period, boundaries)


def _show(request: Request, session: Session, key: str, text: str | None, boundaries: Boundaries) -> Response:
    moment = clock.now()
    today = clock.business_date(moment)
    language = page.language_of(request)
    asked = period_choice.read(text, today)
    rated = published.rates(session, key, asked.text, boundaries=boundaries, audience="ward", as_of=moment)
    names = {each: period_choice.name(period.parse(each), language) for each in period_choice.archive(today)}
    return page.render(
        request,
        "ward.html",
        area=rated.whole.area,
        level=key.partition(":")[0],
        boundaries=boundaries,
        period=asked,
        period_name=period_choice.name(asked, language),
        choices=period_choice.offered(today),
        archive={asked.text: period_choice.name(asked, language)} | names,
        complete=asked.complete(moment),
        counted_until=asked.counted_until(moment),
        as_of=moment,
        row=_part(rated.whole, None),
        parts=[_part(each, _path(each.area.key, asked, boundaries)) for each in rated.parts],
        past=_past(session, rated, language),
        made_up=_is_made_up(session, rated),
        shares=SHARES,
        levels=LEVELS,
        in_dong=IN_DONG,
        definitions_version=DEFINITIONS_VERSION,
    )


def _part(rated: Rated, path: str | None) -> Part:
    figures = {figure.indicator: figure for figure in rated.figures}
    shown = {figures[name].status for name in SHARES + LEVELS if figures[name].value is not None}
    return Part(rated.area.name, path, figures, shown.pop() if len(shown) == 1 else None)


def _path(key: str, asked: Period, boundaries: Boundaries) -> str:
    """The part's own page, on the same period."""
    level, _, code = key.partition(":")
    if level == "market":
        return f"/markets/{code}?period={asked.text}"
    return f"/{level}/{code}?period={asked.text}&boundaries={boundaries}"


def _past(session: Session, rated: Rates, language: str) -> Sequence[Past]:
    """The periods of the same kind before this one, as far back as the area's code meant anything."""
    found = []
    for text in period_choice.run(rated.period.text, BEFORE + 1)[1:]:
        before = _before(session, rated, text, rated.as_of)
        if before is None:
            break
        name = period_choice.name(before.period, language)
        found.append(Past(text, name, {figure.indicator: figure for figure in before.whole.figures}))
    return found


def _before(session: Session, rated: Rates, text: str, moment: datetime) -> Rates | None:
    if int(text[:4]) < FIRST_YEAR:
        return None
    key, boundaries = rated.whole.area.key, rated.boundaries
    try:
        return published.rates(session, key, text, boundaries=boundaries, audience="ward", as_of=moment)
    except Refusal:  # the code is nobody's then
        return None


def _is_made_up(session: Session, rated: Rates) -> bool:
    ids = {span.market_id for span in rated.whole.area.spans}
    return any(found.made_up for found in market.every(session) if found.key in ids)
