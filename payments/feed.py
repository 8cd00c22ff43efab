"""A posting feed: the one provider whose notices make the sales of an account, from a day on.

What another provider tells of the account is kept beside the books. The first to tell of an account is its posting
feed until the operator chooses another one; that is decided when the first notice is posted, and stands from then on.
A virtual account has the feed of the account that the roll says it leads to, because some providers tell of the one
and some of the other. A card's sale names its own serial and arrives at no account of a vendor's.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment
from ground.refusal import Refusal
from payments import card
from payments.island import WINDOW_SECONDS
from payments.receiving_account import bankless_days

BEGINNING = date.min
"""Since when the first to tell of an account is its feed."""
A_DAY = timedelta(days=1)
_LOCK = 0x66656564


class Feed(SQLModel, table=True):
    """chosen: by the operator. superseded_at: until when it was held so; it has a successor of the same `since`."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    number: str
    bin: str
    provider: str
    since: date
    chosen: bool
    recorded_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    superseded_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class Told(NamedTuple):
    """A notice, the account it is of, who posts that account on its day, and whether a change of feed is near."""

    id: int
    provider: str
    number: str
    bin: str
    day: date
    received_at: datetime
    at: datetime
    amount: int
    reference: str | None
    beside: bool
    posting: str | None
    near: bool


# The account that the number means, and the one it leads to where it is virtual.
_LED = f"""
    LEFT JOIN LATERAL (
        SELECT a.id, a.bin FROM account a
        WHERE a.number = n.account
            AND (a.bin = n.bin OR n.bin IS NULL AND {bankless_days("a")} @> n.business_date)) AS meant ON true
    LEFT JOIN LATERAL (
        SELECT a.number, a.bin FROM stall_state s JOIN account a ON a.id = s.account_id
        WHERE s.virtual_account_id = meant.id AND s.superseded_at IS NULL AND a.id <> meant.id
            AND s.since <= n.business_date AND (s.until IS NULL OR n.business_date < s.until)) AS led ON true
"""
_KEY = "coalesce(led.number, n.account) AS number, coalesce(led.bin, n.bin, meant.bin, '') AS bin"
KEYED = f"""
    SELECT n.id, n.provider, {_KEY}, n.business_date AS day, n.received_at, n.occurred_at AS at,
        n.amount, upper(btrim(n.reference)) AS reference, n.beside
    FROM notice n
    {_LED}
    WHERE n.direction = 'in' AND n.repeat_of IS NULL AND n.handled_at IS NOT NULL AND n.provider <> '{card.PROVIDER}'
"""
_TOLD = """
    SELECT k.id, k.provider, k.number, k.bin, k.day, k.received_at, k.at, k.amount, k.reference, k.beside,
        (SELECT f.provider FROM feed f WHERE (f.number, f.bin) = (k.number, k.bin) AND f.superseded_at IS NULL
            AND f.since <= k.day ORDER BY f.since DESC LIMIT 1) AS posting,
        EXISTS (SELECT FROM feed f WHERE (f.number, f.bin) = (k.number, k.bin) AND f.superseded_at IS NULL
            AND f.since BETWEEN k.day AND k.day + 1) AS near
    FROM ({keyed}) AS k
"""
_LOOKED_AT = "near OR posting IS NULL OR beside <> (provider <> posting)"
_OF_PLACES = text(f"""
    SELECT k.account, k.told_bin, k.day, k.number, k.bin,
        (SELECT f.provider FROM feed f WHERE (f.number, f.bin) = (k.number, k.bin) AND f.superseded_at IS NULL
            AND f.since <= k.day ORDER BY f.since DESC LIMIT 1) AS posting,
        EXISTS (SELECT FROM feed f WHERE (f.number, f.bin) = (k.number, k.bin) AND f.superseded_at IS NULL
            AND f.since BETWEEN k.day AND k.day + 1) AS near
    FROM (
        SELECT n.account, n.bin AS told_bin, n.business_date AS day, {_KEY}
        FROM unnest(CAST(:accounts AS text[]), CAST(:bins AS text[]), CAST(:days AS date[]))
            AS n(account, bin, business_date)
        {_LED}
    ) AS k
""")
_ALL = text(f"SELECT * FROM ({_TOLD.format(keyed=KEYED)}) AS t WHERE {_LOOKED_AT}")
# Of an account, all that is told of it under whatever number.
_OF_ACCOUNTS = text(
    f"SELECT * FROM ({_TOLD.format(keyed=KEYED + ' AND n.account = ANY(:numbers)')}) AS t WHERE {_LOOKED_AT}"
)
_NUMBERS = text("""
    SELECT unnest(CAST(:numbers AS text[])) UNION
    SELECT v.number FROM account a
    JOIN stall_state s ON s.account_id = a.id AND s.superseded_at IS NULL
    JOIN account v ON v.id = s.virtual_account_id WHERE a.number = ANY(:numbers)
""")
_FIRST = text("""
    INSERT INTO feed (number, bin, provider, since, chosen, recorded_at)
    SELECT r.number, r.bin, r.provider, :beginning, false, :now
    FROM unnest(CAST(:numbers AS text[]), CAST(:bins AS text[]), CAST(:providers AS text[])) AS r(number, bin, provider)
    ON CONFLICT (number, bin, since) WHERE superseded_at IS NULL DO NOTHING
""")


