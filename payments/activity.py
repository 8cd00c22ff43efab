"""A stall's activity: whether anybody pays there cashless and since when nobody does, never how much or how often."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from merchants.market import Market
from merchants.spelling import in_order

QUIET_DAYS = 14
"""Twice the week in which a stall in use sells once (`active_use`): one poor week makes nobody quiet."""
STATES = (
    # somebody paid within QUIET_DAYS
    "in_use",
    # somebody did, but not within QUIET_DAYS
    "quiet",
    # the code has been live for QUIET_DAYS, and nobody has paid
    "unused",
    # it has not been live for so long, and nobody has paid yet
    "fresh",
    # an account is known, but no code is live
    "no_code",
    # somebody trades, and no account is known
    "unregistered",
    "suspended",
    "vacant",
)


class Place(NamedTuple):
    """A stall of today's roll. `serial`: of its live code, or of the one that will be.

    `since`: of a quiet stall the day of its last payment, of an unused or fresh one its code's first day, else None.
    """

    number: str
    section: str | None
    goods: str | None
    merchant: str | None
    phone: str | None
    status: str
    serial: str | None
    state: str
    since: date | None


class Section(NamedTuple):
    """`name` None: stalls without a section."""

    name: str | None
    places: list[Place]

    @property
    def counts(self) -> dict[str, int]:
        return count(self.places)


# A code that never was live is none. What counts is what the merchant of today was paid, whichever code hung there.
_ROLL = text("""
    SELECT s.id, s.number, state.section, state.goods, m.name AS merchant, m.phone, state.status,
        state.account_id IS NOT NULL OR state.virtual_account_id IS NOT NULL AS registered, code.serial, code.begun
    FROM stall s
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    LEFT JOIN merchant m ON m.id = state.merchant_id
    LEFT JOIN LATERAL (
        SELECT max(c.serial) FILTER (WHERE c.revoked_on IS NULL OR c.revoked_on > :day) AS serial,
            coalesce(min(c.live_from) FILTER (WHERE c.merchant_id = state.merchant_id), max(c.live_from)) AS begun
        FROM code c WHERE c.stall_id = s.id AND c.revoked_on IS DISTINCT FROM c.live_from) AS code ON true
    WHERE s.market_id = :market AND state.status <> 'closed'
""")
_LATELY = text("""
    SELECT stall_id, max(business_date) FROM stall_day
    WHERE market_id = :market AND business_date > :edge AND business_date <= :today AND sales_count > 0
    GROUP BY stall_id
""")
# The rollup goes day by day. Which of its days to look at the journal says, whose index goes stall by stall.
_BEFORE = text("""
    SELECT wanted.id, last.business_date
    FROM unnest(CAST(:stalls AS bigint[]), CAST(:begun AS date[])) AS wanted(id, begun)
    CROSS JOIN LATERAL (
        SELECT d.business_date FROM entry e
        JOIN stall_day d ON d.market_id = :market AND d.business_date = e.business_date AND d.stall_id = wanted.id
        WHERE e.credit = 'stall:' || wanted.id AND e.credit LIKE 'stall:%' AND e.business_date >= wanted.begun
            AND e.business_date <= :edge AND d.sales_count > 0
        ORDER BY e.business_date DESC LIMIT 1) AS last
""")


def read(session: Session, market: Market, today: date) -> list[Place]:
    """Every stall of the market's roll that is not closed today, in the order one walks: by section and number."""
    rows = session.execute(_ROLL, {"market": market.key, "day": today}).all()
    last = _last_days(session, market, rows, today)
    found = [
        Place(
            row.number,
            row.section or None,
            row.goods,
            row.merchant,
            row.phone,
            row.status,
            row.serial,
            *_judge(row, last.get(row.id), today),
        )
        for row in rows
    ]
    return sorted(found, key=_walk)


def sections(places: Sequence[Place]) -> list[Section]:
    """In the order of the places."""
    found: dict[str | None, list[Place]] = {}
    for place in places:
        found.setdefault(place.section, []).append(place)
    return [Section(name, here) for name, here in found.items()]


def count(places: Sequence[Place]) -> dict[str, int]:
    """How many are in each state; only those that somebody is in."""
    several = [place.state for place in places]
    return {state: several.count(state) for state in STATES if state in several}


def lately_first(places: Sequence[Place], states: Collection[str]) -> list[Place]:
    """Those in one of these states: who stopped last is first, because she may be won back soonest."""
    found = [place for place in places if place.state in states]
    return sorted(found, key=lambda place: place.since or date.max, reverse=True)


def _last_days(session: Session, market: Market, rows: Sequence[Any], today: date) -> dict[int, date]:
    """The day of the last payment of each stall with a code. What is long ago is looked for only where it must be."""
    edge = today - timedelta(days=QUIET_DAYS)
    asked: dict[str, Any] = {"market": market.key, "edge": edge, "today": today}
    lately = {row[0]: row[1] for row in session.execute(_LATELY, asked)}
    rest = {row.id: row.begun for row in rows if row.serial and row.id not in lately and row.begun <= edge}
    if not rest:
        return lately
    asked |= {"stalls": list(rest), "begun": list(rest.values())}
    return lately | {row[0]: row[1] for row in session.execute(_BEFORE, asked)}


def _judge(row: Any, last: date | None, today: date) -> tuple[str, date | None]:
    """The state, and since when."""
    if row.status != "trading":
        return row.status, None
    if row.serial is None:
        return ("no_code" if row.registered else "unregistered"), None
    edge = today - timedelta(days=QUIET_DAYS)
    if last is not None and last >= row.begun:
        return ("in_use", None) if last > edge else ("quiet", last)
    return ("fresh" if row.begun > edge else "unused"), row.begun


def _walk(place: Place) -> tuple[bool, tuple[str | int, ...], tuple[str | int, ...]]:
    """What has no section comes last."""
    return place.section is None, in_order(place.section or ""), in_order(place.number)
