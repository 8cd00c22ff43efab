"""Where the list stands in a file of evidence: its headings, its rows, and what round them is not the list."""

import re
from collections.abc import Collection, Iterator
from functools import cache

from ground.refusal import Refusal
from merchants.grid import Cell, Grid
from merchants.roll_layout import HEADER_WITHIN, Header, is_blank, roll_words
from merchants.spelling import clean, squeeze
from payments.evidence_cell import evidence_words

NUMBERS = ("amount", "count", "cashless", "total")
_ENUMERATED = re.compile(r"\(?[0-9]{1,2}\)?")
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")


def heading(column: str) -> str:
    """A column as the documentation names it: `Số tiền (amount)`."""
    vietnamese, english = evidence_words()["headings"][column][:2]
    return f"{vietnamese} ({english.lower()})"


def find_header(grid: Grid, columns: tuple[str, ...], required: Collection[str], name: str) -> Header:
    """The row of the first 20 with most of our headings; refused where one that must be there is missing."""
    rows = enumerate(grid[:HEADER_WITHIN], 1)
    number, row = max(rows, key=lambda item: (len(_columns(item[1], columns)), -item[0]))
    places = _columns(row, columns)
    if len(places) < 2:
        named = ", ".join(map(heading, columns))
        raise Refusal("evidence.no_header", name=name, within=HEADER_WITHIN, columns=named)
    headings = {column: clean(str(row[at[0]])) for column, at in places.items()}
    for column in columns:
        titles = [clean(str(row[at])) for at in places.get(column, ())]
        if len(titles) > 1:
            first, second = titles[:2]
            raise Refusal(
                "roll.heading_twice", name=name, row=number, first=first, second=second, heading=heading(column)
            )
        if not titles and column in required:
            found = ", ".join(f"“{title}”" for title in headings.values())
            raise Refusal("roll.no_heading", name=name, heading=heading(column), row=number, found=found)
    return Header(number, {column: at[0] for column, at in places.items()}, headings)


def _columns(row: list[Cell], columns: tuple[str, ...]) -> dict[str, list[int]]:
    """Where each of our columns stands in a row of headings."""
    known = _headings(columns)
    places: dict[str, list[int]] = {}
    for at, cell in enumerate(row):
        column = _recognise(cell, known) if isinstance(cell, str) else None
        if column:
            places.setdefault(column, []).append(at)
    return places


def _recognise(text: str, known: dict[str, str]) -> str | None:
    """The column a heading means, tried as a whole, without what is in brackets, then by its first part."""
    if len(text) > 120:
        return None
    for part in (text, _BRACKETED.sub(" ", text), re.split(r"[/|\n(\[–:-]", text)[0]):
        if column := known.get(squeeze(part)):
            return column
    return None


@cache
def _headings(columns: tuple[str, ...]) -> dict[str, str]:
    return {squeeze(word): column for column in columns for word in evidence_words()["headings"][column]}


def list_rows(grid: Grid, header: Header) -> Iterator[tuple[int, dict[str, Cell]]]:
    """The rows of the list. Left out: those with neither a number nor a stall and its day (a list's blank lines,
    its place, date and signatures), the headings again on each page, `(1) (2) (3)` below them, and totals."""
    for number, row in enumerate(grid[header.row :], header.row + 1):
        cells = header.pick(row)
        if _says_something(cells) and not (
            _is_heading(cells, header) or _is_enumeration(number, header, cells) or _is_total(row, cells)
        ):
            yield number, cells


def _says_something(cells: dict[str, Cell]) -> bool:
    numbers = (cell for column, cell in cells.items() if column in NUMBERS)
    return any(map(_has_digit, numbers)) or (not is_blank(cells["stall"]) and _has_digit(cells["date"]))


def _has_digit(cell: Cell) -> bool:
    return cell is not None and any(sign.isdigit() for sign in str(cell))


def _is_heading(cells: dict[str, Cell], header: Header) -> bool:
    texts = [
        column for column, cell in cells.items() if isinstance(cell, str) and clean(cell) == header.headings[column]
    ]
    return len(texts) > 1


def _is_enumeration(number: int, header: Header, cells: dict[str, Cell]) -> bool:
    day = cells["date"]
    shown = f"{day:g}" if isinstance(day, float) else str(day)
    return number == header.row + 1 and _ENUMERATED.fullmatch(shown) is not None


def _is_total(row: list[Cell], cells: dict[str, Cell]) -> bool:
    first = next(cell for cell in row if not is_blank(cell))
    words = tuple(roll_words()["rows"]["total"])
    return is_blank(cells["date"]) and isinstance(first, str) and clean(first).casefold().startswith(words)
