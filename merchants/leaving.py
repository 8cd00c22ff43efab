"""Leaving: a stall trades on without an account, or closes; why is counted and never told of anybody."""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground import words
from ground.refusal import Refusal
from merchants import code, roll
from merchants.market import Market
from merchants.roll_file import RollRow

REASONS = ("tax", "fraud", "bank", "closed", "other")
AFTERWARDS = ("trading", "closed")
LEAST = 3
"""How many must have said a thing, and how many something else, before a count of it is shown."""
QUARTERS = 8
DAY = timedelta(days=1)


class Leaving(SQLModel, table=True):
    """That somebody left a market in a month (its first day stands for it), and why; not who, nor which stall."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    month: date
    reason: str


class Left(NamedTuple):
    """`since`: the first day without. `revoked`: serials of the codes that are no longer live."""

    since: date
    revoked: list[str]


class Reasons(NamedTuple):
    """A quarter that is over: why vendors left, where that can be said without saying it of one of them."""

    first: date
    counts: dict[str, int]

    @property
    def name(self) -> str:
        return f"{self.first.year}-Q{(self.first.month + 2) // 3}"


_CONNECTED = text("""
    SELECT DISTINCT s.stall_id FROM stall_state s JOIN merchant t ON t.id = s.merchant_id AND t.phone = :phone
    WHERE s.superseded_at IS NULL AND (s.until IS NULL OR s.until > :day)
        AND num_nonnulls(s.account_id, s.virtual_account_id) > 0
""")


def connected(session: Session, phone: str, day: date) -> set[int]:
    """The stalls that have an account of this phone's merchant on a day or later: what can be left."""
    return set(session.execute(_CONNECTED, {"phone": phone, "day": day}).scalars())


# What is written holds from its day on for good, also of days for which somebody else has the stall already.
_PLANNED = text("""
    SELECT 1 FROM stall_state WHERE stall_id = :stall AND superseded_at IS NULL AND since > :day
        AND merchant_id <> :merchant
""")


def leave(
    session: Session,
    market: Market,
    number: str,
    stall_id: int,
    *,
    reason: str,
    afterwards: str,
    today: date,
    merchant_id: int,
) -> Left:
    """From tomorrow on the stall has no account, or is closed; today's payments are still hers.

    Its codes end today, so that nobody pays by them any more. `afterwards`: `trading` or `closed`.
    """
    assert reason in REASONS and afterwards in AFTERWARDS
    if session.execute(_PLANNED, {"stall": stall_id, "merchant": merchant_id, "day": today}).first():
        raise Refusal("leaving.planned", status=409, stall=number)
    since = max(today + DAY, market.since)
    row = _row(number, since, afterwards)
    columns = ("status",) if afterwards == "closed" else ("bank", "account", "account_name", "virtual_account")
    roll.write_in(session, market, row, columns, merchant_id=merchant_id)
    revoked = code.revoke_at(session, stall_id, reason=words.say("leaving.revoked"), on=today)
    session.add(Leaving(market_id=market.key, month=today.replace(day=1), reason=reason))
    session.flush()
    return Left(since, revoked)


def _row(number: str, since: date, afterwards: str) -> RollRow:
    return RollRow(
        row=1,
        stall=number,
        section=None,
        goods=None,
        merchant=None,
        phone=None,
        status="closed" if afterwards == "closed" else "trading",
        since=since,
        bin=None,
        account=None,
        account_name=None,
        virtual_account=None,
    )


_COUNTS = text("""
    SELECT date_trunc('quarter', month)::date AS quarter, reason, count(*) AS times FROM leaving
    WHERE market_id = :market AND month < :now AND month >= :then GROUP BY 1, 2 ORDER BY 1 DESC
""")


def reasons(session: Session, market: Market, today: date) -> list[Reasons]:
    """Why vendors left, by quarters that are over, the latest first; a quarter that has nothing to show is left out.

    The running quarter is not told: who watched its counts grow would know who said what. A count is shown when at
    least three said it and at least three said something else; the board knows who left, and must not learn of
    any of them why.
    """
    now = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    asked = {"market": market.key, "now": now, "then": now.replace(year=now.year - QUARTERS // 4)}
    quarters: dict[date, dict[str, int]] = {}
    for row in session.execute(_COUNTS, asked):
        quarters.setdefault(row.quarter, {})[row.reason] = row.times
    shown = [Reasons(first, _shown(counts)) for first, counts in quarters.items()]
    return [each for each in shown if each.counts]


def _shown(counts: dict[str, int]) -> dict[str, int]:
    total = sum(counts.values())
    return {reason: n for reason in REASONS if (n := counts.get(reason, 0)) >= LEAST and total - n >= LEAST}