def lock(session: Session) -> None:
    """For whoever decides about more than what it has claimed: one at a time, until the commit."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def of_notices(session: Session, rows: Sequence[Any]) -> list[Told]:
    """Whose day each notice just claimed falls on; an account that nobody told of before has its feed from now on."""
    incoming = [
        row for row in rows if row.direction == "in" and row.repeat_of is None and row.provider != card.PROVIDER
    ]
    if not incoming:
        return []
    told = _place(session, incoming)
    return _place(session, incoming) if _begin(session, told) else told


def _place(session: Session, rows: Sequence[Any]) -> list[Told]:
    """One look-up for each account and day, however many notices there are."""
    places = {(row.account, row.bin, row.business_date) for row in rows}
    accounts, bins, days = map(list, zip(*places, strict=True))
    found = session.execute(_OF_PLACES, {"accounts": accounts, "bins": bins, "days": days})
    known = {(each.account, each.told_bin, each.day): each for each in found}
    told = []
    for row in rows:
        at = known[row.account, row.bin, row.business_date]
        times = (row.received_at, row.occurred_at)
        told.append(
            Told(row.id, row.provider, at.number, at.bin, at.day, *times, row.amount, None, False, at.posting, at.near)
        )
    return told


def _read(session: Session, query: Any, parameters: dict[str, Any]) -> list[Told]:
    return [Told(*row) for row in session.execute(query, parameters)]


def _begin(session: Session, told: Iterable[Told]) -> bool:
    """The accounts without a feed get the first to tell; they go in one order, so that no two wait for each other."""
    firsts: dict[tuple[str, str], Told] = {}
    for each in sorted(told, key=lambda each: (each.received_at, each.id)):
        if each.posting is None:
            firsts.setdefault((each.number, each.bin), each)
    if not firsts:
        return False
    numbers, bins, providers = zip(*((*key, firsts[key].provider) for key in sorted(firsts)), strict=True)
    columns = {"numbers": list(numbers), "bins": list(bins), "providers": list(providers)}
    session.execute(_FIRST, {**columns, "beginning": BEGINNING, "now": clock.now()})
    return True


def wrong(session: Session, numbers: Iterable[str] | None = None) -> list[Told]:
    """Notices that are beside the books but should be in them, or the other way round; of all accounts or of some."""
    query, parameters = _ALL, dict[str, Any]()
    if numbers is not None:
        under = session.execute(_NUMBERS, {"numbers": sorted(set(numbers))}).scalars()
        query, parameters = _OF_ACCOUNTS, {"numbers": list(under)}
    told = _read(session, query, parameters)
    if _begin(session, told):
        told = _read(session, query, parameters)
    twins = _twins(told)
    return [each for each in told if each.beside != twins.get(each.id, each.provider != each.posting)]


def _twins(told: Sequence[Told]) -> dict[int, bool]:
    """By notice whether it is beside the books, for payments that both feeds told around a change of feed.

    Their clocks may put one payment on either side of midnight: it is one sale all the same, the old feed's unless
    both put it on the new feed's day.
    """
    days: dict[tuple[str, str, date], list[Told]] = defaultdict(list)
    for each in told:
        if each.near:
            days[each.number, each.bin, each.day].append(each)
    decided: dict[int, bool] = {}
    for (number, bin_, day), before in sorted(days.items(), key=lambda item: item[0]):
        after = days.get((number, bin_, day + A_DAY), [])
        if not after or before[0].posting == after[0].posting:
            continue
        old, new = before[0].posting, after[0].posting
        both = [each for each in [*before, *after] if each.id not in decided]
        for ours, theirs in pair(
            [each for each in both if each.provider == old], [each for each in both if each.provider == new]
        ):
            if ours.day != theirs.day:
                decided |= {ours.id: False, theirs.id: True}
    return decided


def pair(ours: Sequence[Told], theirs: Sequence[Told]) -> list[tuple[Told, Told]]:
    """What two providers told of the same payments: by reference, else by amount and the nearest time; of payments
    that are all alike the first is the first, the second the second."""
    pairs = []
    left = {each.id: each for each in theirs}
    free = sorted(ours, key=_order)
    for near in (_by_reference, _by_time):
        possible = [(apart, a, b) for a in free for b in left.values() if (apart := near(a, b)) is not None]
        taken: set[int] = set()
        for _, a, b in sorted(possible, key=lambda each: (each[0], _order(each[1]), _order(each[2]))):
            if a.id not in taken and b.id in left:
                taken.add(a.id)
                del left[b.id]
                pairs.append((a, b))
        free = [each for each in free if each.id not in taken]
    return pairs


def _order(told: Told) -> tuple[datetime, int]:
    return told.at, told.id


def _by_reference(ours: Told, theirs: Told) -> float | None:
    same = ours.reference is not None and (ours.reference, ours.amount) == (theirs.reference, theirs.amount)
    return abs((ours.at - theirs.at).total_seconds()) if same else None


def _by_time(ours: Told, theirs: Told) -> float | None:
    apart = abs((ours.at - theirs.at).total_seconds())
    return apart if ours.amount == theirs.amount and apart <= WINDOW_SECONDS else None


_PUT = text("""
    INSERT INTO feed (number, bin, provider, since, chosen, recorded_at)
    VALUES (:number, :bin, :provider, :since, true, :now) RETURNING id
