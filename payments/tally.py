"""A tally: customers counted at a stall with two buttons, sent from a phone sooner or later, and counted once."""

from datetime import date, datetime, timedelta
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Bound
from sqlalchemy import BigInteger, Column, Identity, Integer, text
from sqlalchemy import Uuid as UuidColumn
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment
from ground.refusal import Refusal
from merchants.market import Market
from payments import intake, observation

COUNT_MAX = 10_000
DAYS_BACK = 14
"""So long a phone may have been without a network."""


class Tally(SQLModel, table=True):
    """`sent_id` is made by the phone: however often it sends, the tally is taken once. Tallies of a day add up."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    sent_id: UUID = Field(sa_column=Column(UuidColumn, nullable=False, unique=True))
    market_id: int = Field(sa_type=BigInteger)
    stall_id: int = Field(sa_type=BigInteger)
    business_date: date
    cashless: int = Field(sa_type=Integer)
    cash: int = Field(sa_type=Integer)
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    recorded_by: str


class Sent(BaseModel):
    """What a phone sends."""

    model_config = ConfigDict(str_strip_whitespace=True)

    sent_id: UUID
    stall: str = Bound(min_length=1, max_length=40)
    day: date
    cashless: int = Bound(ge=0, le=COUNT_MAX)
    cash: int = Bound(ge=0, le=COUNT_MAX)


def read(**sent: str) -> Sent:
    """Refuses what is missing or no number; the field is named."""
    try:
        return Sent.model_validate(sent)
    except ValidationError as error:
        fields = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors()}))
        raise Refusal("tally.unreadable", fields=fields) from None


_TRADING = text("""
    SELECT s.id FROM stall s JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.status = 'trading' AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    WHERE s.market_id = :market AND upper(s.number) = upper(:stall)
""")
_TAKE = text("""
    INSERT INTO tally (sent_id, market_id, stall_id, business_date, cashless, cash, recorded_at, recorded_by)
    VALUES (:sent_id, :market, :stall, :day, :cashless, :cash, :now, :by) ON CONFLICT (sent_id) DO NOTHING
""")
_SUM = text("""
    SELECT sum(cashless)::int, sum(cashless + cash)::int FROM tally
    WHERE market_id = :market AND business_date = :day AND stall_id = :stall
""")


def take(session: Session, market: Market, sent: Sent, *, by: str, moment: datetime) -> bool:
    """Take a tally and make the day's observation of its stall the sum of its tallies; False when it was known.

    The caller commits. Refuses an empty tally, a day to come or too long ago, and a stall that did not trade then.
    """
    today = clock.business_date(moment)
    if sent.cashless + sent.cash == 0:
        raise Refusal("tally.nothing")
    if not today - timedelta(days=DAYS_BACK) <= sent.day <= today:
        raise Refusal("tally.bad_day", day=f"{sent.day:%d/%m/%Y}", most=DAYS_BACK)
    # Two phones at one stall follow each other, so that the second sum holds both.
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})
    where = {"market": market.key, "day": sent.day}
    stall_id = session.execute(_TRADING, {**where, "stall": sent.stall}).scalar()
    if stall_id is None:
        raise Refusal("tally.no_stall", stall=sent.stall, day=f"{sent.day:%d/%m/%Y}")
    counted = {"sent_id": sent.sent_id, "cashless": sent.cashless, "cash": sent.cash}
    taken = session.connection().execute(_TAKE, {**where, **counted, "stall": stall_id, "now": moment, "by": by})
    if taken.rowcount == 0:
        return False
    cashless, total = session.execute(_SUM, {**where, "stall": stall_id}).one()
    entries = {(stall_id, sent.day): (cashless, total)}
    intake.record(session, market.key, observation.SHELF, entries, by=by, moment=moment)
    return True
