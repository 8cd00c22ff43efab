"""A market, and the wards it stands in from one date on."""

import re
from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Identity
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock
from ground.database import Moment
from ground.refusal import Refusal
from merchants import place
from merchants.place import Move

KINDS = ("market", "street")


class Market(SQLModel, table=True):
    """`since` is the first day the market is counted; `made_up` marks the demo's."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    code: str = Field(unique=True)
    name: str
    kind: str
    since: date
    made_up: bool = False
    added_at: datetime = Field(sa_column=Column(Moment, nullable=False))

    @property
    def key(self) -> int:
        assert self.id is not None, "not stored yet"
        return self.id


class MarketMove(SQLModel, table=True):
    """From `since` on the market stands in the ward that bears `ward_code` on that day."""

    __tablename__ = "market_move"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    since: date
    ward_code: str
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    superseded_at: datetime | None = Field(default=None, sa_column=Column(Moment))


def add(
    session: Session,
    code: str,
    name: str,
    ward: str,
    *,
    kind: str = "market",
    since: date | None = None,
    made_up: bool = False,
) -> Market:
    """Take a market into the books. Refuses a taken code, or a ward that is not valid on `since` (today)."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", code):
        raise Refusal("market.bad_code", code=code)
    if kind not in KINDS:
        raise Refusal("market.bad_kind", kind=kind)
    if not name.strip():
        raise Refusal("market.no_name")
    if session.exec(select(Market).where(Market.code == code)).first():
        raise Refusal("market.exists", code=code, status=409)
    moment = clock.now()
    opening = since or clock.business_date(moment)
    place.check_move(ward, opening)
    market = Market(code=code, name=name.strip(), kind=kind, since=opening, made_up=made_up, added_at=moment)
    session.add(market)
    session.flush()
    session.add(MarketMove(market_id=market.key, since=opening, ward_code=ward, recorded_at=moment))
    session.flush()
    return market


def move(session: Session, market: Market, ward: str, *, since: date) -> None:
    """The market stands in another ward from `since` on. What was recorded for that day is superseded."""
    if since < market.since:
        raise Refusal("market.moved_before_it_was", code=market.code, since=market.since)
    place.check_move(ward, since)
    moment = clock.now()
    standing = session.exec(
        select(MarketMove).where(
            MarketMove.market_id == market.key,
            MarketMove.since == since,
            col(MarketMove.superseded_at).is_(None),
        )
    ).first()
    if standing is not None:
        standing.superseded_at = moment
        session.flush()
    session.add(MarketMove(market_id=market.key, since=since, ward_code=ward, recorded_at=moment))
    session.flush()


def find(session: Session, code: str) -> Market:
    market = session.exec(select(Market).where(Market.code == code)).first() if "\x00" not in code else None
    if market is None:
        raise Refusal("market.unknown", code=code, status=404)
    return market


def every(session: Session) -> list[Market]:
    return list(session.exec(select(Market).order_by(Market.code)))


def moves(session: Session) -> dict[int, list[Move]]:
    """Each market's own ward history, by market id, in order of date."""
    standing = select(MarketMove).where(col(MarketMove.superseded_at).is_(None))
    history: dict[int, list[Move]] = {}
    for row in session.exec(standing.order_by(col(MarketMove.market_id), col(MarketMove.since))):
        history.setdefault(row.market_id, []).append(Move(since=row.since, ward_code=row.ward_code))
    return history
