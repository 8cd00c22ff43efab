"""Markets' business days one by one, as everybody may see them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from payments import disclosure
from payments.area import Area, Span
from payments.binding import DAY


class Day(NamedTuple):
    """Both None where either is suppressed."""

    date: date
    value: int | None
    number: int | None


_DAYS = text("""
    SELECT d.market_id, d.business_date, sum(d.sales_value)::bigint, sum(d.sales_count)
    FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
        AS span (market, first, last)
    JOIN stall_day d ON d.market_id = span.market AND d.business_date BETWEEN span.first AND span.last
    GROUP BY d.market_id, d.business_date
    HAVING count(*) FILTER (WHERE d.sales_value <> 0 OR d.sales_count <> 0) > 0
    ORDER BY d.market_id, d.business_date
""")
LEVELS = ("value", "count")


def read(session: Session, market_id: int, first: date, last: date, today: date) -> list[Day]:
    """The days that are over as of `today`; those without any sale are left out."""
    spans = [Span(market_id, first, last)] if first <= last else []
    return read_spans(session, spans, today).get(market_id, [])


def read_spans(session: Session, spans: Iterable[Span], today: date) -> dict[int, list[Day]]:
    """The same of several markets' days at once, by market."""
    over = disclosure.clip(spans, today - DAY)
    disclosed = disclosure.draw(session, [Area("", "", over)], today - DAY, today)
    columns = zip(*over, strict=True) if over else ((), (), ())
    asked = dict(zip(("markets", "firsts", "lasts"), map(list, columns), strict=True))
    found: dict[int, list[Day]] = defaultdict(list)
    for market_id, day, value, number in session.connection().execute(_DAYS, asked):
        alone = [Span(market_id, day, day)]
        shown = all(disclosed.may_show(measure, alone) for measure in LEVELS)
        found[market_id].append(Day(day, value, number) if shown else Day(day, None, None))
    return dict(found)
