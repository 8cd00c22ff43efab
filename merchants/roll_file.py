"""A market board's roll file: every row read, every error named, nothing written anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ground import words
from ground.refusal import Refusal
from merchants.grid import Cell
from merchants.roll_cell import READERS, BadCell, Status, show
from merchants.roll_layout import Header, find_header, heading, list_rows
from merchants.sheet import read_grid

MOST_ERRORS = 1_000
# Nobody trades at a vacant or closed stall: what the row still says of a merchant is of the past.
_NOBODY: tuple[Status, ...] = ("vacant", "closed")
_OF_A_MERCHANT = ("merchant", "phone", "bank", "account", "account_name", "virtual_account")


@dataclass(frozen=True)
class RollRow:
    """A stall as the file lists it. `row` is Excel's, `bin` the acquirer BIN; accounts have no separators."""

    row: int
    stall: str
    section: str | None
    goods: str | None
    merchant: str | None
    phone: str | None
    status: Status
    since: date | None
    bin: str | None
    account: str | None
    account_name: str | None
    virtual_account: str | None


@dataclass(frozen=True)
class CellError:
    """What is wrong with a cell: Excel's row, the heading as the file has it, the value, a word-file key."""

    row: int
    column: str
    value: str
    reason_code: str
    params: dict[str, object] = field(default_factory=dict)

    def reason(self, language: str = "vi") -> str:
        return words.say(self.reason_code, language, **self.params)


@dataclass(frozen=True)
class RollFile:
    """The rows without errors and the first 1,000 errors, in the file's order.

    `row_count` counts all rows of the list, `unlisted` the errors beyond the first 1,000. `headings`: the columns
    the file has, by the file's own titles; of the others it says nothing.
    """

    rows: list[RollRow]
    errors: list[CellError]
    row_count: int
    unlisted: int = 0
    headings: dict[str, str] = field(default_factory=dict)


@dataclass
class _Draft:
    """A row while it is read: its cells, what they say, and the columns that failed with the reason."""

    number: int
    cells: dict[str, Cell]
    values: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, BadCell] = field(default_factory=dict)

    def fail(self, column: str, code: str, **params: object) -> None:
        """A column's first failure is the one that is told."""
        self.failures.setdefault(column, BadCell(code, **params))

    def says(self, column: str) -> Any:
        return self.values.get(column)

    def is_clear(self, *columns: str) -> bool:
        """None of these failed, so that what they say together can be judged."""
        return self.failures.keys().isdisjoint(columns)


def read_roll(file: Path) -> RollFile:
    """Every row of the list in a CSV or XLSX file. Refuses what is no roll; each faulty cell is an error."""
    grid = read_grid(file)
    header = find_header(grid, file.name)
    drafts = [_read_row(number, cells) for number, cells in list_rows(grid, header)]
    if not drafts:
        raise Refusal("roll.no_rows", name=file.name, row=header.row)
    if "merchant" not in header.places and any(draft.says("status") == "trading" for draft in drafts):
        found = ", ".join(f"“{title}”" for title in header.headings.values())
        raise Refusal("roll.no_heading", name=file.name, heading=heading("merchant"), row=header.row, found=found)
    for draft in drafts:
        _judge_row(draft)
    _judge_stalls(drafts)
    _judge_accounts(drafts)
    errors = [error for draft in drafts for error in _errors(draft, header)]
    rows = [_row(draft) for draft in drafts if not draft.failures]
    return RollFile(rows, errors[:MOST_ERRORS], len(drafts), max(0, len(errors) - MOST_ERRORS), header.headings)


def _read_row(number: int, cells: dict[str, Cell]) -> _Draft:
    draft = _Draft(number, cells, {"status": "trading"})
    _read_cell(draft, "status")
    nobody = draft.says("status") in _NOBODY
    for column in cells:
        if column != "status" and not (nobody and column in _OF_A_MERCHANT):
            _read_cell(draft, column)
    return draft


def _read_cell(draft: _Draft, column: str) -> None:
    cell = draft.cells.get(column)
    if cell is None:
        return
    try:
        draft.values[column] = READERS[column](cell)
    except BadCell as failure:
        draft.values[column] = None
        draft.failures[column] = failure


def _judge_row(draft: _Draft) -> None:
    """What the columns of one row must say together."""
    if draft.says("stall") is None:
        draft.fail("stall", "roll.no_stall")
    if draft.says("status") == "trading" and draft.says("merchant") is None:
        draft.fail("merchant", "roll.no_merchant")
    if not draft.is_clear("bank", "account", "virtual_account"):
        return
    bank, account, virtual = draft.says("bank"), draft.says("account"), draft.says("virtual_account")
    if bank and not (account or virtual):
        draft.fail("bank", "roll.bank_without_account")
    if account and not bank:
        draft.fail("account", "roll.account_without_bank")
    if virtual and not bank:
        draft.fail("virtual_account", "roll.virtual_without_bank")


def _judge_stalls(drafts: list[_Draft]) -> None:
    """A stall stands once in the file, whatever its capitals."""
    first: dict[str, int] = {}
    for draft in drafts:
        stall = draft.says("stall")
        if stall is not None:
            row = first.setdefault(stall.upper(), draft.number)
            if row != draft.number:
                draft.fail("stall", "roll.stall_twice", stall=stall, row=row)


def _judge_accounts(drafts: list[_Draft]) -> None:
    """A virtual account serves one stall, and is nobody's plain account; a plain one may serve several."""
    plain: dict[tuple[str, str], int] = {}
    virtual: dict[tuple[str, str], int] = {}
    for draft in drafts:
        if draft.says("bank") and draft.says("account"):
            plain.setdefault((draft.says("bank"), draft.says("account")), draft.number)
    for draft in drafts:
        if not (draft.says("bank") and draft.says("virtual_account")):
            continue
        named = draft.says("bank"), draft.says("virtual_account")
        row = virtual.setdefault(named, draft.number)
        if row != draft.number:
            draft.fail("virtual_account", "roll.virtual_twice", account=named[1], row=row)
        if named in plain:
            draft.fail("virtual_account", "roll.virtual_is_account", account=named[1], row=plain[named])


def _errors(draft: _Draft, header: Header) -> Iterator[CellError]:
    """In the order of the file's columns."""
    for column in sorted(draft.failures, key=lambda column: header.places.get(column, len(header.places))):
        failure = draft.failures[column]
        title = header.headings.get(column) or heading(column)
        yield CellError(draft.number, title, show(draft.cells.get(column)), failure.code, failure.params)


def _row(draft: _Draft) -> RollRow:
    """The name on an account that isn't there is dropped."""
    has_account = draft.says("account") or draft.says("virtual_account")
    return RollRow(
        row=draft.number,
        stall=draft.says("stall"),
        section=draft.says("section"),
        goods=draft.says("goods"),
        merchant=draft.says("merchant"),
        phone=draft.says("phone"),
        status=draft.says("status"),
        since=draft.says("since"),
        bin=draft.says("bank"),
        account=draft.says("account"),
        account_name=draft.says("account_name") if has_account else None,
        virtual_account=draft.says("virtual_account"),
    )
