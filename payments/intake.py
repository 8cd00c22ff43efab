"""The intake: a file of dated reports brought into the books, all of it or nothing, corrections as new records."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlmodel import Session

from ground import clock
from merchants import chain, standing
from merchants.market import Market
from merchants.roll_cell import show
from merchants.roll_file import CellError
from merchants.standing import Standing
from payments import evidence_file
from payments.evidence_file import EvidenceFile, Form, Line

Key = tuple[Any, ...]
"""(stall_id, day, …): what a record is of. The latest record of a key counts."""
Value = tuple[Any, ...]


class Kind(NamedTuple):
    """A kind of record: the file it comes in, which columns are of its key, and how it is stored and read.

    `read`: the records that count from :first to :last in :market; `write`: new ones from arrays.
    """

    form: Form
    key: tuple[str, ...]
    value: tuple[str, ...]
    read: TextClause
    write: TextClause


class Taken(NamedTuple):
    """What an import did, or, with errors, would not do."""

    market: str
    rows: int
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: Sequence[CellError] = ()
    keys: Sequence[Key] = ()


def take_in(session: Session, market: Market, file: Path, kind: Kind, *, by: str) -> Taken:
    """Read the file and record what it says anew, in the caller's transaction. With errors nothing is written."""
    moment = clock.now()
    found = evidence_file.read(file, kind.form, clock.business_date(moment))
    # Two imports at once follow each other, so that the second sees what the first has recorded.
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})
    entries = _place(found, standing.read(session, market), kind)
    if found.errors:
        return Taken(market.code, found.row_count, errors=found.errors)
    added, changed = record(session, market.key, kind, entries, by=by, moment=moment)
    unchanged = found.row_count - added - changed
    return Taken(market.code, found.row_count, added, changed, unchanged, keys=list(entries))


def record(
    session: Session, market_id: int, kind: Kind, entries: Mapping[Key, Value], *, by: str, moment: datetime
) -> tuple[int, int]:
    """Append what is new; returns how many are the first of their key, and how many correct an earlier one."""
    if not entries:
        return 0, 0
    known = _known(session, market_id, kind, [key[1] for key in entries])
    fresh = {key: value for key, value in entries.items() if known.get(key) != value}
    names = ("stall_id", "business_date", *kind.key, *kind.value)
    rows = [(*key, *value) for key, value in fresh.items()]
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    session.execute(kind.write, {**columns, "market": market_id, "by": by, "moment": moment})
    changed = len(fresh.keys() & known.keys())
    return len(fresh) - changed, changed


def traded(standing: Standing, day: date) -> bool:
    content = chain.on_day(standing.chain, day)
    return content is not None and content.status == "trading"


def _known(session: Session, market_id: int, kind: Kind, days: Sequence[date]) -> dict[Key, Value]:
    rows = session.execute(kind.read, {"market": market_id, "first": min(days), "last": max(days)})
    width = 2 + len(kind.key)
    return {tuple(row[:width]): tuple(row[width:]) for row in rows}


def _place(found: EvidenceFile, stalls: Mapping[str, Standing], kind: Kind) -> dict[Key, Value]:
    """The file's lines by the stalls they are of; a stall that is unknown or did not trade is an error."""
    entries = {}
    for line in found.lines:
        stall = stalls.get(line.stall.upper())
        if stall is None:
            found.fail(line, "stall", "evidence.unknown_stall", stall=line.stall)
        elif not traded(stall, line.day):
            found.fail(line, "date", "evidence.not_trading", stall=line.stall, day=show(line.day))
        else:
            key, value = _entry(line, stall.stall_id, kind)
            entries[key] = value
    return entries


def _entry(line: Line, stall_id: int, kind: Kind) -> tuple[Key, Value]:
    key = (stall_id, line.day, *(line.values[name] for name in kind.key))
    return key, tuple(line.values.get(name) for name in kind.value)
