"""A sample: stalls drawn by lot, so that anyone can draw them again and nobody can pick them."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ARRAY, BigInteger, Column, Identity, Integer, Text, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock
from ground.database import Moment
from ground.refusal import Refusal
from merchants.market import Market
from payments import period

SEED_LETTERS_MAX = 100


class Sample(SQLModel, table=True):
    """`frame`: the numbers of all stalls that traded in the period, sorted; `drawn`: those the lot fell on, in its
    order; `stall_ids` are theirs. Never changed; the same draw again is this one."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    period: str
    first: date
    last: date
    size: int = Field(sa_type=Integer)
    seed: str
    frame: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    drawn: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    stall_ids: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    drawn_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    drawn_by: str

    @property
    def key(self) -> int:
        assert self.id is not None, "not stored yet"
        return self.id


def order(frame: Sequence[str], seed: str) -> list[str]:
    """The frame in the order of the lot: by the SHA-256 of `seed:stall` in UTF-8."""
    return sorted(frame, key=lambda stall: hashlib.sha256(f"{seed}:{stall}".encode()).digest())


def draw(
    session: Session, market: Market, period_text: str, size: int, seed: str, *, by: str, as_of: datetime | None = None
) -> Sample:
    """Draw `size` of the stalls that traded in the period, or give what was drawn before; the caller commits.

    Refuses a period not begun, and more stalls than there are.
    """
    moment = as_of or clock.now()
    asked = period.parse(period_text)
    last = asked.counted_until(moment)
    _check(size, seed)
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})
    if known := _known(session, market, asked.text, size, seed):
        return known
    stalls = _frame(session, market, asked.first, last)
    if size > len(stalls):
        raise Refusal("sample.too_large", size=size, frame=len(stalls), period=asked.text)
    drawn = order(sorted(stalls), seed)[:size]
    made = Sample(
        market_id=market.key,
        period=asked.text,
        first=asked.first,
        last=asked.last,
        size=size,
        seed=seed,
        frame=sorted(stalls),
        drawn=drawn,
        stall_ids=[stalls[number] for number in drawn],
        drawn_at=moment,
        drawn_by=by,
    )
    session.add(made)
    session.flush()
    return made


def find(session: Session, id_: int) -> Sample:
    found = session.get(Sample, id_) if 0 < id_ < 2**63 else None
    if found is None:
        raise Refusal("sample.unknown", id=id_, status=404)
    return found


def every(session: Session, market: Market) -> list[Sample]:
    return list(session.exec(select(Sample).where(Sample.market_id == market.key).order_by(col(Sample.id))))


def running(session: Session, market: Market, day: date) -> list[Sample]:
    """Those whose period holds the day, the latest drawn first."""
    asked = select(Sample).where(Sample.market_id == market.key, Sample.first <= day, Sample.last >= day)
    return list(session.exec(asked.order_by(col(Sample.id).desc())))


def _check(size: int, seed: str) -> None:
    if size < 1:
        raise Refusal("sample.too_small")
    if not seed.strip() or len(seed) > SEED_LETTERS_MAX or not seed.isprintable():
        raise Refusal("sample.bad_seed", most=SEED_LETTERS_MAX)


def _known(session: Session, market: Market, period_text: str, size: int, seed: str) -> Sample | None:
    asked = select(Sample).where(Sample.market_id == market.key, Sample.period == period_text)
    return session.exec(asked.where(Sample.size == size, Sample.seed == seed)).first()


_FRAME = text("""
    SELECT DISTINCT s.number, s.id FROM stall s
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL AND state.status = 'trading'
        AND state.since <= :last AND (state.until IS NULL OR state.until > :first)
    WHERE s.market_id = :market
""")


def _frame(session: Session, market: Market, first: date, last: date) -> dict[str, int]:
    """The stalls that traded on at least one day of it: number and id."""
    days = {"market": market.key, "first": max(first, market.since), "last": last}
    return {row.number: row.id for row in session.execute(_FRAME, days)}
