"""The roll: a board's list brought into the books as dated rows, all of it or nothing."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock, store
from merchants import account, roll_file
from merchants.holder import Holders
from merchants.market import Market
from merchants.roll_file import CellError, RollRow


class Content(NamedTuple):
    """What a row of the roll says of a stall, apart from when; ids instead of names."""

    status: str
    section: str | None = None
    goods: str | None = None
    merchant_id: int | None = None
    account_id: int | None = None
    virtual_account_id: int | None = None
    account_name: str | None = None


class Dated(NamedTuple):
    """`content` holds from `since` up to, not including, `until`. `id` None: not stored yet."""

    since: date
    until: date | None
    content: Content
    id: int | None = None


class Imported(NamedTuple):
    """What an import did, or, with errors, would not do. `stale`: live codes that name an account of the past."""

    market: str
    rows: int
    added: int
    changed: int
    unchanged: int
    closed: int
    errors: list[CellError]
    stale: list[str]


class Stand(NamedTuple):
    """A stall as the books have it: its id and its dated rows in order."""

    id: int
    number: str
    chain: list[Dated]


def take_in(
    session: Session, market: Market, file: Path, *, on: date | None = None, complete: bool = False
) -> Imported:
    """Read the file and bring the market's roll in line with it, in the caller's transaction.

    A row holds from its own `since`, and from then on: what the books say of later days gives way to it. Without
    one it holds from the market's first day on a first import, from `on` (today) where it changes something.
    `complete` closes the stalls that the file no longer lists. With errors nothing is written.
    """
    read = roll_file.read_roll(file)
    if read.errors:
        return Imported(market.code, len(read.rows), 0, 0, 0, 0, read.errors, [])
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})
    moment = clock.now()
    day = max(on or clock.business_date(moment), market.since)
    stands = _stands(session, market)
    contents, corrected = _contents(session, market, read.rows, stands, day, moment)
    first = not stands
    wanted: dict[str, list[Dated]] = {}
    added = changed = closed = 0
    for row in read.rows:
        key = row.stall.upper()
        stand = stands.get(key)
        chain = stand.chain if stand else []
        since = _since(row, chain, contents[key], market, first=first, day=day)
        laid = lay(chain, since, contents[key]) if since else chain
        if laid != chain:
            wanted[key] = laid
            added, changed = added + (stand is None), changed + (stand is not None)
        elif row.row in corrected:
            changed += 1
    if complete:
        for key, stand in stands.items():
            if key not in contents and stand.chain[-1].content.status != "closed":
                wanted[key] = lay(stand.chain, day, Content("closed"))
                closed += 1
    errors = _shared_virtual_accounts(session, market, read.rows, stands, wanted)
    if errors:
        return Imported(market.code, len(read.rows), 0, 0, 0, 0, errors, [])
    if wanted:
        numbers = {row.stall.upper(): row.stall for row in read.rows}
        _write(session, market, stands, wanted, numbers, moment)
        store.registry_changed(session)
    unchanged = len(read.rows) - added - changed
    return Imported(market.code, len(read.rows), added, changed, unchanged, closed, [], _stale(session, market, day))


def lay(chain: Sequence[Dated], since: date, content: Content) -> list[Dated]:
    """The chain with `content` holding from `since` on, for good; equal neighbours become one row."""
    kept = [row for row in chain if row.since < since]
    if kept and kept[-1].content == content:
        last = kept.pop()
        return [*kept, last if last.until is None else Dated(last.since, None, content)]
    if kept and (kept[-1].until is None or kept[-1].until > since):
        kept[-1] = Dated(kept[-1].since, since, kept[-1].content)
    same = [row for row in chain if row == Dated(since, None, content, row.id)]
    return [*kept, same[0] if same else Dated(since, None, content)]


def _since(
    row: RollRow, chain: Sequence[Dated], content: Content, market: Market, *, first: bool, day: date
) -> date | None:
    """The first day on which the row holds; None where the books say the same and no date asks for more."""
    if row.since is not None:
        return max(row.since, market.since)
    if first:
        return market.since
    holding = [dated for dated in chain if dated.since <= day and (dated.until is None or day < dated.until)]
    return None if holding and holding[0].content == content else day


_CHAINS = text("""
    SELECT s.id, s.number, state.since, state.until, state.status, state.section, state.goods, state.merchant_id,
        state.account_id, state.virtual_account_id, state.account_name, state.id AS state_id
    FROM stall s JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
    WHERE s.market_id = :market ORDER BY s.id, state.since
