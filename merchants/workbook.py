"""An Excel workbook's first sheet as a grid, looked over before a parser trusts it."""

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from xml.etree import ElementTree

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from ground.refusal import Refusal
from merchants.grid import MOST_CELLS, MOST_ROWS, Cell, Grid, check_extent

ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
LARGEST_UNPACKED = 200 * 2**20
NOT_AVAILABLE = "#N/A"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_OLD_EXCEL = "Workbook".encode("utf-16-le"), "Book".encode("utf-16-le")
# What the zip, XML and date readers raise for broken input.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # what zipfile raises for a compression it does not know
    ElementTree.ParseError,
    ArithmeticError,
    LookupError,
    ValueError,
)
# A cell with only a time in it lies on Excel's day zero; no zone, as nothing in a sheet has one.
_DAY_ZERO = datetime.combine(date(1899, 12, 30), time())

_PREFIX = rb"<(?:[^\s<>/:]+:)?"
_TAG = re.compile(_PREFIX + rb"(row|c)\b([^<>]*)>")
_ANY_CELL = re.compile(_PREFIX + rb"c\b")
_PLACED_CELL = re.compile(_PREFIX + rb'c r="([A-Z]{1,3})([0-9]{1,7})"')
_ROW_NUMBER = re.compile(rb"""\sr\s*=\s*["'](\d{1,7})["']""")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_VALUE = re.compile(_PREFIX + rb"v>([^<]*)<")
_FORMULA_ONLY = re.compile(
    _PREFIX
    + rb"c\b([^<>]*)>\s*"
    + _PREFIX
    + rb"f\b[^<>]*?(?:/>|>[^<]*</(?:[^\s<>/:]+:)?f>)\s*(?:"
    + _PREFIX
    + rb"v\s*/>|"
    + _PREFIX
    + rb"v></(?:[^\s<>/:]+:)?v>)?\s*</(?:[^\s<>/:]+:)?c>"
)

Failures = dict[tuple[int, int], str]


def read_workbook(content: bytes, name: str) -> Grid:
    """The first visible sheet, from cell A1 on. A merged cell's value stands in each of its rows.

    A formula's error or missing result, which a parser shows as an empty cell, stands there as `#N/A` or the like:
    an account that could not be looked up must not read as "no account".
    """
    sheet, failures = _open_sheet(content, name, MOST_ROWS)
    grid = list(_rows(sheet, failures, name))
    _fill_merges(grid, sheet)
    return grid


def walk_workbook(content: bytes, name: str, most_rows: int) -> Iterator[list[Cell]]:
    """As `read_workbook`, row by row and with merged cells left as they are: for long lists."""
    yield from _rows(*_open_sheet(content, name, most_rows), name)


def _open_sheet(content: bytes, name: str, most_rows: int) -> tuple[CalamineSheet, Failures]:
    archive = _open_archive(content, name) if content.startswith(ZIP) else None
    if archive is None:
        _check_old(content, name)
    try:
        workbook = load_workbook(io.BytesIO(content))
        title = _first_sheet(workbook, name)
        failures = _survey(archive, title, name, most_rows) if archive else {}
        sheet = workbook.get_sheet_by_name(title)
    except PasswordError as error:
        raise Refusal("sheet.locked", name=name) from error
    except (CalamineError, *_BROKEN) as error:
        raise Refusal("sheet.damaged", name=name) from error
    top, left = sheet.start or (0, 0)
    check_extent(top + sheet.height, left + sheet.width, name, most_rows)
    return sheet, failures


def _rows(sheet: CalamineSheet, failures: Failures, name: str) -> Iterator[list[Cell]]:
    """From row 1 and column A on; the parser leaves out what is left of its first filled column."""
    left = [None] * (sheet.start or (0, 0))[1]
    places = {row for row, _ in failures}
    try:
        for number, values in enumerate(sheet.iter_rows(), 1):
            yield _shown(number, [*left, *map(_cell, values)], failures, places)
    except (CalamineError, *_BROKEN) as error:
        raise Refusal("sheet.damaged", name=name) from error


def _check_old(content: bytes, name: str) -> None:
    """Excel 97–2003 and password-protected workbooks share a container with other Office files."""
    if _LOCKED in content:
        raise Refusal("sheet.locked", name=name)
    if not any(stream in content for stream in _OLD_EXCEL):
        raise Refusal("sheet.not_table", name=name)


