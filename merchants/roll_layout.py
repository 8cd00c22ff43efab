"""Where the list stands in a board's sheet: its headings, its rows, and what round them is not the list."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ground.refusal import Refusal
from merchants.grid import Cell, Grid
from merchants.spelling import clean, fold, squeeze

HEADER_WITHIN = 20
_LETTER = re.compile(r"[^\W_]")
_SIGNED = re.compile(r"\bngay [0-9 ]*thang [0-9 ]*nam\b")
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_ENUMERATED = re.compile(r"\(?([0-9]{1,2})\)?")


@dataclass(frozen=True)
class Header:
    """The row of headings: where each column of ours stands and what the file calls it."""

    row: int
    places: dict[str, int]
    headings: dict[str, str]

    def pick(self, row: list[Cell]) -> dict[str, Cell]:
        """Our columns of a row; one that ends early is blank from there on."""
        width = len(row)
        return {column: row[at] if at < width else None for column, at in self.places.items()}


@cache
def roll_words() -> dict[str, Any]:
    """The words of reference/roll_words.toml."""
    path = Path(__file__).parent / "reference" / "roll_words.toml"
    return tomllib.loads(path.read_text("utf-8"))


def heading(column: str) -> str:
    """A column of ours as the documentation names it: `Số sạp (stall)`."""
    vietnamese, english = roll_words()["headings"][column][:2]
    return f"{vietnamese} ({english.lower()})"


@lru_cache(maxsize=4096)
def recognise(text: str) -> frozenset[str]:
    """The columns a heading means: none, one, or several where one cell names several.

    Tried as a whole, without what stands in brackets, then part by part: `Số sạp / Stall`.
    """
    if len(text) > 120:
        return frozenset()
    known = _headings()
    for whole in (text, _BRACKETED.sub(" ", text)):
        if squeeze(whole) in known:
            return frozenset([known[squeeze(whole)]])
    parts = [known.get(squeeze(part)) for part in re.split(r"[/|\n()\[\]–:-]", text)]
    return frozenset(filter(None, parts)) if parts[0] else frozenset()


def find_header(grid: Grid, name: str) -> Header:
    """The row of the first 20 with most of our headings; refused without a stall heading, or one twice."""
    rows = list(enumerate(grid[:HEADER_WITHIN], 1))
    number, row = max(rows, key=lambda item: (_score(item[1]), -item[0]))
    has_stall, count = _score(row)
    if not count:
        number, row = max(rows, key=lambda item: (sum(isinstance(cell, str) for cell in item[1]), -item[0]))
        raise Refusal("roll.no_header", name=name, within=HEADER_WITHIN, row=number, found=_texts(row))
    if not has_stall:
        raise Refusal("roll.no_heading", name=name, heading=heading("stall"), row=number, found=_texts(row))
    return _header(number, row, name)


def list_rows(grid: Grid, header: Header) -> Iterator[tuple[int, dict[str, Cell]]]:
    """The rows of the list, with Excel's row number and our columns.

    Left out, and nothing else:
    - rows with nothing in any of our columns;
    - the headings again (on each printed page, or merged over two rows) and, right below, `(1) (2) (3) …`;
    - totals: the row's first filled cell begins with a word such as "Tổng cộng", and our other columns
      are blank or plain numbers;
    - the footer: from a line of place, date or signatures on, if no row below it is surely a stall's (a stall
      with a digit and something beside it, or four of our columns filled). Rows between the list and its
      footer are read like all others: a stall without a merchant is an error there too, never lost.
    """
    picked = [(number, row, header.pick(row)) for number, row in enumerate(grid[header.row :], header.row + 1)]
    filled = [item for item in picked if not all(map(is_blank, item[2].values()))]
    start = 1 if filled and _is_enumeration(filled[0][2]) else 0
    for number, row, cells in filled[start : _footer_start(filled)]:
        if not (_repeats_header(cells) or _is_total(row, cells)):
            yield number, cells


def is_blank(cell: Cell) -> bool:
    """Empty, or only spaces, dashes and dots."""
    return cell is None or (isinstance(cell, str) and _LETTER.search(cell) is None)


@cache
def _headings() -> dict[str, str]:
    return {squeeze(word): column for column, words in roll_words()["headings"].items() for word in words}


def _score(row: list[Cell]) -> tuple[bool, int]:
    columns = {column for cell in row if isinstance(cell, str) for column in recognise(cell)}
    return "stall" in columns, len(columns)


def _header(number: int, row: list[Cell], name: str) -> Header:
    places: dict[str, int] = {}
    headings: dict[str, str] = {}
    for at, cell in enumerate(row):
        columns = recognise(cell) if isinstance(cell, str) else frozenset()
        title = clean(str(cell))
        if len(columns) > 1:
            named = ", ".join(map(heading, sorted(columns)))
            raise Refusal("roll.two_in_one", name=name, row=number, heading=title, columns=named)
        for column in columns:
            if column in places:
                raise Refusal(
                    "roll.heading_twice",
                    name=name,
                    row=number,
                    first=headings[column],
                    second=title,
                    heading=heading(column),
                )
            places[column], headings[column] = at, title
    return Header(number, places, headings)


def _texts(row: list[Cell]) -> str:
    """A row's texts as an error quotes them."""
    texts = [clean(cell)[:30] for cell in row if isinstance(cell, str) and not is_blank(cell)]
    return ", ".join(f"“{text}”" for text in texts[:15]) or "–"


