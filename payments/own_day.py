"""A vendor's days in sums: what came cashless, what she says came in cash, read from the rollup and her reports."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session


class OwnStall(NamedTuple):
    """A stall that was hers for some days; `is_now`: still is."""

    stall_id: int
    number: str
    market_code: str
    market: str
    market_id: int
    merchant_id: int
    is_now: bool


class OwnDay(NamedTuple):
    """Whole đồng. sales: net of what was returned. cash: as she declared last, None where she did not.

    all: of cashless and cash together, where something was booked all of it is the booked sum.
    """

    day: date
    sales: int = 0
    number: int = 0
    returned: int = 0
    cash: int | None = None
    booked: int | None = None

    @property
    def all(self) -> int:
        return self.booked if self.booked is not None else self.sales + (self.cash or 0)


_STALLS = text("""
    SELECT DISTINCT ON (t.id) t.id, t.number, m.code, m.name, m.id, merchant.id,
        s.since <= :day AND (s.until IS NULL OR :day < s.until) AS is_now
    FROM merchant JOIN stall_state s ON s.merchant_id = merchant.id AND s.superseded_at IS NULL AND s.since <= :day
    JOIN stall t ON t.id = s.stall_id JOIN market m ON m.id = t.market_id
    WHERE merchant.phone = :phone ORDER BY t.id, s.since DESC
""")


def stalls(session: Session, phone: str, day: date) -> list[OwnStall]:
    """Every stall that was ever hers up to that day, those that still are first."""
    found = [OwnStall(*row) for row in session.execute(_STALLS, {"phone": phone, "day": day})]
    return sorted(found, key=lambda each: (not each.is_now, each.market, each.number))


_HELD_ON = text("""
    SELECT DISTINCT s.stall_id FROM merchant JOIN stall_state s ON s.merchant_id = merchant.id
        AND s.superseded_at IS NULL AND s.since <= :day AND (s.until IS NULL OR :day < s.until)
    WHERE merchant.phone = :phone
""")


def held_on(session: Session, phone: str, day: date) -> list[int]:
    """The stalls that were hers on that day."""
    return list(session.execute(_HELD_ON, {"phone": phone, "day": day}).scalars())


def those_on(session: Session, phone: str, of: Sequence[OwnStall], day: date) -> list[OwnStall]:
    """Of all that were ever hers, those of that day."""
    held = set(held_on(session, phone, day))
    return [each for each in of if each.stall_id in held]


def total(of: Iterable[OwnDay], day: date) -> OwnDay:
    """Of several stalls; the cash only where somebody declared any."""
    found = list(of)
    cash = [each.cash for each in found if each.cash is not None]
    return OwnDay(
        day,
        sum(each.sales for each in found),
        sum(each.number for each in found),
        sum(each.returned for each in found),
        sum(cash) if cash else None,
    )


# Only what lies in her days at the stall.
_HERS = """
    EXISTS (SELECT FROM stall_state held JOIN merchant ON merchant.id = held.merchant_id AND merchant.phone = :phone
        WHERE held.stall_id = d.stall_id AND held.superseded_at IS NULL AND held.since <= d.business_date
            AND (held.until IS NULL OR d.business_date < held.until))
"""
_TAKEN = text(f"""
    SELECT stall_id, business_date, sales_value, sales_count, refunds_value FROM stall_day d
    WHERE market_id = ANY(:markets) AND business_date = ANY(:days) AND stall_id = ANY(:stalls) AND {_HERS}
""")
_REPORTED = text(f"""
    SELECT DISTINCT ON (stall_id, business_date, source) stall_id, business_date, source, amount FROM cash_report d
    WHERE market_id = ANY(:markets) AND business_date = ANY(:days) AND stall_id = ANY(:stalls) AND {_HERS}
    ORDER BY stall_id, business_date, source, id DESC
""")


def of_days(
    session: Session, phone: str, of: Sequence[OwnStall], days: Sequence[date]
) -> dict[tuple[int, date], OwnDay]:
    """By stall and day; days of which nothing is known are left out."""
    asked = {
        "phone": phone,
        "markets": sorted({each.market_id for each in of}),
        "stalls": [each.stall_id for each in of],
        "days": list(days),
    }
    found: dict[tuple[int, date], OwnDay] = {}
    for row in session.execute(_TAKEN, asked):
        taken = OwnDay(row.business_date, row.sales_value, row.sales_count, row.refunds_value)
        found[row.stall_id, row.business_date] = taken
    for row in session.execute(_REPORTED, asked):
        key = row.stall_id, row.business_date
        known = found.get(key, OwnDay(row.business_date))
        found[key] = known._replace(**{"cash" if row.source == "declared" else "booked": row.amount})
    return found
