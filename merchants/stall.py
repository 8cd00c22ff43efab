"""A stall, what holds of it from one date to another, and which account serves it when."""

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment
from ground.refusal import Refusal


class Stall(SQLModel, table=True):
    """`number` is the board's own, kept as text and unique in the market whatever its case."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    number: str


class StallState(SQLModel, table=True):
    """One row of the roll: what holds of a stall from `since` up to, not including, `until`.

    Rows are never changed: one that no longer says the truth gets `superseded_at`, and others take its place,
    so that a figure sealed earlier can still be worked out from what was known then.
    """

    __tablename__ = "stall_state"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    stall_id: int = Field(sa_type=BigInteger)
    since: date
    until: date | None = None
    status: str
    section: str | None = None
    goods: str | None = None
    merchant_id: int | None = Field(default=None, sa_type=BigInteger)
    account_id: int | None = Field(default=None, sa_type=BigInteger)
    virtual_account_id: int | None = Field(default=None, sa_type=BigInteger)
    account_name: str | None = None
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    superseded_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class Service(NamedTuple):
    """An account serves a stall from `since` up to, not including, `until`; its market is counted from `opening`."""

    bin: str
    number: str
    virtual: bool
    stall_id: int
    market_id: int
    opening: date
    since: date
    until: date | None

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


_SERVICES = text("""
    SELECT a.bin, a.number, s.virtual_account_id = a.id, s.stall_id, t.market_id, m.since, s.since,
        s.until
    FROM account a
    JOIN stall_state s ON a.id IN (s.account_id, s.virtual_account_id) AND s.superseded_at IS NULL
    JOIN stall t ON t.id = s.stall_id
    JOIN market m ON m.id = t.market_id
    WHERE a.number = ANY(:numbers)
    ORDER BY s.stall_id, s.since
""")


def services(session: Session, numbers: Collection[str]) -> list[Service]:
    """Every stall that an account with one of these numbers serves or has served, with the dates."""
    rows = session.execute(_SERVICES, {"numbers": list(numbers)})
    return [Service(row[0], row[1], bool(row[2]), *row[3:]) for row in rows]


_FIND = text("""
    SELECT t.id, t.market_id FROM stall t JOIN market m ON m.id = t.market_id
    WHERE upper(t.number) = upper(:name) OR (m.code = :market AND upper(t.number) = upper(:number))
    ORDER BY t.id
""")


def find(session: Session, name: str, *, among: Collection[int] = ()) -> int:
    """The id of a stall named `NUMBER` or `MARKET/NUMBER`; of several so named, the one in the markets `among`.

    A number may have a stroke in it (`12/3`), a market's code never.
    """
    market, _, number = name.strip().partition("/")
    rows = session.execute(_FIND, {"name": name.strip(), "market": market, "number": number}).all()
    within = [row for row in rows if row.market_id in among]
    found = within or rows
    if not found:
        raise Refusal("stall.unknown", stall=name, status=404)
    if len(found) > 1:
        raise Refusal("stall.several", stall=name)
    return int(found[0].id)
