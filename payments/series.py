"""A series: one area's figures period by period, each as it is published."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from ground import clock
from ground.refusal import Refusal
from payments import area, figure, period, period_run, revision, side_by_side
from payments.area import Boundaries
from payments.figure import Figure
from payments.indicator import AUDIENCES, Audience, Rated
from payments.period import Period
from payments.revision import Seal


class Point(NamedTuple):
    """`rated` None: the area's code meant nothing then. `revision`: of the seal the figures are from."""

    period: Period
    rated: Rated | None
    revision: int | None

    def figure(self, indicator: str) -> Figure:
        if self.rated is None:
            return figure.missing(indicator, "series.no_such_unit", n=0, size=0)
        return next(each for each in self.rated.figures if each.indicator == indicator)


class Page(NamedTuple):
    """A part of a series; `cursor`: the period the next part begins with."""

    points: list[Point]
    cursor: str | None


def read(
    session: Session,
    area_key: str,
    asked: Sequence[Period],
    *,
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    live: bool = False,
    as_of: datetime,
) -> list[Point]:
    """The figures of each period: its last sealed revision where there is one and `live` is not wanted, else as of now.

    Only units of the time are sealed.
    """
    sealed = set() if live or boundaries != "period" else _sealed(session, area_key, asked)
    found: dict[Period, Point] = {}
    for each in asked:
        seal = revision.latest(session, area_key, each.text) if each.text in sealed else None
        if seal is not None:
            found[each] = Point(each, revision.read(seal, audience).whole, seal.revision)
    open_ = [each for each in asked if each not in found]
    rated = side_by_side.periods(session, area_key, open_, boundaries=boundaries, audience=audience, as_of=as_of)
    found |= {each: Point(each, one, None) for each, one in zip(open_, rated, strict=True)}
    return [found[each] for each in asked]


def _sealed(session: Session, area_key: str, asked: Sequence[Period]) -> set[str]:
    texts = [each.text for each in asked]
    return set(session.exec(select(Seal.period).where(Seal.area == area_key, col(Seal.period).in_(texts))))


def page(
    session: Session,
    area_key: str,
    first: str,
    last: str,
    *,
    limit: int,
    cursor: str | None = None,
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    live: bool = False,
    as_of: datetime | None = None,
) -> Page:
    """At most `limit` periods of a series, from the `cursor` on; those that have not begun are left out.

    Refuses an unknown area (404), a first period not begun, and a cursor that is none of the series.
    """
    moment = as_of or clock.now()
    _check(session, area_key, audience)
    begun = _begun(first, last, moment)
    if cursor is not None:
        begun = _from(begun, cursor)
    taken = begun[:limit]
    points = read(session, area_key, taken, boundaries=boundaries, audience=audience, live=live, as_of=moment)
    return Page(points, begun[limit].text if len(begun) > limit else None)


def _check(session: Session, area_key: str, audience: str) -> None:
    """The area's code has to mean something on some day: a ward of before the reform has a series too."""
    if audience not in AUDIENCES:
        raise Refusal("figure.unknown_audience", audience=audience)
    area.check(session, area_key)


def _begun(first: str, last: str, moment: datetime) -> list[Period]:
    first_ = period.parse(first)
    first_.counted_until(moment)  # refuses one not begun
    today = clock.business_date(moment)
    return list(takewhile(lambda each: each.first <= today, period_run.between(first, last)))


def _from(begun: list[Period], cursor: str) -> list[Period]:
    texts = [each.text for each in begun]
    if cursor not in texts:
        raise Refusal("series.unknown_cursor", cursor=cursor[:40])
    return begun[texts.index(cursor) :]


def shown(point: Point, indicator: str, as_of: datetime, language: str) -> dict[str, Any]:
    """One row of `/api/v1/series`."""
    told = point.figure(indicator)
    return {
        "period": point.period.text,
        "from": point.period.first.isoformat(),
        "to": point.period.last.isoformat(),
        "complete": point.period.complete(as_of),
        "revision": point.revision,
        **told.shown(),
        "reason": told.because(language),
    }