""")
_REPLACED = text("""
    UPDATE feed SET superseded_at = :now
    WHERE (number, bin, since) = (:number, :bin, :since) AND superseded_at IS NULL
""")


def put(session: Session, number: str, bin_: str, provider: str, since: date) -> int:
    """From `since` until the next change this provider posts the account; what held before is kept as superseded.

    Returns the new row's id.
    """
    chosen = {"number": number, "bin": bin_, "provider": provider, "since": since, "now": clock.now()}
    session.execute(_REPLACED, chosen)
    return int(session.execute(_PUT, chosen).scalar_one())


_LEADS = text("""
    SELECT a.number FROM account v LEFT JOIN stall_state s ON s.virtual_account_id = v.id AND s.superseded_at IS NULL
        AND s.account_id <> v.id
    LEFT JOIN account a ON a.id = s.account_id WHERE (v.number, v.bin) = (:number, :bin) ORDER BY s.since DESC LIMIT 1
""")


def find_account(session: Session, number: str, bin_: str) -> None:
    """Refuses an account that nobody knows, and a virtual one, which has the feed of the account it leads to."""
    found = session.execute(_LEADS, {"number": number, "bin": bin_}).first()
    if found is None:
        raise Refusal("feed.unknown_account", number=number, status=404)
    if found.number is not None:
        raise Refusal("feed.virtual", number=number, leads=found.number)


_EVERY = text("""
    SELECT number, bin, provider, since, chosen, lead(since) OVER (PARTITION BY number, bin ORDER BY since) AS until
    FROM feed WHERE superseded_at IS NULL ORDER BY number, bin, since
""")


def every(session: Session) -> list[Any]:
    """Which provider posts which account, from when until when."""
    return list(session.execute(_EVERY))
