"""A cash report: what a stall says it sold on a day, the cash alone (declared) or everything (booked)."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import BigInteger, Column, Identity, Integer, text
from sqlmodel import Field, Session, SQLModel

from ground import clock, money
from ground.database import Moment
from ground.refusal import Refusal
from merchants.market import Market
from merchants.roll_cell import show
from payments import intake
from payments.evidence_cell import MOST_SALES
from payments.evidence_file import Form
from payments.intake import Key, Kind, Taken

ABSURD_TIMES = 1_000


class CashReport(SQLModel, table=True):
    """amount: whole đồng; count: how many sales, where that is known. A correction is a later row; it counts."""

    __tablename__ = "cash_report"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    stall_id: int = Field(sa_type=BigInteger)
    business_date: date
    source: str
    amount: int = Field(sa_type=BigInteger)
    count: int | None = Field(default=None, sa_type=Integer)
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    recorded_by: str


class Flag(NamedTuple):
    """A report that is kept although it can hardly be: `kind` is a key of the word files, `against` what it was
    compared with (the stall's usual day, or its receipts)."""

    kind: str
    stall: str
    day: date
    source: str
    amount: int
    against: int


_LATEST = """
    SELECT DISTINCT ON (stall_id, business_date, source) stall_id, business_date, source, amount, count
    FROM cash_report WHERE {where} ORDER BY stall_id, business_date, source, id DESC
"""
KIND = Kind(
    Form(
        {
            "amount": "evidence.no_amount",
            "count": None,
            "source": "evidence.no_source",
        }
    ),
    ("source",),
    ("amount", "count"),
    text(_LATEST.format(where="market_id = :market AND business_date BETWEEN :first AND :last")),
    text("""
        INSERT INTO cash_report (market_id, stall_id, business_date, source, amount, count, recorded_at, recorded_by)
        SELECT :market, r.*, :moment, :by FROM unnest(CAST(:stall_id AS bigint[]), CAST(:business_date AS date[]),
            CAST(:source AS text[]), CAST(:amount AS bigint[]), CAST(:count AS int[])) AS r
    """),
)


def take_in(session: Session, market: Market, file: Path, *, by: str) -> Taken:
    """Bring in a file of cash reports: all of it or nothing. The caller commits."""
    return intake.take_in(session, market, file, KIND, by=by)


_TRADED = text("""
    SELECT s.market_id, s.number, EXISTS (
        SELECT FROM stall_state state WHERE state.stall_id = s.id AND state.superseded_at IS NULL
            AND state.status = 'trading' AND state.since <= :day AND (state.until IS NULL OR :day < state.until))
    FROM stall s WHERE s.id = :stall
""")


def declare(
    session: Session, stall_id: int, day: date, amount: int, count: int | None = None, *, by: str
) -> Literal["added", "changed", "unchanged"]:
    """A vendor says what cash a day brought; the caller commits. Refuses what could not be imported either."""
    moment = clock.now()
    if min(amount, count or 0) < 0:
        raise Refusal("evidence.negative")
    if amount > money.DONG_MAX:
        raise Refusal("evidence.too_much")
    if (count or 0) > MOST_SALES:
        raise Refusal("evidence.too_many", most=MOST_SALES)
    if day > clock.business_date(moment):
        raise Refusal("evidence.future", day=show(day))
    market_id, number, traded = session.execute(_TRADED, {"stall": stall_id, "day": day}).one()
    if not traded:
        raise Refusal("evidence.not_trading", stall=number, day=show(day))
    entries = {(stall_id, day, "declared"): (amount, count)}
    added, changed = intake.record(session, market_id, KIND, entries, by=by, moment=moment)
    return "added" if added else "changed" if changed else "unchanged"


# A day off says nothing of what is usual. Of an even number the lower of the two in the middle: one slip among two
# reports is found as well.
_FLAGS = text(f"""
    WITH latest AS ({_LATEST.format(where="market_id = :market")}), usual AS (
        SELECT stall_id, source, percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS amount
        FROM latest WHERE amount > 0 GROUP BY stall_id, source
    ), flag AS (
        SELECT 'absurd' AS kind, latest.*, latest.amount AS told, usual.amount AS against
        FROM latest JOIN usual USING (stall_id, source) WHERE latest.amount >= {ABSURD_TIMES} * usual.amount
        UNION ALL
        SELECT 'under_receipts', latest.*, latest.amount, d.sales_value
        FROM latest JOIN stall_day d ON d.market_id = :market AND d.business_date = latest.business_date
            AND d.stall_id = latest.stall_id AND d.sales_value > latest.amount
        WHERE source = 'booked'
        UNION ALL
        SELECT 'fewer_than_receipts', latest.*, latest.count, d.sales_count
        FROM latest JOIN stall_day d ON d.market_id = :market AND d.business_date = latest.business_date
            AND d.stall_id = latest.stall_id AND d.sales_count > latest.count
        WHERE source = 'booked'
    )
    SELECT kind, s.number, business_date, source, told, against, stall_id
    FROM flag JOIN stall s ON s.id = stall_id WHERE business_date BETWEEN :first AND :last
    ORDER BY business_date, s.number, source, kind
""")


def flags(session: Session, market: Market, first: date, last: date, keys: Sequence[Key] | None = None) -> list[Flag]:
    """The reports of these days that can hardly be; of `keys` alone where they are given."""
    rows = session.execute(_FLAGS, {"market": market.key, "first": first, "last": last})
    among = None if keys is None else set(keys)
    return [Flag(*row[:6]) for row in rows if among is None or (row.stall_id, row.business_date, row.source) in among]


def count_flagged(session: Session, market: Market, first: date, last: date) -> int:
    """How many reports of these days can hardly be, for whoever may not see what they say."""
    return len({(each.stall, each.day, each.source) for each in flags(session, market, first, last)})
