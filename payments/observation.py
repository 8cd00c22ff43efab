"""An observation: how many customers of a stall paid cashless on a day, as a field helper counted them."""

from collections.abc import Collection
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Integer, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment
from merchants.market import Market
from merchants.roll_cell import BadCell
from payments import intake
from payments.evidence_file import Form
from payments.intake import Kind, Taken


class Observation(SQLModel, table=True):
    """Numbers of customers, not money. A correction is a later row; it counts.

    `tally_id`: the tally by which it moved; None: said of the whole day. Without numbers every tally was taken back.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    stall_id: int = Field(sa_type=BigInteger)
    business_date: date
    cashless: int | None = Field(default=None, sa_type=Integer)
    total: int | None = Field(default=None, sa_type=Integer)
    tally_id: int | None = Field(default=None, sa_type=BigInteger)
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    recorded_by: str


def _judge(values: dict[str, Any]) -> tuple[str, BadCell] | None:
    cashless, total = values["cashless"], values["total"]
    if cashless > total:
        return "cashless", BadCell("evidence.more_than_all", cashless=cashless, total=total)
    return None


KIND = Kind(
    Form({"cashless": "evidence.no_number", "total": "evidence.no_number"}, _judge),
    (),
    ("cashless", "total"),
    text("""
        SELECT DISTINCT ON (stall_id, business_date) stall_id, business_date, cashless, total
        FROM observation WHERE market_id = :market AND business_date BETWEEN :first AND :last
        ORDER BY stall_id, business_date, id DESC
    """),
    text("""
        INSERT INTO observation (market_id, stall_id, business_date, cashless, total, recorded_at, recorded_by)
        SELECT :market, r.*, :moment, :by FROM unnest(CAST(:stall_id AS bigint[]), CAST(:business_date AS date[]),
            CAST(:cashless AS int[]), CAST(:total AS int[])) AS r
    """),
)


def take_in(session: Session, market: Market, file: Path, *, by: str) -> Taken:
    """Bring in a file of observations: all of it or nothing. The caller commits."""
    return intake.take_in(session, market, file, KIND, by=by)


_OBSERVED = text("""
    SELECT DISTINCT stall_id FROM (
        SELECT DISTINCT ON (stall_id, business_date) stall_id, total FROM observation
        WHERE market_id = :market AND business_date BETWEEN :first AND :last AND stall_id = ANY(:stalls)
        ORDER BY stall_id, business_date, id DESC
    ) AS latest WHERE total IS NOT NULL
""")


def observed(session: Session, market: Market, stalls: Collection[int], first: date, last: date) -> set[int]:
    """Which of these stalls customers were counted at on these days."""
    asked = {"market": market.key, "first": first, "last": last, "stalls": list(stalls)}
    return set(session.execute(_OBSERVED, asked).scalars())
