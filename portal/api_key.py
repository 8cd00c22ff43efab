"""An API key: with it the program of a province, a ward or a board asks as that office would."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Identity, Integer, func, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock
from ground.database import Moment
from ground.refusal import Refusal
from ground.store import Store
from ground.vault import Vault
from portal import staff
from portal.person import Office

PREFIX = "m40_"
NAME_MAX = 80
PER_MINUTE = 300
MINUTE = timedelta(minutes=1)
# Whose office a key stands for, by the level of its area.
ROLES = {"market": "board", "ward": "ward", "province": "province"}


class ApiKey(SQLModel, table=True):
    """Of the key itself only a keyed hash is kept. `minute`: when the `requests` counted now began."""

    __tablename__ = "api_key"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    key_hash: bytes = Field(unique=True)
    name: str
    area: str
    made_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    made_by: str
    revoked_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    revoked_by: str | None = None
    used_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    minute: datetime | None = Field(default=None, sa_column=Column(Moment))
    requests: int = Field(default=0, sa_type=Integer)

    @property
    def office(self) -> Office:
        return Office(ROLES[self.area.partition(":")[0]], self.area)


def make(session: Session, vault: Vault, name: str, area: str, *, by: str, at: datetime) -> tuple[ApiKey, str]:
    """A new key, and the text of it, which is nowhere to be read again. Refuses an unknown area and a name in use."""
    clean = " ".join(name.split())
    if not clean or len(clean) > NAME_MAX or not clean.isprintable():
        raise Refusal("api_key.bad_name", most=NAME_MAX)
    level = area.partition(":")[0]
    if level not in ROLES:
        raise Refusal("area.unknown", area=area[:60], status=404)
    office = staff.read_office(session, ROLES[level], area, clock.business_date(at))
    if named(session, clean) is not None:
        raise Refusal("api_key.exists", name=clean, status=409)
    key = PREFIX + secrets.token_urlsafe(32)
    made = ApiKey(key_hash=_hash(vault, key), name=clean, area=str(office.area), made_at=at, made_by=by)
    session.add(made)
    session.flush()
    return made, key


def named(session: Session, name: str) -> ApiKey | None:
    """The key that goes by this name and is in force."""
    asked = select(ApiKey).where(func.lower(ApiKey.name) == name.strip().lower(), col(ApiKey.revoked_at).is_(None))
    return session.exec(asked).first()


def every(session: Session) -> list[ApiKey]:
    return list(session.exec(select(ApiKey).order_by(col(ApiKey.id))))


def revoke(session: Session, name: str, *, by: str, at: datetime) -> ApiKey:
    """From now on it opens nothing."""
    found = named(session, name)
    if found is None:
        raise Refusal("api_key.unknown", name=name[:NAME_MAX], status=404)
    found.revoked_at, found.revoked_by = at, by
    session.flush()
    return found


# How often it is used may be lost in a crash: nobody waits for the disk.
_HURRY = text("SET LOCAL synchronous_commit = off")
_COUNT = text("""
    UPDATE api_key SET used_at = :now,
        minute = CASE WHEN minute > :before THEN minute ELSE :now END,
        requests = CASE WHEN minute > :before THEN requests + 1 ELSE 1 END
    WHERE key_hash = :hash AND revoked_at IS NULL
    RETURNING area, requests, minute
""")


def open_with(store: Store, key: str, at: datetime) -> Office:
    """The office a key stands for, its use counted. Refuses a wrong one (401) and too many requests (429)."""
    with store.session() as session:
        session.execute(_HURRY)
        known = {"hash": _hash(store.vault, key), "now": at, "before": at - MINUTE}
        row = session.execute(_COUNT, known).one_or_none()
        session.commit()
    if row is None:
        raise Refusal("api_key.wrong", status=401)
    if row.requests > PER_MINUTE:
        wait = max(1, round((row.minute + MINUTE - at).total_seconds()))
        raise Refusal("api_key.too_often", status=429, most=PER_MINUTE, wait=wait)
    return Office(ROLES[row.area.partition(":")[0]], row.area)


def _hash(vault: Vault, key: str) -> bytes:
    return vault.hash(f"api key:{key}")
