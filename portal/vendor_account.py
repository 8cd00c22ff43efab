"""A vendor's account: the phone number of a merchant on a roll, and the stalls held under it."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment
from ground.refusal import Refusal
from merchants.roll_cell import BadCell, read_phone


class Vendor(SQLModel, table=True):
    """What acts and sessions refer to, so that the phone itself can be erased (None) and nobody's sessions with it."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    phone: str | None = Field(default=None, unique=True)
    added_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class Held(NamedTuple):
    """A stall whose merchant has the phone, since a day."""

    stall_id: int
    number: str
    market_id: int
    market_code: str
    market_name: str
    merchant_id: int
    merchant_name: str
    since: date


def read(phone: str) -> str:
    """A phone in its national form, however it was typed. Refuses what is none."""
    try:
        found = read_phone(phone)
    except BadCell:
        found = None
    if found is None:
        raise Refusal("signin.bad_phone")
    return found


_KNOWN = text("SELECT EXISTS (SELECT 1 FROM merchant WHERE phone = :phone)")
_TAKE_UP = text("""
    INSERT INTO vendor (phone, added_at) VALUES (:phone, :now) ON CONFLICT (phone) DO NOTHING
""")


def is_known(session: Session, phone: str) -> bool:
    """Whether a merchant on a roll has this phone."""
    return bool(session.execute(_KNOWN, {"phone": phone}).scalar_one())


def take_up(session: Session, phone: str, moment: datetime) -> int:
    """The account's id, made if it is the first time."""
    session.execute(_TAKE_UP, {"phone": phone, "now": moment})
    found = session.execute(text("SELECT id FROM vendor WHERE phone = :phone"), {"phone": phone}).scalar_one()
    return int(found)


_HELD = text("""
    SELECT t.id, t.number, m.id, m.code, m.name, merchant.id, merchant.name, s.since
    FROM merchant JOIN stall_state s ON s.merchant_id = merchant.id AND s.superseded_at IS NULL
        AND s.since <= :day AND (s.until IS NULL OR s.until > :day)
    JOIN stall t ON t.id = s.stall_id JOIN market m ON m.id = t.market_id
    WHERE merchant.phone = :phone ORDER BY m.name, t.number, t.id
""")


def held(session: Session, phone: str, day: date) -> list[Held]:
    """The stalls whose merchant on that day has this phone: what a vendor's pages are about."""
    return [Held(*row) for row in session.execute(_HELD, {"phone": phone, "day": day})]
