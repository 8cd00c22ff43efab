"""A board's files: its roll with what is used of it, and its funnel, as CSV or as a workbook. No takings in either."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, NamedTuple

import xlsxwriter

from ground import words
from ground.refusal import Refusal
from merchants.roll_layout import roll_words
from payments.activity import Place
from payments.funnel import Funnel

ENDINGS = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
Cell = str | int | float | date | None
# As a roll's file names them: what was exported can be corrected and taken in again. Bank accounts stay in the books.
_OF_ROLL = ("stall", "section", "goods", "merchant", "phone", "status")
_OF_CODE = ("serial", "state", "since")
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


class Table(NamedTuple):
    """`widths` in characters. The first row is the headings."""

    title: str
    widths: Sequence[int]
    rows: list[list[Cell]]


def roll(places: Sequence[Place], language: str) -> Table:
    """A row for each stall."""
    known = roll_words()
    nth = 0 if language == "vi" else 1
    headings = [known["headings"][name][nth] for name in _OF_ROLL]
    headings += [words.say(f"board.column.{name}", language) for name in _OF_CODE]
    rows: list[list[Cell]] = [headings]
    for each in places:
        status, state = known["statuses"][each.status][nth], words.say(f"board.state.{each.state}", language)
        told = (each.number, each.section, each.goods, each.merchant, each.phone, status)
        rows.append([*told, each.serial, state, each.since])
    return Table(words.say("board.sheet.roll", language), (10, 16, 18, 26, 14, 18, 12, 22, 16), rows)


def funnel(told: Funnel, language: str) -> Table:
    """A row for each step."""
    rows: list[list[Cell]] = [[words.say(f"board.column.{name}", language) for name in ("step", "stalls", "share")]]
    rows += [
        [words.say(f"board.step.{step.key}", language, k=told.k), step.stalls, step.of_trading] for step in told.steps
    ]
    return Table(words.say("board.sheet.funnel", language), (44, 12, 18), rows)


def write(table: Table, ending: str, day: date) -> bytes:
    """The file; the same table gives the same bytes all day. Refuses an ending other than ENDINGS (404)."""
    if ending not in ENDINGS:
        raise Refusal("board.unknown_format", status=404, format=ending[:20])
    return _csv(table) if ending == "csv" else _xlsx(table, day)


def _csv(table: Table) -> bytes:
    """With the mark by which Excel knows UTF-8."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows([[_plain(cell) for cell in row] for row in table.rows])
    return file.getvalue().encode("utf-8-sig")


def _plain(cell: Cell) -> str:
    """What Excel would take for a formula gets an apostrophe, which a roll's import takes off again."""
    if isinstance(cell, date):
        return f"{cell:%d/%m/%Y}"
    if isinstance(cell, float):
        return f"{cell:.4f}"
    said = "" if cell is None else str(cell)
    return f"'{said}" if said.startswith(_DANGEROUS) else said


def _xlsx(table: Table, day: date) -> bytes:
    kept = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(kept, options) as book:
        book.set_properties({"title": table.title, "created": datetime.combine(day, time())})
        page = book.add_worksheet(table.title[:31])
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        looks: dict[type, Any] = {date: book.add_format({"num_format": "dd/mm/yyyy", "align": "left"})}
        looks[float] = book.add_format({"num_format": "0.0%"})
        for column, width in enumerate(table.widths):
            page.set_column(column, column, width)
        page.write_row(0, 0, table.rows[0], bold)
        for at, row in enumerate(table.rows[1:], 1):
            for column, cell in enumerate(row):
                page.write(at, column, cell, looks.get(type(cell)))
        page.freeze_panes(1, 1)
        page.autofilter(0, 0, len(table.rows) - 1, len(table.widths) - 1)
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
    return kept.getvalue()
