"""A statement file told apart by what is in it, not by its name, and its rows or lines one after the other."""

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from ground.refusal import Refusal
from merchants.delimited import separate
from merchants.grid import Cell
from merchants.workbook import OLE, ZIP, walk_workbook
from payments.statements.heading import find_header
from payments.statements.html_table import walk_html

# Texts are read as a stream; a workbook has to be held.
LARGEST_FILE = 256 * 2**20
LARGEST_WORKBOOK = 100 * 2**20
# A parser of workbooks holds a whole sheet in memory; banks' own exports end far below.
MOST_WORKBOOK_ROWS = 300_000
_HEAD = 64 * 2**10
_SAMPLE = 200
_SEPARATORS = ";,\t|"
_PART = 2**20
_OTHERS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
_BINARY = re.compile("[\x00-\x08\x0e-\x1f]")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_CAMT = re.compile(r"<[^<>]*\bxmlns(?::\w+)?\s*=\s*[\"'][^\"']*\bcamt\.[0-9]{3}\.")
_HTML = re.compile(r"<(?:!doctype html|html|table|head|body|meta|style|div|center|tr)\b", re.I)
_MT940 = re.compile(r"^(?:\{4:\s*)?:20:", re.M)
_MT940_BODY = re.compile(r"^:(?:25P?|28C?|60[FM]?|61):", re.M)

Kind = Literal["workbook", "html", "mt940", "camt", "delimited"]


@dataclass(frozen=True)
class Source:
    """`odd_quotes`: an odd number of quotes may be an open one, which would swallow the rest."""

    file: Path
    kind: Kind
    encoding: str = ""
    head: str = ""
    odd_quotes: bool = False

    @property
    def name(self) -> str:
        return self.file.name


def open_source(file: Path) -> Source:
    """Refuses, saying what to do: a file that isn't there, is empty, too large or no statement at all."""
    first = _first(file)
    if first.startswith(_OTHERS):
        raise Refusal("sheet.not_table", name=file.name)
    if first.startswith((ZIP, OLE)):
        return Source(file, "workbook")
    encoding, quotes = _scan(file, first)
    with file.open(encoding=encoding, newline="") as text:
        head = text.read(_HEAD).lstrip("\ufeff")
    if "\x00" in head or (encoding == "cp1258" and _BINARY.search(head)):
        raise Refusal("sheet.not_table", name=file.name)
    return Source(file, _kind(head, file.name), encoding, head, quotes % 2 == 1)


def walk_rows(source: Source) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows of a table with the numbers Excel shows for them."""
    if source.kind == "workbook":
        return enumerate(_walk_workbook(source), 1)
    if source.kind == "html":
        return enumerate(walk_html(_walk_text(source)), 1)
    return _walk_delimited(source)


def walk_lines(source: Source) -> Iterator[tuple[int, str]]:
    """The lines of a text, counted from 1, without what ends them."""
    with source.file.open(encoding=source.encoding) as text:
        for number, line in enumerate(text, 1):
            yield number, line.rstrip("\r\n").lstrip("\ufeff")


def _first(file: Path) -> bytes:
    """Of more than its kind may have, no more than the beginning is read."""
    try:
        size = file.stat().st_size
        with file.open("rb") as content:
            first = content.read(_HEAD)
    except FileNotFoundError as error:
        raise Refusal("sheet.missing", name=str(file)) from error
    except OSError as error:
        raise Refusal("sheet.unreadable", name=str(file)) from error
    largest = LARGEST_WORKBOOK if first.startswith((ZIP, OLE)) else LARGEST_FILE
    if size > largest:
        size, most = -(-size // 2**20), largest // 2**20
        raise Refusal("statement.too_large", status=413, name=file.name, size=size, most=most)
    if not first.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise Refusal("sheet.empty", name=file.name)
    return first


def _scan(file: Path, first: bytes) -> tuple[str, int]:
    """UTF-16 by its mark, UTF-8 where all of it is, else the Vietnamese code page; and how many quotes."""
    encoding = "utf-16" if first.startswith(_UTF16) else "utf-8-sig"
    try:
        return encoding, _count_quotes(file, encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            raise Refusal("sheet.not_table", name=file.name) from error
    try:
        return "cp1258", _count_quotes(file, "cp1258")
    except UnicodeDecodeError as error:
        raise Refusal("sheet.not_table", name=file.name) from error


def _count_quotes(file: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(encoding)()
    quotes = 0
    with file.open("rb") as content:
        while part := content.read(_PART):
            quotes += decoder.decode(part).count('"')
        decoder.decode(b"", final=True)
    return quotes


def _kind(head: str, name: str) -> Kind:
    if head.lstrip().startswith("<"):
        if _CAMT.search(head):
            return "camt"
        if _HTML.search(head):
            return "html"
        raise Refusal("sheet.html", name=name)
    if _MT940.search(head) and _MT940_BODY.search(head):
        return "mt940"
    return "delimited"


def _walk_workbook(source: Source) -> Iterator[list[Cell]]:
    try:
        yield from walk_workbook(source.file.read_bytes(), source.name, MOST_WORKBOOK_ROWS)
    except Refusal as refusal:
        if refusal.code == "sheet.too_many_rows":
            raise Refusal("statement.workbook_too_long", name=source.name, most=MOST_WORKBOOK_ROWS) from refusal
        raise


def _walk_text(source: Source) -> Iterator[str]:
    with source.file.open(encoding=source.encoding, newline="") as text:
        while part := text.read(_PART):
            yield part


def _walk_delimited(source: Source) -> Iterator[tuple[int, list[str]]]:
    """cp1258 writes tone marks after their letter: NFC joins them."""
    separator, rest = _separate(source.head)
    number = 0
    with source.file.open(encoding=source.encoding, newline="") as text:
        if len(rest) != len(source.head):  # `sep=;`, which Excel doesn't count as a row
            text.readline()
        lines = map(_join_marks, text) if source.encoding == "cp1258" else text
        try:
            for number, row in enumerate(csv.reader(lines, delimiter=separator, strict=source.odd_quotes), 1):
                yield number, row
        except csv.Error as error:
            if "NUL" in str(error):
                raise Refusal("sheet.not_table", name=source.name) from error
            raise Refusal("sheet.open_quote", name=source.name, row=number + 1) from error


def _separate(head: str) -> tuple[str, str]:
    """The separator under which headings appear; amounts with commas can be more regular than a list is.

    Otherwise as in any table. Beside it the text without the `sep=;` line.
    """
    told, rest = separate(head)
    if len(rest) != len(head):
        return told, rest
    found = {separator: _count_headings(head, separator) for separator in (told, *_SEPARATORS)}
    best = max(found, key=lambda separator: found[separator])
    return (best if found[best] else told), rest


def _count_headings(head: str, separator: str) -> int:
    """How many columns the first row of headings has; 0 where there is none."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(islice(csv.reader(io.StringIO(head, newline=""), delimiter=separator), _SAMPLE))
    for row, below in zip(rows, [*rows[1:], []], strict=True):
        try:
            header = find_header(row, below, "", 0)
        except Refusal:
            return len(row)
        if header is not None:
            return len(header.places)
    return 0


def _join_marks(line: str) -> str:
    return unicodedata.normalize("NFC", line)
