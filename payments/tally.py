"""A tally: customers counted at a stall with two buttons, sent from a phone sooner or later, and counted once."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar
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

COUNT_MAX = 10_000
DAYS_BACK = 14
"""So long a phone may have been without a network."""


class Tally(SQLModel, table=True):
    """`sent_id` is made by the phone: however often it sends, the tally is taken once. Tallies of a day add up.

    `replaces`: the tally it says anew; with nothing counted that one is taken back. None is ever changed.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    sent_id: UUID = Field(sa_column=Column(UuidColumn, nullable=False, unique=True))
    market_id: int = Field(sa_type=BigInteger)
    stall_id: int = Field(sa_type=BigInteger)
    business_date: date
    cashless: int = Field(sa_type=Integer)
    cash: int = Field(sa_type=Integer)
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    recorded_by: str
    replaces: int | None = Field(default=None, sa_type=BigInteger)


class Sent(BaseModel):
    """What a phone sends."""

    model_config = ConfigDict(str_strip_whitespace=True)

    sent_id: UUID
    stall: str = Bound(min_length=1, max_length=40)
    day: date
    cashless: int = Bound(ge=0, le=COUNT_MAX)
    cash: int = Bound(ge=0, le=COUNT_MAX)


class Correction(BaseModel):
    """What a helper says anew of a tally that has arrived; nothing at all takes it back."""

    sent_id: UUID
    corrects: UUID
    cashless: int = Bound(ge=0, le=COUNT_MAX)
    cash: int = Bound(ge=0, le=COUNT_MAX)


class Mine(NamedTuple):
    """A tally as it stands. `is_held`: the whole day was said anew since, so that it can't be mended any more."""

    sent_id: UUID
    stall: str
    day: date
    cashless: int
    cash: int
    is_held: bool


Told = TypeVar("Told", Sent, Correction)


def read(kind: type[Told], **sent: str) -> Told:
    """Refuses what is missing or no number; the field is named."""
    try:
        return kind.model_validate(sent)
    except ValidationError as error:
        fields = ", ".join(sorted({str(problem["loc"][0]) for problem in error.errors()}))
        raise Refusal("tally.unreadable", fields=fields) from None


_TRADING = text("""
    SELECT s.id FROM stall s JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.status = 'trading' AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    WHERE s.market_id = :market AND upper(s.number) = upper(:stall)
""")
_TAKE = text("""
    INSERT INTO tally (sent_id, market_id, stall_id, business_date, cashless, cash, recorded_at, recorded_by, replaces)
    VALUES (:sent_id, :market, :stall, :day, :cashless, :cash, :now, :by, :replaces)
    ON CONFLICT (sent_id) DO NOTHING RETURNING id
""")
# What was last said of the whole day holds against the tallies before it; those since add to it. Where nothing was
# said and every tally is taken back, nobody was observed.
_OBSERVE = text("""
    WITH whole AS (
        SELECT id, cashless, total FROM observation
        WHERE market_id = :market AND business_date = :day AND stall_id = :stall AND tally_id IS NULL
        ORDER BY id DESC LIMIT 1
    ), since AS (
        SELECT t.cashless, t.cash FROM tally t
        WHERE t.market_id = :market AND t.business_date = :day AND t.stall_id = :stall AND t.cashless + t.cash > 0
            AND NOT EXISTS (SELECT FROM tally later WHERE later.replaces = t.id)
            AND NOT EXISTS (SELECT FROM observation o JOIN whole ON o.id < whole.id WHERE o.tally_id = t.id)
    ), part AS (SELECT cashless, total FROM whole UNION ALL SELECT cashless, cashless + cash FROM since)
    INSERT INTO observation (market_id, stall_id, business_date, cashless, total, recorded_at, recorded_by, tally_id)
    SELECT :market, :stall, :day, sum(cashless), sum(total), :now, :by, :tally FROM part
""")


