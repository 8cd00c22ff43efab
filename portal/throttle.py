"""What slows guessing down: a growing wait for each account and each address, the same for every worker."""

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from typing import NamedTuple

from sqlalchemy import Column, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment
from ground.refusal import Refusal
from ground.vault import Vault


class Throttle(SQLModel, table=True):
    """How often something was tried in vain; `key` is a keyed hash, so that the table lists nobody."""

    key: bytes = Field(primary_key=True)
    failures: int
    failed_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    open_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class Pace(NamedTuple):
    """`free` tries without a wait; then `first`, doubled with each try up to `longest`. All is forgotten in time."""

    name: str
    free: int
    first: timedelta
    longest: timedelta
    forgotten: timedelta = timedelta(days=1)

    def wait(self, failures: int) -> timedelta:
        """How long the next try has to wait after so many."""
        beyond = failures - self.free
        if beyond < 0:
            return timedelta()
        return min(self.first * (1 << min(beyond, 30)), self.longest)


KEPT = timedelta(days=2)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
# A stranger who fails on purpose costs the owner a quarter of an hour at most, never the account.
ACCOUNT = Pace("account", 4, 2 * SECOND, 15 * MINUTE)
# An office shares one address: many may mistype before it slows.
ADDRESS = Pace("address", 20, 2 * SECOND, 15 * MINUTE)
CONFIRMED = Pace("confirmed", 4, 5 * SECOND, 15 * MINUTE)
SECOND_FACTOR = Pace("second", 4, 5 * SECOND, 15 * MINUTE)
PHONE = Pace("phone", 2, MINUTE, 60 * MINUTE)
PHONE_ADDRESS = Pace("phone address", 12, MINUTE, 15 * MINUTE)
# Every code of a day that /apply sends to whoever asks: somebody with many addresses must not spend the operator's
# money without end. Vendors go by /signin, which this does not slow.
STRANGERS = Pace("strangers", 500, SECOND, MINUTE)
# Who fills in application after application; a helper goes from stall to stall.
APPLICANT = Pace("applicant", 8, MINUTE, 60 * MINUTE)
HELPER = Pace("helper", 60, MINUTE, 15 * MINUTE)
# A whole market may pay from one address, that of its network. Each time we ask the card company in our own name.
CARD = Pace("card", 60, 10 * SECOND, 15 * MINUTE, timedelta(hours=1))
# A statement is read while its sender waits: some files of some accounts, not files without end.
UPLOAD = Pace("upload", 20, MINUTE, 15 * MINUTE, timedelta(hours=1))

_COUNT = text("""
    INSERT INTO throttle AS t (key, failures, failed_at, open_at) VALUES (:key, 1, :now, :now)
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN t.failed_at < CAST(:now AS timestamptz) - CAST(:forgotten AS interval) THEN 1
            ELSE t.failures + 1 END,
        failed_at = :now
    WHERE t.open_at <= :now
    RETURNING failures
""")
# Rows that another worker holds are left to it: so no two of them wait for each other.
_FORGET = text("""
    DELETE FROM throttle WHERE key IN (
        SELECT key FROM throttle WHERE failed_at < :then LIMIT 100 FOR UPDATE SKIP LOCKED)
""")
_CLOSE = text("UPDATE throttle SET open_at = :open WHERE key = :key")
_OPEN_AT = text("SELECT open_at FROM throttle WHERE key = :key")


def count(session: Session, vault: Vault, moment: datetime, *tries: tuple[Pace, str]) -> None:
    """Count a try before it is judged, so that many at once get no more than one by one.

    Each is a pace and whom it is for. Refuses (429) with the seconds to wait while one of them is closed; then
    the caller commits nothing. Else it commits before it judges, and calls `forgive` when the try was good.
    """
    for pace, whom in sorted(tries):
        key = _key(vault, pace, whom)
        failures = session.execute(_COUNT, {"key": key, "now": moment, "forgotten": pace.forgotten}).scalar()
        if failures is None:
            opens = session.execute(_OPEN_AT, {"key": key}).scalar_one()
            seconds = max(ceil((opens - moment).total_seconds()), 1)
            raise Refusal("signin.too_often", status=429, wait=seconds)
        session.execute(_CLOSE, {"key": key, "open": moment + pace.wait(failures)})
    session.execute(_FORGET, {"then": moment - KEPT})


def forgive(session: Session, vault: Vault, *tries: tuple[Pace, str]) -> None:
    """The try was good: its account starts afresh."""
    for pace, whom in tries:
        session.execute(text("DELETE FROM throttle WHERE key = :key"), {"key": _key(vault, pace, whom)})


def _key(vault: Vault, pace: Pace, whom: str) -> bytes:
    return vault.hash(f"throttle:{pace.name}:{whom}")


def neighbourhood(address: str) -> str:
    """An address as guessing is counted: an IPv6 household has 2⁶⁴ of them."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
