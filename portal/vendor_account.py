"""A vendor's account: the phone number of a merchant on a roll, and the stalls held under it."""

from collections.abc import Sequence
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


_KNOWN = text("""
    SELECT EXISTS (SELECT 1 FROM merchant WHERE phone = :phone)
        OR EXISTS (SELECT 1 FROM application a JOIN vendor v ON v.id = a.vendor_id WHERE v.phone = :phone)
        OR EXISTS (SELECT 1 FROM application WHERE phone = :phone AND state <> 'draft')
""")
_TAKE_UP = text("""
    INSERT INTO vendor (phone, added_at) VALUES (:phone, :now) ON CONFLICT (phone) DO NOTHING
""")


def is_known(session: Session, phone: str) -> bool:
    """Whether a merchant on a roll has this phone, or somebody who applied."""
    return bool(session.execute(_KNOWN, {"phone": phone}).scalar_one())


def take_up(session: Session, phone: str, moment: datetime) -> int:
    """The account's id, made if it is the first time."""
    session.execute(_TAKE_UP, {"phone": phone, "now": moment})
    found = session.execute(text("SELECT id FROM vendor WHERE phone = :phone"), {"phone": phone}).scalar_one()
    return int(found)


_LET_GO = text("""
    UPDATE visit SET ended_at = :now FROM vendor
    WHERE vendor.id = visit.vendor_id AND vendor.phone = :phone AND visit.ended_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM merchant WHERE phone = :phone)
""")


def let_go(session: Session, phone: str, moment: datetime) -> None:
    """Sign out whoever came in by a phone that is no merchant's any more: it may have been lost or stolen."""
    session.execute(_LET_GO, {"phone": phone, "now": moment})


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


_EVER_HELD = text("""
    SELECT merchant.phone, array_agg(DISTINCT s.stall_id) AS stalls
    FROM merchant JOIN stall_state s ON s.merchant_id = merchant.id AND s.superseded_at IS NULL AND s.since <= :day
    WHERE merchant.phone = ANY(:phones) GROUP BY merchant.phone
    HAVING bool_or(s.until IS NULL OR s.until > :day)
""")


def ever_held(session: Session, phones: Sequence[str], day: date) -> dict[str, frozenset[int]]:
    """Every stall that was ever a phone's, by phone; phones that hold none on that day are left out."""
    rows = session.execute(_EVER_HELD, {"phones": list(phones), "day": day})
    return {row.phone: frozenset(row.stalls) for row in rows}
