"""The rollup: one row for each stall and business day with sales, kept in the transaction that posts them."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import BigInteger, Integer, text
from sqlmodel import Field, Session, SQLModel

from payments.movement import OF_REFUNDS


class StallDay(SQLModel, table=True):
    """Whole đồng. `market_id` is the stall's, kept here so that a market's month is one range.

    sales_value: net of refunds. refunds_value: given back on that day; with it the sales are gross.
    confirmed_value: the part of the gross sales that a statement's line confirms or has told of.
    """

    __tablename__ = "stall_day"

    market_id: int = Field(primary_key=True, sa_type=BigInteger)
    business_date: date = Field(primary_key=True)
    stall_id: int = Field(primary_key=True, sa_type=BigInteger)
    sales_value: int = Field(sa_type=BigInteger)
    sales_count: int = Field(sa_type=Integer)
    refunds_value: int = Field(default=0, sa_type=BigInteger)
    confirmed_value: int = Field(default=0, sa_type=BigInteger)


class Change(NamedTuple):
    """What some entries add to one stall and day; negative where money went on to another stall."""

    stall_id: int
    business_date: date
    value: int
    number: int
    refunds: int = 0
    confirmed: int = 0


_UPSERT = """
    INSERT INTO stall_day AS d (market_id, business_date, stall_id, sales_value, sales_count, refunds_value,
        confirmed_value)
    {changes}
    ORDER BY 1, 2, 3
    ON CONFLICT (market_id, business_date, stall_id) DO UPDATE
    SET sales_value = d.sales_value + excluded.sales_value, sales_count = d.sales_count + excluded.sales_count,
        refunds_value = d.refunds_value + excluded.refunds_value,
        confirmed_value = d.confirmed_value + excluded.confirmed_value
"""
_ADD = text(
    _UPSERT.format(
        changes="""
    SELECT s.market_id, c.business_date, c.stall_id, c.value, c.count, c.refunds, c.confirmed
    FROM unnest(CAST(:stalls AS bigint[]), CAST(:days AS date[]), CAST(:values AS bigint[]), CAST(:counts AS int[]),
        CAST(:refunds AS bigint[]), CAST(:confirmed AS bigint[]))
        AS c(stall_id, business_date, value, count, refunds, confirmed)
    JOIN stall s ON s.id = c.stall_id
"""
    )
)


def add(session: Session, changes: Sequence[Change]) -> None:
    """Rows are touched in one order, so that two postings at once never wait for each other in a circle."""
    sums: dict[tuple[int, date], list[int]] = {}
    for change in changes:
        total = sums.setdefault((change.stall_id, change.business_date), [0, 0, 0, 0])
        for place, part in enumerate(change[2:]):
            total[place] += part
    if sums:
        columns = {"values": 0, "counts": 1, "refunds": 2, "confirmed": 3}
        session.execute(
            _ADD,
            {
                "stalls": [stall_id for stall_id, _ in sums],
                "days": [day for _, day in sums],
                **{name: [total[place] for total in sums.values()] for name, place in columns.items()},
            },
        )


# Each entry once for the stall that it credits and once, with the sign turned, for the one that it debits.
SIDES = """
    SELECT id, notice_id, line_id, kind, business_date, substr(credit, 7)::bigint AS stall_id, amount AS value, sales
    FROM entry WHERE credit LIKE 'stall:%'
    UNION ALL
    SELECT id, notice_id, line_id, kind, business_date, substr(debit, 7)::bigint, -amount, -sales
    FROM entry WHERE debit LIKE 'stall:%'
"""
# What the journal says the rollup must be.
FROM_JOURNAL = f"""
    SELECT s.market_id, e.business_date, e.stall_id, sum(e.value)::bigint AS sales_value,
        sum(e.sales)::int AS sales_count,
        coalesce(sum(-e.value) FILTER (WHERE e.kind IN {OF_REFUNDS}), 0)::bigint AS refunds_value,
        coalesce(sum(e.value) FILTER (WHERE e.kind NOT IN {OF_REFUNDS}
            AND (e.line_id IS NOT NULL OR m.id IS NOT NULL)), 0)::bigint AS confirmed_value
    FROM ({SIDES}) AS e JOIN stall s ON s.id = e.stall_id
    LEFT JOIN match m ON m.notice_id = e.notice_id AND m.undone_at IS NULL
    GROUP BY 1, 2, 3
"""
# A payment's first entry, looked up by its notice: OFFSET 0 keeps the planner from going through the whole journal for
# every portion of pairs. And what followed, which has an index of its own and is little.
_FIRST = "SELECT * FROM entry WHERE notice_id = p.notice_id AND kind IN ('sale', 'held') OFFSET 0"
_FOLLOWED = "kind NOT IN ('sale', 'held', 'refund', 'reinstated')"
_HALVES = f"""
    SELECT e.business_date, substr(e.credit, 7)::bigint AS stall_id, e.amount AS value
    FROM {{pairs}} AS p CROSS JOIN LATERAL ({_FIRST}) AS e WHERE e.credit LIKE 'stall:%'
    UNION ALL
    SELECT e.business_date, substr(e.credit, 7)::bigint, e.amount
    FROM {{pairs}} AS p JOIN entry e USING (notice_id) WHERE e.credit LIKE 'stall:%' AND e.{_FOLLOWED}
    UNION ALL
    SELECT e.business_date, substr(e.debit, 7)::bigint, -e.amount
    FROM {{pairs}} AS p JOIN entry e USING (notice_id) WHERE e.debit LIKE 'stall:%' AND e.{_FOLLOWED}
"""
_CONFIRM = _UPSERT.format(
    changes=f"""
    SELECT s.market_id, e.business_date, e.stall_id, 0, 0, 0, (:sign * sum(e.value))::bigint
    FROM ({_HALVES}) AS e JOIN stall s ON s.id = e.stall_id
    GROUP BY 1, 2, 3
"""
)


def confirm(session: Session, pairs: str, sign: int) -> None:
    """Add (sign 1) or take off (−1) what the notices in the table `pairs` stand for as confirmed by a statement."""
    session.execute(text(_CONFIRM.format(pairs=pairs)), {"sign": sign})


def rebuild(session: Session) -> int:
    """Remake the whole rollup from the journal; returns the number of stall-days. Postings wait meanwhile."""
    session.execute(text("LOCK TABLE stall_day IN EXCLUSIVE MODE"))
    session.execute(text("DELETE FROM stall_day"))
    session.execute(text(f"INSERT INTO stall_day {FROM_JOURNAL}"))
    return int(session.execute(text("SELECT count(*) FROM stall_day")).scalar_one())