def _repeats_header(cells: dict[str, Cell]) -> bool:
    if not isinstance(cells["stall"], str) or "stall" not in recognise(cells["stall"]):
        return False
    filled = {column: cell for column, cell in cells.items() if not is_blank(cell)}
    own = [isinstance(cell, str) and column in recognise(cell) for column, cell in filled.items()]
    return all(own) and len(own) >= min(2, len(cells))


def _is_enumeration(cells: dict[str, Cell]) -> bool:
    """`(1) (2) (3) …` right below the headings, as in official forms: at least three, each one higher."""
    texts = [f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in cells.values() if cell is not None]
    matches = [_ENUMERATED.fullmatch(text.strip()) for text in texts]
    numbers = sorted(int(match[1]) for match in matches if match)
    ascending = numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
    return len(matches) == len(numbers) >= 3 and ascending


def _is_total(row: list[Cell], cells: dict[str, Cell]) -> bool:
    first = next(cell for cell in row if not is_blank(cell))
    if not isinstance(first, str) or not _total_pattern().match(clean(first).casefold()):
        return False
    others = [cell for cell in cells.values() if not is_blank(cell) and cell is not first]
    return not any(isinstance(cell, str) and re.search(r"[^\W\d_]", cell) for cell in others)


@cache
def _total_pattern() -> re.Pattern[str]:
    return re.compile("(" + "|".join(map(re.escape, roll_words()["rows"]["total"])) + r")\b")


def _footer_start(filled: list[tuple[int, list[Cell], dict[str, Cell]]]) -> int:
    """The index of the first footer line below the last row that is surely a stall's."""
    below = len(filled)
    for at in range(len(filled) - 1, -1, -1):
        _, row, cells = filled[at]
        if _is_surely_stall(cells):
            break
        if any(isinstance(cell, str) and _is_footer(cell) for cell in row):
            below = at
    return below


def _is_surely_stall(cells: dict[str, Cell]) -> bool:
    stall = cells["stall"]
    if is_blank(stall) or (isinstance(stall, str) and _is_footer(stall)):
        return False
    filled = sum(not is_blank(cell) for cell in cells.values())
    return filled >= 4 or (filled >= 2 and any(sign.isdigit() for sign in str(stall)))


def _is_footer(text: str) -> bool:
    words = fold(text) + " "
    return words.startswith(_footer_words()) or _SIGNED.search(words) is not None


@cache
def _footer_words() -> tuple[str, ...]:
    return tuple(fold(word) + " " for word in roll_words()["rows"]["footer"])