""")


def _stands(session: Session, market: Market) -> dict[str, Stand]:
    stands: dict[str, Stand] = {}
    for row in session.execute(_CHAINS, {"market": market.key}):
        stand = stands.setdefault(row.number.upper(), Stand(row.id, row.number, []))
        stand.chain.append(Dated(row.since, row.until, Content(*row[4:11]), row.state_id))
    return stands


def _contents(
    session: Session,
    market: Market,
    rows: Sequence[RollRow],
    stands: dict[str, Stand],
    day: date,
    moment: datetime,
) -> tuple[dict[str, Content], set[int]]:
    """Each row with names turned into ids: accounts and merchants not known yet are taken up.

    Also the rows (their numbers in the file) that only correct a merchant's name or phone.
    """
    pairs = [(row.bin, number) for row in rows for number in (row.account, row.virtual_account)]
    accounts: dict[Any, int] = dict(
        account.take_up(session, [(bin_, number) for bin_, number in pairs if bin_ and number])
    )
    holders = Holders(session, market, moment)
    for row in rows:
        stand = stands.get(row.stall.upper())
        now = [dated.content for dated in stand.chain if dated.since <= day] if stand else []
        holders.want(row, now[-1].merchant_id if now else None)
    merchants = holders.settle()
    contents = {
        row.stall.upper(): Content(
            row.status,
            row.section,
            row.goods,
            merchants.get(row.row),
            accounts.get((row.bin, row.account)),
            accounts.get((row.bin, row.virtual_account)),
            row.account_name if row.status in ("trading", "suspended") else None,
        )
        for row in rows
    }
    return contents, holders.corrected


_ELSEWHERE = text("""
    SELECT state.virtual_account_id, state.since, state.until, m.code || '/' || s.number AS stall
    FROM stall_state state JOIN stall s ON s.id = state.stall_id JOIN market m ON m.id = s.market_id
    WHERE state.superseded_at IS NULL AND state.virtual_account_id = ANY(:accounts) AND NOT s.id = ANY(:changing)
""")


def _shared_virtual_accounts(
    session: Session,
    market: Market,
    rows: Sequence[RollRow],
    stands: dict[str, Stand],
    wanted: dict[str, list[Dated]],
) -> list[CellError]:
    """A virtual account serves one stall at a time: the rows that would break that, each named."""
    uses: dict[int, list[tuple[date, date | None, str]]] = {}
    new = [(key, row) for key, chain in wanted.items() for row in chain if row.content.virtual_account_id]
    elsewhere = session.execute(
        _ELSEWHERE,
        {
            "accounts": sorted({row.content.virtual_account_id for _, row in new}),
            "changing": [stands[key].id for key in wanted if key in stands],
        },
    )
    for row in elsewhere:
        uses.setdefault(row.virtual_account_id, []).append((row.since, row.until, row.stall))
    lines = {row.stall.upper(): row for row in rows}
    errors = []
    for key, dated in new:
        used = uses.setdefault(dated.content.virtual_account_id or 0, [])
        clash = [name for since, until, name in used if _overlap(dated, since, until)]
        used.append((dated.since, dated.until, f"{market.code}/{key}"))
        if clash and key in lines:
            line = lines[key]
            told = line.virtual_account or ""
            column = "Tài khoản ảo"
            errors.append(CellError(line.row, column, told, "registry.virtual_account_taken", {"stall": clash[0]}))
    return errors


def _overlap(row: Dated, since: date, until: date | None) -> bool:
    return (row.until is None or since < row.until) and (until is None or row.since < until)


_NEW_STALLS = text(
    "INSERT INTO stall (market_id, number) SELECT :market, n FROM unnest(CAST(:numbers AS text[])) AS n"
    " RETURNING number, id"
)
_SUPERSEDE = text("UPDATE stall_state SET superseded_at = :now WHERE id = ANY(:ids)")
_NEW_STATES = text("""
    INSERT INTO stall_state (stall_id, since, until, status, section, goods, merchant_id, account_id,
        virtual_account_id, account_name, recorded_at)
    SELECT r.*, :now FROM unnest(CAST(:stalls AS bigint[]), CAST(:since AS date[]), CAST(:until AS date[]),
        CAST(:status AS text[]), CAST(:section AS text[]), CAST(:goods AS text[]), CAST(:merchant AS bigint[]),
        CAST(:account AS bigint[]), CAST(:virtual AS bigint[]), CAST(:name AS text[])) AS r
""")


def _write(
    session: Session,
    market: Market,
    stands: dict[str, Stand],
    wanted: dict[str, list[Dated]],
    numbers: dict[str, str],
    moment: datetime,
) -> None:
    """Supersede the rows that give way, then lay in the new ones."""
    fresh = [numbers[key] for key in wanted if key not in stands]
    ids = {key: stand.id for key, stand in stands.items()}
    made = session.execute(_NEW_STALLS, {"market": market.key, "numbers": fresh})
    ids.update({number.upper(): key for number, key in made})
    gone = [
        row.id
        for key, chain in wanted.items()
        for row in (stands[key].chain if key in stands else [])
        if row not in chain
    ]
    session.execute(_SUPERSEDE, {"now": moment, "ids": gone})
    laid = [(ids[key], row) for key, chain in wanted.items() for row in chain if row.id is None]
    session.execute(_NEW_STATES, {**_columns(laid), "now": moment})


def _columns(laid: Iterable[tuple[int, Dated]]) -> dict[str, list[Any]]:
    names = ("stalls", "since", "until", "status", "section", "goods", "merchant", "account", "virtual", "name")
    rows = [(stall_id, row.since, row.until, *row.content) for stall_id, row in laid]
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


_STALE = text("""
    SELECT c.serial FROM code c
    JOIN stall s ON s.id = c.stall_id AND s.market_id = :market
    LEFT JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    WHERE (c.revoked_on IS NULL OR c.revoked_on > :day)
        AND c.account_id IS DISTINCT FROM coalesce(state.virtual_account_id, state.account_id)
    ORDER BY c.serial
""")


def _stale(session: Session, market: Market, day: date) -> list[str]:
    """Live codes that carry another account than their stall has now: to be revoked and issued anew."""
    return list(session.execute(_STALE, {"market": market.key, "day": day}).scalars())
