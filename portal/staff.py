"""The staff: people with a name, a password and dated offices."""

import unicodedata
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground.database import Moment
from ground.refusal import Refusal
from merchants import market, ward
from portal import password
from portal.person import ROLES, Office

NAME_MAX = 80
AREA_KIND = {"helper": "market", "board": "market", "ward": "ward", "province": "province"}


class Staff(SQLModel, table=True):
    """`name_key` is the name as it is compared. `totp` is the sealed secret, in force from `totp_at` on."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    name: str
    name_key: str = Field(unique=True)
    password_hash: str | None = None
    password_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    totp: bytes | None = None
    totp_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    totp_step: int | None = Field(default=None, sa_type=BigInteger)
    added_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(Moment))

    @property
    def key(self) -> int:
        assert self.id is not None, "not stored yet"
        return self.id


class Appointment(SQLModel, table=True):
    """An office of one of the staff, from `given_at` to `ended_at`."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    staff_id: int = Field(sa_type=BigInteger)
    role: str
    area: str | None = None
    given_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(Moment))


def key_of(name: str) -> str:
    """A name as it is compared: however it is typed, spaced or capitalised."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def add(session: Session, name: str, moment: datetime) -> Staff:
    """One more of the staff, without an office or a password yet. Refuses a name that is taken."""
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not clean or len(clean) > NAME_MAX or not clean.isprintable():
        raise Refusal("staff.bad_name", most=NAME_MAX)
    if session.exec(select(Staff).where(Staff.name_key == key_of(clean))).first():
        raise Refusal("staff.exists", name=clean, status=409)
    added = Staff(name=clean, name_key=key_of(clean), added_at=moment)
    session.add(added)
    session.flush()
    return added


def find(session: Session, name: str) -> Staff:
    found = named(session, name)
    if found is None:
        raise Refusal("staff.unknown", name=name[:NAME_MAX], status=404)
    return found


def named(session: Session, name: str) -> Staff | None:
    """Who goes by this name, if it is one of the staff today."""
    if "\x00" in name:
        return None
    asked = select(Staff).where(Staff.name_key == key_of(name), col(Staff.ended_at).is_(None))
    return session.exec(asked).first()


def read_office(session: Session, role: str, area: str | None, moment_day: Any) -> Office:
    """A role with its area as `market:cho-a` or the bare code. Refuses one that does not exist today."""
    if role not in ROLES or role == "vendor":
        raise Refusal("staff.bad_role", role=role, roles=", ".join(AREA_KIND) + ", operator")
    if role == "operator":
        if area:
            raise Refusal("staff.operators_are_everywhere")
        return Office(role, None)
    kind = AREA_KIND[role]
    before, colon, code = (area or "").strip().partition(":")
    code = code if colon else before
    if not code or (colon and before != kind):
        raise Refusal("staff.needs_area", role=role, kind=kind)
    if kind == "market":
        market.find(session, code)
    elif (kind == "ward" and ward.ward_on(code, moment_day) is None) or (
        kind == "province" and ward.province_name(code, moment_day) is None
    ):
        raise Refusal("area.unknown", area=f"{kind}:{code}", status=404)
    return Office(role, f"{kind}:{code}")


def appoint(session: Session, whom: Staff, office: Office, moment: datetime) -> bool:
    """Give an office; False when it is held already."""
    if _held(session, whom, office) is not None:
        return False
    session.add(Appointment(staff_id=whom.key, role=office.role, area=office.area, given_at=moment))
    session.flush()
    return True


def dismiss(session: Session, whom: Staff, office: Office, moment: datetime) -> None:
    """Take an office back, at once. Refuses one that is not held."""
    held = _held(session, whom, office)
    if held is None:
        raise Refusal("staff.no_such_office", name=whom.name, office=say(office))
    held.ended_at = moment
    session.flush()


def leave(session: Session, whom: Staff, moment: datetime) -> None:
    """The account ends: no more signing in. The name stays taken, so that the audit speaks of one person."""
    whom.ended_at = moment
    for each in _appointments(session, whom):
        each.ended_at = moment
    session.flush()


def set_password(session: Session, whom: Staff, chosen: str, moment: datetime) -> None:
    """Refuses a weak one."""
    whom.password_hash, whom.password_at = password.seal(chosen, whom.name), moment
    session.flush()


def offices(session: Session, whom: Staff) -> list[Office]:
    return [Office(each.role, each.area) for each in _appointments(session, whom)]


def say(office: Office) -> str:
    """`board market:cho-a`, as commands and the audit write an office."""
    return f"{office.role} {office.area}" if office.area else office.role


_EVERY = text("""
    SELECT s.name, s.added_at, s.password_at IS NOT NULL AS has_password, s.totp_at IS NOT NULL AS has_second_factor,
        coalesce(array_agg(concat_ws(' ', a.role, a.area) ORDER BY a.id) FILTER (WHERE a.id IS NOT NULL), '{}')
            AS offices
    FROM staff s LEFT JOIN appointment a ON a.staff_id = s.id AND a.ended_at IS NULL
    WHERE s.ended_at IS NULL GROUP BY s.id ORDER BY s.name_key
""")


def every(session: Session) -> list[dict[str, Any]]:
    """The staff of today with their offices, for lists."""
    return [dict(row._mapping) for row in session.execute(_EVERY)]


def _appointments(session: Session, whom: Staff) -> list[Appointment]:
    asked = select(Appointment).where(Appointment.staff_id == whom.key, col(Appointment.ended_at).is_(None))
    return list(session.exec(asked.order_by(col(Appointment.id))))


def _held(session: Session, whom: Staff, office: Office) -> Appointment | None:
    held = _appointments(session, whom)
    return next((each for each in held if (each.role, each.area) == (office.role, office.area)), None)
