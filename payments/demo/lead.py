"""The demo's lead: the vendor of whom there is most to see, to whose stall more payments come while somebody looks."""

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session


class Lead(NamedTuple):
    phone: str
    stalls: frozenset[int]


# Who sold most in the last week at the first market, of those with a phone.
_BUSIEST = text("""
    SELECT merchant.phone, array_agg(DISTINCT d.stall_id) AS stalls
    FROM stall_day d JOIN stall_state s ON s.stall_id = d.stall_id AND s.superseded_at IS NULL
        AND s.since <= :day AND (s.until IS NULL OR s.until > :day)
    JOIN merchant ON merchant.id = s.merchant_id
    WHERE d.market_id = (SELECT min(id) FROM market WHERE made_up)
        AND d.business_date > CAST(:day AS date) - 7 AND d.business_date <= :settled AND merchant.phone IS NOT NULL
    GROUP BY merchant.phone ORDER BY sum(d.sales_count) DESC, merchant.phone LIMIT 1
""")
_DEMO_DAY = text("SELECT coalesce((SELECT demo_day - 1 FROM installation), :day)")


def find(session: Session, day: date) -> Lead | None:
    """The same one all day, whatever comes in meanwhile; None where nothing is made up."""
    settled = session.execute(_DEMO_DAY, {"day": day}).scalar_one()
    row: Any = session.execute(_BUSIEST, {"day": day, "settled": settled}).first()
    return None if row is None else Lead(row.phone, frozenset(row.stalls))