def _open_archive(content: bytes, name: str) -> zipfile.ZipFile:
    """Looks at declared sizes first; then every part is unpacked once, so none is larger than it declares."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        members = archive.infolist()
        if sum(member.file_size for member in members) > LARGEST_UNPACKED:
            raise Refusal("sheet.unpacks_too_large", status=413, name=name)
        if any(member.flag_bits & 1 for member in members):
            raise Refusal("sheet.locked", name=name)
        if archive.testzip() is not None:
            raise Refusal("sheet.damaged", name=name)
    except _BROKEN as error:
        raise Refusal("sheet.damaged", name=name) from error
    names = set(archive.namelist())
    if "xl/workbook.xml" not in names:
        others = {"xl/workbook.bin", "content.xml"}
        raise Refusal("sheet.other_format" if names & others else "sheet.not_table", name=name)
    return archive


def _first_sheet(workbook: CalamineWorkbook, name: str) -> str:
    for sheet in workbook.sheets_metadata:
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
            return sheet.name
    raise Refusal("sheet.empty", name=name)


def _survey(archive: zipfile.ZipFile, title: str, name: str, most_rows: int) -> Failures:
    """Refuses a sheet that reaches too far out: the parser would fill all between. Returns failed formulas.

    Cells are found by their tags alone: a survey that fails on bad XML could be evaded by it.
    """
    xml = archive.read(_sheet_path(archive, title))
    rows, columns, failures = _plain_extent(xml, most_rows) or _walk(xml)
    check_extent(rows, columns, name, most_rows)
    if b"<f" in xml or b":f" in xml:
        for cell in _FORMULA_ONLY.finditer(xml):
            place = _REFERENCE.search(cell[1])
            if place and b't="str"' not in cell[1]:
                failures[int(place[2]), _column_number(place[1])] = NOT_AVAILABLE
    return failures


def _plain_extent(xml: bytes, most_rows: int) -> tuple[int, int, Failures] | None:
    """The quick way for nearly every sheet: each cell says its place first, none failed or lies far out."""
    if b't="e"' in xml:
        return None
    cells, columns, rows = 0, set(), 0
    last = b""
    for place in _PLACED_CELL.finditer(xml):
        cells += 1
        columns.add(place[1])
        if place[2] != last:
            last = place[2]
            rows = max(rows, int(last))
    if cells != sum(1 for _ in _ANY_CELL.finditer(xml)):
        return None
    width = max(map(_column_number, columns), default=0)
    return (rows, width, {}) if rows <= most_rows and rows * width <= MOST_CELLS else None


def _walk(xml: bytes) -> tuple[int, int, Failures]:
    """Cell by cell: those without a place follow the one before, those without content don't count."""
    failures: Failures = {}
    row = column = last_row = last_column = cells = 0
    for tag in _TAG.finditer(xml):
        attributes = tag[2]
        if tag[1] == b"row":
            told = _ROW_NUMBER.search(attributes)
            row, column = int(told[1]) if told else row + 1, 0
            continue
        cells += 1
        place = _REFERENCE.search(attributes)
        row, column = (int(place[2]), _column_number(place[1])) if place else (row, column + 1)
        if attributes.endswith(b"/"):
            continue
        last_row, last_column = max(last_row, row), max(last_column, column)
        if b't="e"' in attributes:
            value = _VALUE.search(xml, tag.end())
            failures[row, column] = value[1].decode("ascii", "replace") if value else NOT_AVAILABLE
    if cells != len(_ANY_CELL.findall(xml)):
        raise zipfile.BadZipFile("cells that can't be told apart")
    return last_row, last_column, failures


def _sheet_path(archive: zipfile.ZipFile, title: str) -> str:
    """Where in the archive a sheet lies; KeyError when the workbook doesn't say."""
    sheets = ElementTree.fromstring(archive.read("xl/workbook.xml")).findall(".//{*}sheet")
    relations = {sheet.get("name"): value for sheet in sheets for key, value in sheet.items() if key.endswith("}id")}
    links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels")).findall("{*}Relationship")
    targets = {link.get("Id"): link.attrib["Target"] for link in links}
    target = targets[relations[title]]
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _cell(value: object) -> Cell:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool | int | float | date):
        return value
    if isinstance(value, time):
        return datetime.combine(_DAY_ZERO, value)
    assert isinstance(value, timedelta), type(value)
    return _DAY_ZERO + value


def _fill_merges(grid: Grid, sheet: CalamineSheet) -> None:
    """Downwards only: a section or a merchant merged over several stalls is said of each of them."""
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or []:
        if top >= len(grid) or left >= len(grid[top]) or grid[top][left] is None:
            continue
        for row in grid[top + 1 : bottom + 1]:
            if row[left] is not None:
                break
            row[left] = grid[top][left]


def _shown(number: int, row: list[Cell], failures: Failures, places: set[int]) -> list[Cell]:
    if number in places:
        for at, cell in enumerate(row):
            if cell is None:
                row[at] = failures.get((number, at + 1))
    return row
