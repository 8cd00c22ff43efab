"""Delimited text (CSV) as a grid: which letters, which separator, which quotes."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from ground.refusal import Refusal
from merchants.grid import MOST_ROWS, Cell, Grid, check_extent

_SEPARATORS = ",;\t"
_SAMPLE = 100  # rows that show which separator it is
_BINARY = re.compile("[\x00-\x08\x0e-\x1f]")
_SEP_LINE = re.compile(r"sep=([,;\t])\r?\n", re.I)
# Excel's way of keeping a leading zero in a CSV.
_TEXT_FORMULA = re.compile(r'="([^"]*)"')


def read_delimited(content: bytes, name: str) -> Grid:
    """Every cell a str or None, row numbers as Excel shows them when it opens the file."""
    text = _decode(content, name)
    if text.lstrip().startswith("<"):
        raise Refusal("sheet.html", name=name)
    separator, text = separate(text)
    grid: Grid = []
    records = _records(text, separator)
    try:
        for number, record in enumerate(records, 1):
            if any(record):
                check_extent(number, len(record), name)
            if number <= MOST_ROWS:
                grid.append([_cell(text) for text in record])
    except csv.Error as error:
        raise Refusal("sheet.open_quote", name=name, row=len(grid) + 1) from error
    return grid


def _decode(content: bytes, name: str) -> str:
    """UTF-8, UTF-16 by its mark, else the Vietnamese code page that older Excel saves CSV in."""
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        if marked:
            raise Refusal("sheet.not_table", name=name) from error
        text = _decode_old(content, name)
    if "\x00" in text:
        raise Refusal("sheet.not_table", name=name)
    return text


def _decode_old(content: bytes, name: str) -> str:
    """cp1258 writes tone marks after their letter: NFC joins them. A binary file is no text in it."""
    try:
        text = unicodedata.normalize("NFC", content.decode("cp1258"))
    except UnicodeDecodeError as error:
        raise Refusal("sheet.not_table", name=name) from error
    if _BINARY.search(text):
        raise Refusal("sheet.not_table", name=name)
    return text


def separate(text: str) -> tuple[str, str]:
    """The separator and the text without the `sep=;` line, which Excel doesn't count as a row."""
    told = _SEP_LINE.match(text)
    if told:
        return told[1], text[told.end() :]
    return max(_SEPARATORS, key=lambda separator: _regularity(text, separator)), text


def _regularity(text: str, separator: str) -> tuple[int, int]:
    """How many of the first rows share the commonest width above 1, and that width."""
    widths: Counter[int] = Counter()
    with suppress(csv.Error):  # told with its row when the whole is read
        for record in islice(_records(text, separator), _SAMPLE):
            widths[len(record)] += 1
    return max(((rows, width) for width, rows in widths.items() if width > 1), default=(0, 0))


def _records(text: str, separator: str) -> Iterator[list[str]]:
    """An odd number of quotes may be an open one, which would swallow the rest: then the reader is strict."""
    strict = text.count('"') % 2 == 1
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)


def _cell(text: str) -> Cell:
    kept = _TEXT_FORMULA.fullmatch(text) if text.startswith("=") else None
    return (kept[1] if kept else text) or None
