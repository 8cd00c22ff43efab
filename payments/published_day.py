"""A market's business days one by one, as everybody may see them."""

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
    SELECT business_date, sum(sales_value)::bigint, sum(sales_count) FROM stall_day
    WHERE market_id = :market AND business_date BETWEEN :first AND :last
    GROUP BY business_date HAVING count(*) FILTER (WHERE sales_value <> 0 OR sales_count <> 0) > 0
    ORDER BY business_date
""")


def read(session: Session, market_id: int, first: date, last: date, today: date) -> list[Day]:
    """The days that are over as of `today`; those without any sale are left out."""
    last = min(last, today - DAY)
    alone = Area("", "", (Span(market_id, first, last),))
    disclosed = disclosure.draw(session, [alone] if first <= last else [], today - DAY, today)
    rows = session.connection().execute(_DAYS, {"market": market_id, "first": first, "last": last})
    return [
        Day(day, value, number)
        if all(disclosed.may_show(measure, [Span(market_id, day, day)]) for measure in ("value", "count"))
        else Day(day, None, None)
        for day, value, number in rows
    ]
