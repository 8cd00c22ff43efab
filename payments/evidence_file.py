"""A file of what was reported or counted, a row for each stall and day: every row read, every error named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from ground.refusal import Refusal
from merchants.grid import Cell
from merchants.roll_cell import BadCell, show
from merchants.roll_file import MOST_ERRORS, CellError
from merchants.sheet import read_grid
from payments.evidence_cell import READERS
from payments.evidence_layout import find_header, heading, list_rows


class Form(NamedTuple):
    """The columns of a kind of file beside `stall` and `date`, each with the key of what to say where it is empty
    (None: it may be), and what a row's values must say together."""

    columns: dict[str, str | None]
    judge: Callable[[dict[str, Any]], tuple[str, BadCell] | None] = lambda values: None

    @property
    def all(self) -> dict[str, str | None]:
        return {"stall": "roll.no_stall", "date": "evidence.no_date", **self.columns}


class Line(NamedTuple):
    """What a row says of its stall and day. `row` is Excel's."""

    row: int
    stall: str
    day: date
    values: dict[str, Any]


@dataclass
class EvidenceFile:
    """The rows without errors and the errors, in the file's order."""

    lines: list[Line]
    errors: list[CellError]
    row_count: int
    headings: dict[str, str]
    cells: dict[int, dict[str, Cell]]

    def fail(self, line: Line, column: str, code: str, **params: object) -> None:
        """A row that can be read, but not be true."""
        self.errors.append(_error(line.row, column, self.cells[line.row], self.headings, BadCell(code, **params)))


def read(file: Path, form: Form, today: date) -> EvidenceFile:
    """Every row of a CSV or XLSX file. Refuses what is no such list; each faulty cell is an error."""
    grid = read_grid(file)
    required = [column for column, lacking in form.all.items() if lacking]
    header = find_header(grid, tuple(form.all), required, file.name)
    found = EvidenceFile([], [], 0, header.headings, {})
    for number, cells in list_rows(grid, header):
        found.row_count += 1
        found.cells[number] = cells
        line = _read_row(found, number, cells, form)
        if line and line.day > today:
            found.fail(line, "date", "evidence.future", day=show(line.day))
        elif line:
            found.lines.append(line)
    if not found.row_count:
        raise Refusal("evidence.no_rows", name=file.name, row=header.row)
    _refuse_contradictions(found)
    return found


def shown_errors(errors: Sequence[CellError], language: str) -> list[dict[str, Any]]:
    """As JSON shows them, in the order of the rows; those beyond the first 1,000 are only counted."""
    ordered = sorted(errors, key=lambda error: error.row)[:MOST_ERRORS]
    return [
        {"row": error.row, "column": error.column, "value": error.value, "reason": error.reason(language)}
        for error in ordered
    ]


def _read_row(found: EvidenceFile, number: int, cells: dict[str, Cell], form: Form) -> Line | None:
    values: dict[str, Any] = {}
    failures: dict[str, BadCell] = {}
    for column, lacking in form.all.items():
        try:
            values[column] = READERS[column](cells.get(column))
        except BadCell as failure:
            failures[column] = failure
            continue
        if values[column] is None and lacking:
            failures[column] = BadCell(lacking)
    if not failures and (contradiction := form.judge(values)):
        failures = dict([contradiction])
    found.errors += [_error(number, column, cells, found.headings, failures[column]) for column in failures]
    return None if failures else Line(number, values.pop("stall"), values.pop("date"), values)


def _error(number: int, column: str, cells: dict[str, Cell], headings: dict[str, str], failure: BadCell) -> CellError:
    title = headings.get(column) or heading(column)
    return CellError(number, title, show(cells.get(column)), failure.code, failure.params)


def _refuse_contradictions(found: EvidenceFile) -> None:
    """Two rows for one stall, day and source may say the same; which of two others would be right, nobody knows."""
    first: dict[tuple[object, ...], Line] = {}
    kept = []
    for line in found.lines:
        known = first.setdefault((line.stall.upper(), line.day, line.values.get("source")), line)
        if known.values != line.values:
            found.fail(line, "stall", "evidence.twice", stall=line.stall, day=show(line.day), row=known.row)
        elif known is line:
            kept.append(line)
    found.lines = kept
