"""What slows guessing down: a growing wait for each account and each address, the same for every worker."""

from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from typing import NamedTuple

from sqlalchemy import Column, DateTime, Interval, bindparam, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment
from ground.refusal import Refusal
from ground.vault import Vault


class Throttle(SQLModel, table=True):
    """How often something was tried in vain; `key` is a keyed hash, so that the table lists nobody.

    `fading_since`: from when on the oldest of the failures is being forgotten.
    """

    key: bytes = Field(primary_key=True)
    failures: int
    fading_since: datetime = Field(sa_column=Column(Moment, nullable=False))
    open_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class Pace(NamedTuple):
    """`free` tries without a wait; then `first`, doubled with each try up to `longest`.

    One try is forgotten in each `fade` (where not said: the longest wait), whether others go on or not: who never
    stops gets through once in it, and a busy address does not remember last week.
    """

    name: str
    free: int
    first: timedelta
    longest: timedelta
    fade: timedelta | None = None

    @property
    def fades(self) -> timedelta:
        return self.fade or self.longest

    def wait(self, failures: int) -> timedelta:
        """How long the next try has to wait after so many."""
        beyond = failures - self.free
        if beyond < 0:
            return timedelta()
        return min(self.first * (1 << min(beyond, 30)), self.longest)


KEPT = timedelta(days=2)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
# A stranger who fails on purpose costs the owner a quarter of an hour at most, never the account.
ACCOUNT = Pace("account", 4, 2 * SECOND, 15 * MINUTE)
# An office shares one address: many may mistype before it slows. Who comes in gets her try back.
ADDRESS = Pace("address", 20, 2 * SECOND, 15 * MINUTE)
CONFIRMED = Pace("confirmed", 4, 5 * SECOND, 15 * MINUTE)
SECOND_FACTOR = Pace("second", 4, 5 * SECOND, 15 * MINUTE)
PHONE = Pace("phone", 2, MINUTE, 60 * MINUTE)
# A market, or a carrier's customers, share one address: codes that were not entered yet. It fades so slowly that one
# address can't use up the day of STRANGERS.
PHONE_ADDRESS = Pace("phone address", 60, 10 * SECOND, 15 * MINUTE, 5 * MINUTE)
# What one phone may cost in a day, codes that were entered included. More than a stranger ever reaches through PHONE,
# so that he can't keep its owner from her codes.
PHONE_DAY = Pace("phone day", 20, MINUTE, 60 * MINUTE)
# Every code of a day that /apply sends to whoever asks: somebody with many addresses must not spend the operator's
# money without end. Vendors go by /signin, which this does not slow.
STRANGERS = Pace("strangers", 500, SECOND, MINUTE, DAY)
# Who fills in application after application; a helper goes from stall to stall.
APPLICANT = Pace("applicant", 8, MINUTE, 60 * MINUTE)
HELPER = Pace("helper", 60, MINUTE, 15 * MINUTE)
# Photos are decoded while their sender waits; a round goes past a stall a minute.
INSPECTION = Pace("inspection", 120, 10 * SECOND, 15 * MINUTE, MINUTE)
# What a phone is told that did not ask: somebody made a slip for it, a strange code hangs at its stall.
TOLD = Pace("told", 6, MINUTE, 60 * MINUTE)
# A whole market may pay from one address, that of its network. Each time we ask the card company in our own name.
CARD = Pace("card", 60, 10 * SECOND, 15 * MINUTE, MINUTE)
# A statement or a workbook is read while its sender waits: some files of some accounts, not files without end.
UPLOAD = Pace("upload", 20, MINUTE, 15 * MINUTE, 3 * MINUTE)

_FADED = "greatest(floor(extract(epoch FROM :now - t.fading_since) / extract(epoch FROM :fades)), 0)::integer"
_COUNT = text(f"""
    INSERT INTO throttle AS t (key, failures, fading_since, open_at) VALUES (:key, 1, :now, :now)
    ON CONFLICT (key) DO UPDATE SET
        failures = greatest(t.failures - {_FADED}, 0) + 1,
        fading_since = CASE WHEN {_FADED} >= t.failures THEN :now ELSE t.fading_since + {_FADED} * :fades END
    WHERE t.open_at <= :now
    RETURNING failures
""").bindparams(bindparam("now", type_=DateTime(timezone=True)), bindparam("fades", type_=Interval))
# Rows that another worker holds are left to it: so no two of them wait for each other.
_FORGET = text("""
    DELETE FROM throttle WHERE key IN (
        SELECT key FROM throttle WHERE fading_since < :then LIMIT 100 FOR UPDATE SKIP LOCKED)
""")
_OPEN_AT = text("SELECT open_at FROM throttle WHERE key = :key")
_CLOSE = text("UPDATE throttle SET open_at = :open WHERE key = :key")
_HOLD = text("SELECT failures, open_at FROM throttle WHERE key = :key FOR UPDATE")
_DROP = text("DELETE FROM throttle WHERE key = :key")
_LOWER = text("UPDATE throttle SET failures = failures - 1, open_at = least(open_at, :open) WHERE key = :key")


def count(session: Session, vault: Vault, moment: datetime, *tries: tuple[Pace, str]) -> None:
    """Count a try before it is judged, so that many at once get no more than one by one.

    Each is a pace and whom it is for. Refuses (429) with the seconds to wait while one of them is closed; then
    the caller commits nothing. Else it commits before it judges; when the try was good, it calls `forgive` for
    whom that proves honest, and `give_back` for who may be many.
    """
    for pace, whom in sorted(tries):
        found = key(vault, pace, whom)
        failures = session.execute(_COUNT, {"key": found, "now": moment, "fades": pace.fades}).scalar()
        if failures is None:
            opens = session.execute(_OPEN_AT, {"key": found}).scalar_one()
            seconds = max(ceil((opens - moment).total_seconds()), 1)
            raise Refusal("signin.too_often", status=429, wait=seconds)
        session.execute(_CLOSE, {"key": found, "open": moment + pace.wait(failures)})
    session.execute(_FORGET, {"then": moment - KEPT})


def forgive(session: Session, vault: Vault, *tries: tuple[Pace, str]) -> None:
    """The try was good: its account starts afresh."""
    for pace, whom in tries:
        session.execute(_DROP, {"key": key(vault, pace, whom)})


def give_back(session: Session, pace: Pace, whose: bytes, counted_at: datetime) -> None:
    """The try counted then for this `key` was good: it is as if it had not been. Those of others stay.

    So honest people use nothing up, and who has one good account can't clear by it what he tried in vain.
    """
    row = session.execute(_HOLD, {"key": whose}).first()
    if row is None:
        return
    if row.failures == 1:
        session.execute(_DROP, {"key": whose})
        return
    last = row.open_at - pace.wait(row.failures)
    left = timedelta() if last == counted_at else pace.wait(row.failures - 1)
    session.execute(_LOWER, {"key": whose, "open": last + left})


def key(vault: Vault, pace: Pace, whom: str) -> bytes:
    """What a pace is counted under, of which nobody learns whom it is for."""
    return vault.hash(f"throttle:{pace.name}:{whom}")


def neighbourhood(address: str) -> str:
    """An address as guessing is counted: an IPv6 household has 2⁶⁴ of them."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
