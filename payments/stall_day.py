"""The rollup: one row for each stall and business day with sales, kept in the transaction that posts them."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import BigInteger, Integer, text
from sqlmodel import Field, Session, SQLModel


class StallDay(SQLModel, table=True):
    """sales_value: whole đồng. `market_id` is the stall's, kept here so that a market's month is one range."""

    __tablename__ = "stall_day"

    market_id: int = Field(primary_key=True, sa_type=BigInteger)
    business_date: date = Field(primary_key=True)
    stall_id: int = Field(primary_key=True, sa_type=BigInteger)
    sales_value: int = Field(sa_type=BigInteger)
    sales_count: int = Field(sa_type=Integer)


class Change(NamedTuple):
    """What some entries add to one stall and day; negative where money went on to another stall."""

    stall_id: int
    business_date: date
    value: int
    number: int


_ADD = text("""
    INSERT INTO stall_day AS d (market_id, business_date, stall_id, sales_value, sales_count)
    SELECT s.market_id, c.business_date, c.stall_id, c.value, c.count
    FROM unnest(CAST(:stalls AS bigint[]), CAST(:days AS date[]), CAST(:values AS bigint[]), CAST(:counts AS int[]))
        AS c(stall_id, business_date, value, count)
    JOIN stall s ON s.id = c.stall_id
    ORDER BY 1, 2, 3
    ON CONFLICT (market_id, business_date, stall_id) DO UPDATE
    SET sales_value = d.sales_value + excluded.sales_value, sales_count = d.sales_count + excluded.sales_count
""")


def add(session: Session, changes: Sequence[Change]) -> None:
    """Rows are touched in one order, so that two postings at once never wait for each other in a circle."""
    sums: dict[tuple[int, date], list[int]] = {}
    for change in changes:
        total = sums.setdefault((change.stall_id, change.business_date), [0, 0])
        total[0] += change.value
        total[1] += change.number
    if sums:
        session.execute(
            _ADD,
            {
                "stalls": [stall_id for stall_id, _ in sums],
                "days": [day for _, day in sums],
                "values": [value for value, _ in sums.values()],
                "counts": [count for _, count in sums.values()],
            },
        )


# What the journal says the rollup must be: money in adds, money moved on to another stall takes away.
FROM_JOURNAL = """
    SELECT s.market_id, e.business_date, e.stall_id, sum(e.value)::bigint AS sales_value,
        sum(e.count)::int AS sales_count
    FROM (
        SELECT business_date, substr(credit, 7)::bigint AS stall_id, amount AS value, 1 AS count
        FROM entry WHERE credit LIKE 'stall:%'
        UNION ALL
        SELECT business_date, substr(debit, 7)::bigint, -amount, -1 FROM entry WHERE debit LIKE 'stall:%'
    ) AS e JOIN stall s ON s.id = e.stall_id
    GROUP BY 1, 2, 3
"""


def rebuild(session: Session) -> int:
    """Remake the whole rollup from the journal; returns the number of stall-days. Postings wait meanwhile."""
    session.execute(text("LOCK TABLE stall_day IN EXCLUSIVE MODE"))
    session.execute(text("DELETE FROM stall_day"))
    session.execute(text(f"INSERT INTO stall_day {FROM_JOURNAL}"))
    return int(session.execute(text("SELECT count(*) FROM stall_day")).scalar_one())