def take(session: Session, market: Market, sent: Sent, *, by: str, moment: datetime) -> bool:
    """Take a tally and add it to the day's observation of its stall; False when it was known.

    The caller commits. Refuses an empty tally, a day to come or too long ago, and a stall that did not trade then.
    """
    today = clock.business_date(moment)
    if sent.cashless + sent.cash == 0:
        raise Refusal("tally.nothing")
    if not today - timedelta(days=DAYS_BACK) <= sent.day <= today:
        raise Refusal("tally.bad_day", day=f"{sent.day:%d/%m/%Y}", most=DAYS_BACK)
    _follow(session, market)
    where = {"market": market.key, "day": sent.day}
    stall_id = session.execute(_TRADING, {**where, "stall": sent.stall}).scalar()
    if stall_id is None:
        raise Refusal("tally.no_stall", stall=sent.stall, day=f"{sent.day:%d/%m/%Y}")
    return _record(session, {**where, "stall": stall_id, "now": moment, "by": by, "replaces": None}, sent)


_MINE = """
    SELECT t.id, t.sent_id, s.number AS stall, t.stall_id, t.business_date AS day, t.cashless, t.cash,
        EXISTS (SELECT FROM tally later WHERE later.replaces = t.id) AS is_replaced,
        EXISTS (SELECT FROM observation own JOIN observation o ON (o.market_id, o.business_date, o.stall_id)
                = (own.market_id, own.business_date, own.stall_id) AND o.tally_id IS NULL AND o.id > own.id
            WHERE own.tally_id = t.id) AS is_held
    FROM tally t JOIN stall s ON s.id = t.stall_id
    WHERE t.market_id = :market AND t.business_date >= :earliest AND t.recorded_by = :by AND t.recorded_at >= :since
"""
_ONE_OF_MINE = text(f"{_MINE} AND t.sent_id = :corrects")
_ALL_OF_MINE = text(f"SELECT * FROM ({_MINE}) AS mine WHERE NOT is_replaced ORDER BY id DESC LIMIT :most")


def correct(session: Session, market: Market, told: Correction, *, by: str, moment: datetime) -> Mine | None:
    """Say a tally anew that one has sent today, and gives what it said before; None when nothing changes by it.

    The caller commits. Refuses somebody else's and another day's tally (404), and one that was said anew already, or
    with its whole day (409): the form was too old.
    """
    _follow(session, market)
    asked = _today(market, by, moment)
    found = session.execute(_ONE_OF_MINE, {**asked, "corrects": told.corrects}).one_or_none()
    if found is None:
        raise Refusal("tally.not_hers", status=404)
    if session.execute(_KNOWN, {"sent_id": told.sent_id}).first() is not None:
        return None
    if found.is_replaced:
        raise Refusal("tally.mended_already", status=409, stall=found.stall)
    if found.is_held:
        raise Refusal("tally.day_corrected", status=409, stall=found.stall, day=f"{found.day:%d/%m/%Y}")
    if (found.cashless, found.cash) == (told.cashless, told.cash):
        return None
    where = {"market": market.key, "day": found.day, "stall": found.stall_id}
    _record(session, {**where, "now": moment, "by": by, "replaces": found.id}, told)
    return _mine(found)


_KNOWN = text("SELECT FROM tally WHERE sent_id = :sent_id")


def sent_today(session: Session, market: Market, *, by: str, moment: datetime, most: int = 30) -> list[Mine]:
    """What one has sent today, as it stands, the latest first."""
    return [_mine(row) for row in session.execute(_ALL_OF_MINE, {**_today(market, by, moment), "most": most})]


def _today(market: Market, by: str, moment: datetime) -> dict[str, Any]:
    today = clock.business_date(moment)
    earliest = today - timedelta(days=DAYS_BACK)
    return {"market": market.key, "by": by, "since": clock.day_start(today), "earliest": earliest}


def _mine(row: Any) -> Mine:
    return Mine(row.sent_id, row.stall, row.day, row.cashless, row.cash, row.is_held)


def _follow(session: Session, market: Market) -> None:
    """Two phones at one stall follow each other, so that the second sum holds both."""
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})


def _record(session: Session, where: dict[str, Any], told: Sent | Correction) -> bool:
    """Append the tally and the observation that follows; False when this very one was known."""
    counted = {"sent_id": told.sent_id, "cashless": told.cashless, "cash": told.cash}
    tally_id = session.execute(_TAKE, {**where, **counted}).scalar()
    if tally_id is None:
        return False
    session.execute(_OBSERVE, {**where, "tally": tally_id})
    return True
