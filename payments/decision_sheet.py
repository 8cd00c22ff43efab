"""The decision sheet: open findings as an Excel file, decided at a desk, and taken in again row by row."""

import io
from pathlib import Path
from typing import NamedTuple

import xlsxwriter
from sqlmodel import Session

from ground import audit, clock, record_number, words
from ground.audit import Act
from ground.refusal import Refusal
from merchants.grid import Cell, Grid
from merchants.market import Market
from merchants.sheet import read_grid
from merchants.spelling import squeeze
from payments import wish, worklist
from payments.wish import Wish

COLUMNS = ("id", "kind", "day", "section", "stall", "age", "amount", "detail", "decision", "to_stall", "reason")
WIDTHS = (8, 20, 12, 12, 10, 8, 14, 70, 16, 14, 40)
READ = ("id", "decision", "to_stall", "reason")


class Fault(NamedTuple):
    """A row of the file that was not carried out, and why."""

    row: int
    refusal: Refusal


class Decided(NamedTuple):
    """How many rows were carried out, how many decide nothing, and what was wrong with the others."""

    assigned: int
    closed: int
    left: int
    faults: list[Fault]


def write(session: Session, market: Market | None, language: str) -> bytes:
    """The open findings with three columns to fill in; amounts under the same rule as on the page."""
    found = worklist.every_open(session, market, clock.today(), language)
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "dd/mm/yyyy"}) as book:
        page = book.add_worksheet(words.say("worklist.sheet", language))
        bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        money = book.add_format({"num_format": "#,##0", "valign": "top"})
        fill = book.add_format({"bg_color": "#FFF7D6", "border": 1, "text_wrap": True, "valign": "top"})
        for column, (name, width) in enumerate(zip(COLUMNS, WIDTHS, strict=True)):
            page.set_column(column, column, width)
            page.write(0, column, words.say(f"worklist.column.{name}", language), bold)
        for row, item in enumerate(found, 1):
            kind = words.say(f"worklist.kind.{item.kind}", language)
            page.write_number(row, 0, item.id)
            cells = (kind, item.business_date, item.section, item.stall, item.age, item.amount, item.sentence)
            for column, cell in enumerate(cells, 1):
                page.write(row, column, "" if cell is None else cell, money if column == 6 else wrapped)
            for column in (8, 9, 10):
                page.write_blank(row, column, None, fill)
        page.freeze_panes(1, 1)
        if found:
            choices = [words.say(f"worklist.{verb}", language) for verb in ("assign", "close")]
            page.data_validation(1, 8, len(found), 8, {"validate": "list", "source": choices})
    return file.getvalue()


def take_in(session: Session, file: Path, market: Market | None, *, by: str) -> Decided:
    """Carry out the filled-in rows in the caller's transaction. Bad rows are named; they don't cost the good ones.

    Ends with the records of what was decided, so the commit comes right after.
    """
    grid = read_grid(file)
    head, places = _heading(grid, file.name)
    done = {"assign": 0, "close": 0, "": 0}
    acts: list[Act] = []
    faults = []
    for number, row in enumerate(grid[head + 1 :], head + 2):
        cells = {name: _text(row, place) for name, place in places.items()}
        try:
            with session.begin_nested():
                wished = _read(cells)
                if wished is not None:
                    acts.append(wish.carry_out(session, wished, market, by=by))
        except Refusal as refusal:
            faults.append(Fault(number, refusal))
            continue
        done[wished.verb if wished else ""] += any(cells.values())
    audit.record_all(session, by, acts)
    return Decided(done["assign"], done["close"], done[""], faults)


def _read(cells: dict[str, str]) -> Wish | None:
    """What the row decides; None where its decision is empty."""
    wanted = squeeze(cells["decision"])
    if not wanted:
        return None
    verb = next((verb for verb in ("assign", "close") if wanted in _said(f"worklist.{verb}")), None)
    if verb is None:
        raise Refusal("worklist.unknown_decision", text=cells["decision"][:40])
    number = record_number.read(cells["id"])
    if number is None:
        raise Refusal("worklist.no_number", text=cells["id"][:40])
    return Wish(number, verb, cells["to_stall"], cells["reason"])


def _heading(grid: Grid, name: str) -> tuple[int, dict[str, int]]:
    """The row of headings and where the columns that are read stand, in either language."""
    wanted = {column: _said(f"worklist.column.{column}") for column in READ}
    for number, row in enumerate(grid[:20]):
        said = [squeeze(_text(row, place)) for place in range(len(row))]
        places = {column: said.index(text) for column in READ for text in wanted[column] if text in said}
        if len(places) == len(READ):
            return number, places
    raise Refusal("worklist.no_heading", name=name)


def _said(key: str) -> set[str]:
    return {squeeze(words.say(key, language)) for language in words.LANGUAGES}


def _text(row: list[Cell], place: int) -> str:
    cell = row[place] if place < len(row) else None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else str(cell).strip()
