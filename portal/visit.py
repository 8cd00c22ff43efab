"""A visit: one browser's session, known by the hash of its token, with an idle and an absolute end."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Identity, Row, text
from sqlmodel import Field, Session, SQLModel

from ground import clock, message, record_number
from ground.database import Moment
from ground.vault import Vault
from portal import jurisdiction, person
from portal.person import Office, Person

STAFF_IDLE, STAFF_WHOLE = timedelta(hours=2), timedelta(hours=12)
# A stall's phone lies open all day, and a code for each morning would send vendors back to cash.
VENDOR_IDLE, VENDOR_WHOLE = timedelta(days=30), timedelta(days=180)
# How long somebody may look for the second factor.
HALF = timedelta(minutes=10)
# A visit is noted as seen once in this time, so that looking at a page costs no commit.
SEEN_EVERY = timedelta(minutes=1)
KEPT = timedelta(days=90)
BROWSER_MAX = 200


class Visit(SQLModel, table=True):
    """`proved_at` None: the second factor is still to come."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    token_hash: bytes
    staff_id: int | None = Field(default=None, sa_type=BigInteger)
    vendor_id: int | None = Field(default=None, sa_type=BigInteger)
    begun_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    proved_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    seen_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    ends_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    address: str
    browser: str


class Guest(NamedTuple):
    """Where a visit comes from."""

    address: str
    browser: str


def begin(
    session: Session,
    vault: Vault,
    moment: datetime,
    guest: Guest,
    *,
    staff_id: int | None = None,
    vendor_id: int | None = None,
    proved: bool = True,
) -> str:
    """Open a visit and say its token, which is nowhere kept. `proved` False: it admits to the second factor only."""
    token = secrets.token_urlsafe(32)
    whole = (VENDOR_WHOLE if vendor_id else STAFF_WHOLE) if proved else HALF
    opened = Visit(
        token_hash=vault.hash(f"visit:{token}"),
        staff_id=staff_id,
        vendor_id=vendor_id,
        begun_at=moment,
        proved_at=moment if proved else None,
        seen_at=moment,
        ends_at=moment + whole,
        address=guest.address[:64],
        browser=guest.browser.replace("\x00", "")[:BROWSER_MAX],
    )
    session.execute(text("DELETE FROM visit WHERE ends_at < :then"), {"then": moment - KEPT})
    session.add(opened)
    session.flush()
    return token


_FIND = text("""
    SELECT v.id, v.staff_id, v.vendor_id, v.proved_at, v.seen_at, s.name, s.totp_at, vendor.phone
    FROM visit v LEFT JOIN staff s ON s.id = v.staff_id LEFT JOIN vendor ON vendor.id = v.vendor_id
    WHERE v.token_hash = :hash AND v.ended_at IS NULL AND v.ends_at > :now AND s.ended_at IS NULL
        AND (v.proved_at IS NOT NULL) = :proved
        AND v.seen_at > CAST(:now AS timestamptz) - CASE WHEN v.vendor_id IS NULL
            THEN CAST(:staff_idle AS interval) ELSE CAST(:vendor_idle AS interval) END
""")
_OFFICES = text("""
    SELECT a.role, a.area, m.name FROM appointment a LEFT JOIN market m ON 'market:' || m.code = a.area
    WHERE a.staff_id = :staff AND a.ended_at IS NULL
""")


def recognise(session: Session, vault: Vault, token: str, moment: datetime) -> Person | None:
    """Whose visit it is, with the offices of this very moment. Commits where the visit is noted as seen."""
    row = _row(session, vault, token, moment, proved=True)
    if row is None or (row.vendor_id is not None and row.phone is None):
        return None
    if moment - row.seen_at > SEEN_EVERY:
        session.execute(text("UPDATE visit SET seen_at = :now WHERE id = :id"), {"now": moment, "id": row.id})
        session.commit()
    if row.vendor_id is not None:
        return Person(row.id, message.tail(row.phone), vendor_id=row.vendor_id, phone=row.phone)
    today = clock.business_date(moment)
    offices = [
        Office(role, area, name or jurisdiction.name(area, today))
        for role, area, name in session.execute(_OFFICES, {"staff": row.staff_id})
    ]
    return Person(
        row.id,
        row.name,
        staff_id=row.staff_id,
        offices=person.in_order(offices),
        has_second_factor=row.totp_at is not None,
    )


def halfway(session: Session, vault: Vault, token: str, moment: datetime) -> tuple[int, int] | None:
    """The visit and the staff of whom the password is known and the second factor is due."""
    row = _row(session, vault, token, moment, proved=False)
    return (row.id, row.staff_id) if row is not None else None


def _row(session: Session, vault: Vault, token: str, moment: datetime, *, proved: bool) -> Row[Any] | None:
    asked = {
        "hash": vault.hash(f"visit:{token}"),
        "now": moment,
        "proved": proved,
        "staff_idle": STAFF_IDLE,
        "vendor_idle": VENDOR_IDLE,
    }
    return session.execute(_FIND, asked).first()


_OPEN = text("""
    SELECT id, begun_at, seen_at, address, browser FROM visit
    WHERE (staff_id = :staff OR vendor_id = :vendor) AND ended_at IS NULL AND proved_at IS NOT NULL
        AND ends_at > :now AND seen_at > CAST(:now AS timestamptz) - CAST(:idle AS interval)
    ORDER BY seen_at DESC, id DESC
""")


class Open(NamedTuple):
    """A visit as its person sees it."""

    id: int
    begun_at: datetime
    seen_at: datetime
    address: str
    browser: str


def open_of(session: Session, whose: Person, moment: datetime) -> list[Open]:
    """Her visits that are not over, the latest first."""
    idle = VENDOR_IDLE if whose.is_vendor else STAFF_IDLE
    asked = {"staff": whose.staff_id, "vendor": whose.vendor_id, "now": moment, "idle": idle}
    return [Open(*row) for row in session.execute(_OPEN, asked)]


_VENDORS_OPEN = text("""
    SELECT v.id FROM visit v JOIN vendor ON vendor.id = v.vendor_id AND vendor.phone IS NOT NULL
    WHERE v.id = ANY(:ids) AND v.ended_at IS NULL AND v.ends_at > :now
""")


def vendors_open(session: Session, ids: Sequence[int], moment: datetime) -> set[int]:
    """Which of these vendors' visits have not ended."""
    return set(session.execute(_VENDORS_OPEN, {"ids": list(ids), "now": moment}).scalars())


_END = text("""
    UPDATE visit SET ended_at = :now
    WHERE (staff_id = :staff OR vendor_id = :vendor) AND ended_at IS NULL
        AND (CAST(:only AS bigint[]) IS NULL OR id = ANY(:only)) AND id <> :spare
    RETURNING id
""")


def end(
    session: Session,
    moment: datetime,
    *,
    staff_id: int | None = None,
    vendor_id: int | None = None,
    only: Sequence[int] | None = None,
    spare: int = 0,
) -> int:
    """End somebody's visits (or `only` some of them, all but `spare`), and say how many."""
    chosen = None if only is None else [each for each in only if record_number.is_one(each)]
    asked = {"now": moment, "staff": staff_id, "vendor": vendor_id, "spare": spare, "only": chosen}
    ended = session.execute(_END, asked)
    return len(ended.all())
