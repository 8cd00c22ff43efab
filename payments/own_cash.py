"""A vendor's cash that can hardly be: as much more than on her usual day as a few zeros too many make it."""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

ASKED_TIMES = 100
"""From so many times her usual day on she is asked: two zeros too many. At 1,000 times a report is flagged as well."""
LOOKED_BACK = timedelta(days=92)


class Doubt(NamedTuple):
    """Whole đồng. `usual`: the median of her other days with cash; `likely`: the amount without the zeros too many,
    None where it has none to lose."""

    amount: int
    usual: int
    likely: int | None

    @property
    def times(self) -> int:
        return self.amount // self.usual


# Of her own days alone: what is usual at the stall with somebody else, she is not told.
_TOLD = text("""
    WITH latest AS (
        SELECT DISTINCT ON (business_date) business_date, amount FROM cash_report d
        WHERE stall_id = :stall AND source = 'declared' AND business_date BETWEEN :first AND :last AND EXISTS (
            SELECT FROM stall_state held JOIN merchant ON merchant.id = held.merchant_id AND merchant.phone = :phone
            WHERE held.stall_id = d.stall_id AND held.superseded_at IS NULL AND held.since <= d.business_date
                AND (held.until IS NULL OR d.business_date < held.until))
        ORDER BY business_date, id DESC
    )
    SELECT max(amount) FILTER (WHERE business_date = :day),
        percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) FILTER (WHERE amount > 0 AND business_date <> :day)
    FROM latest
""")


def doubt(session: Session, phone: str, stall_id: int, day: date) -> Doubt | None:
    """What to ask her about the cash of a day, where that can hardly be."""
    days = {"day": day, "first": day - LOOKED_BACK, "last": day + LOOKED_BACK}
    amount, usual = session.execute(_TOLD, {"phone": phone, "stall": stall_id, **days}).one()
    if amount is None or usual is None or amount < ASKED_TIMES * usual:
        return None
    return Doubt(amount, usual, _without_zeros(amount, usual))


def _without_zeros(amount: int, usual: int) -> int | None:
    """Nearest to the usual in size: up to three times as much, down to a third."""
    while amount > 3 * usual and amount % 10 == 0:
        amount //= 10
    return amount if amount <= 3 * usual else None
