"""The ward's page and the province's: figures against targets, their parts, the trend, and what a seal has changed."""

from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from ground import clock
from merchants import market
from payments import period, period_run, published, scoreboard, series, target
from payments.area import Area, Boundaries
from payments.figure import Figure
from payments.indicator import Rated, Rates
from payments.period import Period
from payments.published import LastChange
from payments.scoreboard import Judged
from payments.series import Point
from portal import bullet, freshness, page, period_choice, trend
from portal.access import Door, needs, signed_in
from portal.bullet import Bullet
from portal.page import SessionDep
from portal.public import IN_DONG, LEVELS, SHARES

router = APIRouter(route_class=Door, include_in_schema=False)
BEFORE = 4  # earlier periods of the same kind that links lead to


class Part(NamedTuple):
    """A ward's market or a province's ward, or the whole, which has no `path`."""

    name: str
    path: str | None
    figures: dict[str, Figure]
    status: str | None


class Line(NamedTuple):
    """An indicator with its bullet, and the target it is held against, where there are."""

    figure: Figure
    bullet: Bullet | None
    judged: Judged | None


@router.api_route("/ward/{code}", methods=page.READ)
@needs("ward", "province", ward="code")
def show_ward(
    request: Request,
    session: SessionDep,
    code: str,
    period: str | None = None,
    boundaries: Boundaries = "period",
) -> Response:
    """A ward's figures, and its markets'."""
    return _answer(request, session, f"ward:{code}", period, boundaries)


@router.api_route("/province/{code}", methods=page.READ)
@needs("province", province="code")
def show_province(
    request: Request,
    session: SessionDep,
    code: str,
    period: str | None = None,
    boundaries: Boundaries = "period",
) -> Response:
    """A province's figures, and its wards'."""
    return _answer(request, session, f"province:{code}", period, boundaries)


def _answer(request: Request, session: Session, key: str, text: str | None, boundaries: Boundaries) -> Response:
    """The page, or 304 to a browser that has it.

    Unlike other pages of one's own it may stay in her browser, which asks each time before it shows it again: there is
    nothing on it that is not public.
    """
    tag = freshness.tag(request, session, signed_in(request), page.language_of(request))
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if freshness.is_known(request, tag):
        return freshness.unchanged(headers)
    answer = page.render(request, "ward.html", **_shown(session, key, text, boundaries, page.language_of(request)))
    answer.headers.update(headers)
    return answer


def _shown(session: Session, key: str, text: str | None, boundaries: Boundaries, language: str) -> dict[str, Any]:
    moment = clock.now()
    today = clock.business_date(moment)
    asked = period_choice.read(text, today)
    rated = published.rates(session, key, asked.text, boundaries=boundaries, audience="ward", as_of=moment)
    names = {each: period_choice.name(period.parse(each), language) for each in period_choice.archive(today)}
    points = _trend(session, rated, asked, moment)
    return {
        "area": rated.whole.area,
        "level": key.partition(":")[0],
        "boundaries": boundaries,
        "period": asked,
        "period_name": period_choice.name(asked, language),
        "choices": period_choice.offered(today),
        "archive": {asked.text: period_choice.name(asked, language)} | names,
        "earlier": {
            each.text: period_choice.name(each, language) for each in period_run.back(asked, BEFORE + 1)[-2::-1]
        },
        "complete": asked.complete(moment),
        "counted_until": asked.counted_until(moment),
        "as_of": rated.as_of,
        "row": _part(rated.whole, None),
        "parts": [_part(each, _path(each.area.key, asked, boundaries)) for each in rated.parts],
        "lines": _lines(session, rated),
        "trends": trend.draw(points),
        "points": points[::-1],
        "month_names": {each.period.text: period_choice.name(each.period, language) for each in points},
        "change": _change(session, rated, moment),
        "made_up": _is_made_up(session, rated.whole.area),
        "shares": SHARES,
        "levels": LEVELS,
        "in_dong": IN_DONG,
        "revision": rated.revision,
        "sha256": rated.sha256,
        "definitions_version": rated.definitions_version,
    }


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


def _lines(session: Session, rated: Rates) -> list[Line]:
    """Every indicator. Targets speak of the units of that time, so they are held against those alone."""
    figures = {each.indicator: each for each in rated.whole.figures}
    area = rated.whole.area
    wanted = target.current(session, rated.period.text) if rated.boundaries == "period" else ()
    judged = {each.indicator: scoreboard.judge(each, area, figures) for each in wanted if each.area == area.key}
    return [
        Line(figure, bullet.draw(figure, judged.get(name)), judged.get(name)) for name, figure in figures.items()
    ]  # fmt: skip


def _trend(session: Session, rated: Rates, asked: Period, moment: datetime) -> list[Point]:
    """Month by month up to the last that counts."""
    months = period_run.months_until(asked.counted_until(moment), trend.MONTHS)
    key, boundaries = rated.whole.area.key, rated.boundaries
    return series.read(session, key, months, boundaries=boundaries, audience="ward", as_of=moment)


def _change(session: Session, rated: Rates, moment: datetime) -> LastChange | None:
    if rated.revision is None:
        return None
    return published.last_change(session, rated.whole.area.key, rated.period.text, as_of=moment)


def _is_made_up(session: Session, area: Area) -> bool:
    ids = {span.market_id for span in area.spans}
    return any(found.made_up for found in market.every(session) if found.key in ids)
