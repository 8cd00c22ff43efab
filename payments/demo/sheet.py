"""The XLSX file in which a board hands in its roll: titles above it, its own headings, everybody's own spellings."""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import xlsxwriter

from payments.demo.board import Board, Sheet, people
from payments.demo.roll import Line

Cell = str | int | date | None


def write(file: Path, board: Board, lines: Sequence[Line], wave: int, day: date) -> None:
    sheet = board.sheet
    with xlsxwriter.Workbook(str(file)) as book:
        page = book.add_worksheet("Danh sach")
        bold = book.add_format({"bold": True})
        day_format = book.add_format({"num_format": "dd/mm/yyyy"})
        for row, title in enumerate(sheet.titles):
            page.write(row, 0, title.format(wave=wave + 1, day=f"{day:%d/%m/%Y}"), bold)
        top = len(sheet.titles) + 1
        page.write_row(top, 0, sheet.headings, book.add_format({"bold": True, "text_wrap": True, "border": 1}))
        if sheet.enumerated:
            top += 1
            page.write_row(top, 0, [f"({nth})" for nth in range(1, len(sheet.columns) + 1)])
        _write_lines(page, sheet, lines, top + 1, day_format)
        if sheet.merged_sections:
            _merge_sections(book, page, sheet, lines, top + 1)
        _write_footer(page, top + 1 + len(lines), len(lines), day)
        page.set_column(0, len(sheet.columns) - 1, 18)
        page.freeze_panes(top + 1, 0)


def _write_lines(page: Any, sheet: Sheet, lines: Sequence[Line], top: int, day_format: Any) -> None:
    random = Random("spelling")  # the same file every time, however the stalls change
    cells = {**_CELLS, "since": _since_as_date if sheet.excel_dates else _CELLS["since"]}
    if sheet.numeric_stalls:
        cells["stall"] = lambda line, _: int(line.stall)
    columns = list(enumerate(sheet.columns))
    for nth, line in enumerate(lines):
        for at, column in columns:
            cell = nth + 1 if column == "count" else cells[column](line, random)
            if isinstance(cell, date):
                page.write_datetime(top + nth, at, cell, day_format)
            elif isinstance(cell, int):
                page.write_number(top + nth, at, cell)
            elif cell:
                page.write_string(top + nth, at, cell)


def _merge_sections(book: Any, page: Any, sheet: Sheet, lines: Sequence[Line], top: int) -> None:
    """One tall cell for each section, as in a list that is meant to be printed."""
    at, row = sheet.columns.index("section"), top
    turned = book.add_format({"rotation": 90, "valign": "vcenter", "align": "center"})
    for name, several in groupby(lines, key=lambda line: line.section):
        last = row + len(list(several)) - 1
        if last > row:
            page.merge_range(row, at, last, at, name, turned)
        row = last + 1


def _write_footer(page: Any, row: int, count: int, day: date) -> None:
    page.write_row(row, 0, ["Tổng cộng", count])
    page.write(row + 2, 4, f"Vũng Tàu, ngày {day.day} tháng {day.month} năm {day.year}")
    page.write(row + 3, 4, "Người lập biểu")


def _phone(line: Line, random: Random) -> Cell:
    """As a number Excel drops the leading zero; others put dots and spaces, or the country before."""
    if line.phone is None:
        return None
    rest = line.phone[1:]
    return random.choice(
        (
            int(rest),
            int(rest),
            line.phone,
            f"0{rest[:2]} {rest[2:5]} {rest[5:]}",
            f"0{rest[:2]}.{rest[2:]}",
            f"+84{rest}",
        )
    )


def _bank(line: Line, random: Random) -> Cell:
    return None if line.bank is None else str(random.choice(people()["banks"][line.bank]))


def _account(line: Line, random: Random) -> Cell:
    if line.account is None or random.random() < 0.7:
        return line.account
    return f"{line.account[:3]} {line.account[3:7]} {line.account[7:]}"


def _status(line: Line, random: Random) -> Cell:
    return str(random.choice(people()["statuses"][line.status]))


def _since(line: Line, _: Random) -> Cell:
    return None if line.since is None else f"{line.since:%d/%m/%Y}"


def _since_as_date(line: Line, _: Random) -> Cell:
    return line.since


_CELLS: dict[str, Callable[[Line, Random], Cell]] = {
    "stall": lambda line, _: line.stall,
    "section": lambda line, _: line.section,
    "merchant": lambda line, _: line.merchant,
    "goods": lambda line, _: line.goods,
    "account_name": lambda line, _: line.account_name,
    "virtual_account": lambda line, _: line.virtual_account,
    "phone": _phone,
    "bank": _bank,
    "account": _account,
    "status": _status,
    "since": _since,
}
