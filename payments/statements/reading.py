"""Reading a statement file: whichever bank made it, all of it or nothing."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ground.refusal import Refusal
from payments.statements import layout
from payments.statements.camt import read_camt
from payments.statements.line import Helper, Watcher, nobody
from payments.statements.mt940 import read_mt940
from payments.statements.section import StatementFile, choose
from payments.statements.source import open_source, walk_lines, walk_rows
from payments.statements.table import read_table

__all__ = ["choose", "read"]

_SEEN_EVERY = 4096
_Row = TypeVar("_Row")


def read(file: Path, *, bank: str = "auto", seen: Watcher = nobody, helper: Helper | None = None) -> StatementFile:
    """The file's sections, lines in the file's order; every balance and sum in it holds.

    `seen` hears now and then how many rows were read, `helper` of a section's lines so far (`Lines`).

    Refuses what is no statement or another layout than `bank`, what does not balance, and, naming each, rows that
    can't be read (`unreadable.UnreadableRows`).
    """
    if bank not in ("auto", *layout.BANKS):
        raise Refusal("statement.unknown_bank", bank=bank[:40], banks=", ".join(("auto", *layout.BANKS)))
    source = open_source(file)
    if source.kind == "camt":
        layout.check_bank(bank, "camt", source.name)
        return read_camt(source.file, source.head, helper)
    if source.kind == "mt940":
        layout.check_bank(bank, "mt940", source.name)
        return read_mt940(_watched(walk_lines(source), seen), source.name, helper)
    return read_table(_watched(walk_rows(source), seen), source.name, bank, helper)


def _watched(rows: Iterable[_Row], seen: Watcher) -> Iterator[_Row]:
    for number, row in enumerate(rows, 1):
        if number % _SEEN_EVERY == 0:
            seen(number)
        yield row
