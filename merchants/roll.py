"""The roll: a board's list brought into the books as dated rows, all of it or nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock, store
from ground.refusal import Refusal
from merchants import account, chain, clash, holder, line, roll_file, standing
from merchants.chain import Dated, Word
from merchants.holder import Recognised
from merchants.market import Market
from merchants.roll_file import CellError, RollFile, RollRow
from merchants.roll_layout import heading
from merchants.standing import Plan, Standing


class Imported(NamedTuple):
    """What an import did, or, with errors, would not do.

    `unlisted`: the errors beyond those listed. `stale`: serials of live codes that carry an account of the past.
    """

    market: str
    rows: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    closed: int = 0
    errors: Sequence[CellError] = ()
    unlisted: int = 0
    stale: Sequence[str] = ()


def take_in(
    session: Session, market: Market, file: Path, *, on: date | None = None, complete: bool = False
) -> Imported:
    """Read the file and bring the market's roll in line with it, in the caller's transaction.

    A row holds from its own `since`, and from then on: what the books say of later days gives way to it, of days
    before it stays. Without one it holds from the market's first day on a first import, from `on` (today) where
    that day changes. No date before the market's own counts. `complete` closes the stalls that the file no longer
    lists. With errors nothing is written.
    """
    read = roll_file.read_roll(file)
    if read.errors:
        return Imported(market.code, read.row_count, errors=read.errors, unlisted=read.unlisted)
    with session.begin_nested() as attempt:
        done = _bring_in_line(session, market, read, max(on or clock.today(), market.since), complete=complete)
        if done.errors:
            attempt.rollback()
    return done


def write_in(
    session: Session, market: Market, row: RollRow, columns: Collection[str], *, merchant_id: int | None = None
) -> None:
    """Bring one stall in line with a decision that was made elsewhere, by the same rules as a file.

    `row` says of `columns` what holds from its `since` on; `merchant_id` is whom its merchant was found to be.
    Refuses what a file's row would be refused for.
    """
    read = RollFile([row], [], 1, headings={column: heading(column) for column in columns})
    people = Recognised({} if merchant_id is None else {row.row: merchant_id}, set())
    with session.begin_nested() as attempt:
        done = _bring_in_line(session, market, read, row.since or clock.today(), complete=False, people=people)
        if done.errors:
            attempt.rollback()
    for error in done.errors:
        told: dict[str, Any] = error.params
        raise Refusal(error.reason_code, **told)


def _bring_in_line(
    session: Session, market: Market, read: RollFile, day: date, *, complete: bool, people: Recognised | None = None
) -> Imported:
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})
    moment = clock.now()
    standings = standing.read(session, market)
    people = people or holder.recognise(
        session,
        market,
        read.rows,
        {row.row: standings[_key(row)].merchants for row in read.rows if _key(row) in standings},
        has_phones="phone" in read.headings,
        moment=moment,
    )
    plan = _plan(market, read.rows, standings, _words(session, read, people.ids), day)
    added = plan.keys() - standings.keys()
    changed = {*plan, *(_key(row) for row in read.rows if row.row in people.corrected)} - added
    gone = _closings(standings, read.rows, day) if complete else {}
    plan |= gone
    errors = _shared_accounts(session, market, read, standings, plan)
    if errors:
        return Imported(market.code, read.row_count, errors=errors)
    if plan:
        standing.write(session, market, standings, plan, {_key(row): row.stall for row in read.rows}, moment)
        store.registry_changed(session)
    unchanged = read.row_count - len(added) - len(changed)
    return Imported(
        market.code,
        read.row_count,
        len(added),
        len(changed),
        unchanged,
        len(gone),
        stale=_stale(session, market, day),
    )


def _key(row: RollRow) -> str:
    """A stall is the same whatever its capitals."""
    return row.stall.upper()


def _words(session: Session, read: RollFile, merchants: Mapping[int, int]) -> dict[str, Word]:
    pairs = ((row.bin, number) for row in read.rows for number in (row.account, row.virtual_account))
    accounts = account.take_up(session, [(bin_, number) for bin_, number in pairs if bin_ and number])
    return {_key(row): line.word(row, read.headings, merchants.get(row.row), accounts) for row in read.rows}


def _plan(
    market: Market,
    rows: Sequence[RollRow],
    standings: Mapping[str, Standing],
    words: Mapping[str, Word],
    day: date,
) -> dict[str, list[Dated]]:
    """The chains that the rows make other than they are."""
    plan = {}
    for row in rows:
        key = _key(row)
        known = standings[key].chain if key in standings else []
        since = row.since or (day if standings else market.since)
        if row.since is None and _says_nothing_new(known, words[key], since):
            continue
        laid = chain.lay(known, max(since, market.since), words[key])
        if laid != known:
            plan[key] = laid
    return plan


def _says_nothing_new(known: Sequence[Dated], word: Word, day: date) -> bool:
    """An undated row that is true already leaves what is planned for later days alone."""
    before = chain.on_day(known, day)
    return before is not None and word(before) == before


def _closings(standings: Mapping[str, Standing], rows: Sequence[RollRow], day: date) -> dict[str, list[Dated]]:
    """The stalls that the file no longer lists, closed from that day on."""
    listed = {_key(row) for row in rows}
    closed = {}
    for key, known in standings.items():
        if key not in listed:
            laid = chain.lay(known.chain, max(day, known.chain[0].since), line.closing)
            if laid != known.chain:
                closed[key] = laid
    return closed


def _shared_accounts(
    session: Session, market: Market, read: RollFile, standings: Mapping[str, Standing], plan: Plan
) -> list[CellError]:
    """The rows that give a stall an account which serves another one and may not, each named."""
    rows = {_key(row): row for row in read.rows}
    errors = []
    for found in clash.find(session, market, standings, plan):
        row = rows[found.key]
        column = "virtual_account" if row.virtual_account == found.number else "account"
        title = read.headings.get(column) or heading(column)
        told: dict[str, object] = {"account": found.number, "stall": found.other}
        errors.append(CellError(row.row, title, found.number, "registry.virtual_account_taken", told))
    return sorted(errors, key=lambda error: error.row)


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
