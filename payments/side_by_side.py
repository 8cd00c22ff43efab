"""Figures to be held against each other: of several areas in one period, or of one area in several periods."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from payments import area, disclosure, indicator
from payments.area import Area, Boundaries, Map
from payments.binding import DAY
from payments.indicator import Audience, Rated
from payments.period import Period


def areas(
    session: Session, keys: Iterable[str], asked: Period, *, audience: Audience = "public", as_of: datetime
) -> list[Rated]:
    """Each area's figures as of now, as `indicator.rates` has them, read at once. Refuses an unknown area."""
    today = clock.business_date(as_of)
    drawn = area.draw(session, asked.first, asked.counted_until(as_of), "period", today)
    found = [area.find(key, asked, drawn)[0] for key in keys]
    disclosed = None if audience == "internal" else disclosure.draw(session, found, today - DAY, today)
    return indicator.rate_all(session, found, asked, drawn, disclosed)


def periods(
    session: Session,
    key: str,
    asked: Sequence[Period],
    *,
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    as_of: datetime,
) -> list[Rated | None]:
    """One area's figures as of now in each period; None in one that has not begun or knows no unit of this code."""
    today = clock.business_date(as_of)
    begun = [each for each in asked if each.first <= today]
    if not begun:
        return [None] * len(asked)
    last = max(each.counted_until(as_of) for each in begun)
    drawn = area.draw(session, min(each.first for each in begun), last, boundaries, today)
    found = {each: _find(key, each, area.narrow(drawn, each.first, each.counted_until(as_of))) for each in begun}
    known = [one[0] for one in found.values() if one is not None]
    disclosed = None if audience == "internal" else disclosure.draw(session, known, today - DAY, today)
    return [
        None if (one := found.get(each)) is None else indicator.rate_all(session, one[:1], each, one[1], disclosed)[0]
        for each in asked
    ]


def _find(key: str, asked: Period, drawn: Map) -> tuple[Area, Map] | None:
    try:
        return area.find(key, asked, drawn)[0], drawn
    except Refusal:  # a reused or newer code means nothing then
        return None
