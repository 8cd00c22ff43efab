"""Eyes for the report's papers: what a workbook, a letter and a print show, read by other people's programs."""

import csv
import re
import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from pypdf import PdfReader
from pypdf.generic import DictionaryObject
from python_calamine import CalamineWorkbook

# Every sheet, each in a file of its own, cells as they are shown.
AS_SHOWN = "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true,true,false,false,-1"


def office(folder: Path, *converted: str) -> None:
    """LibreOffice, with a profile of its own so that two processes don't meet."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        pytest.skip("no LibreOffice here: `make office` installs one")
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [program, profile, "--headless", "--convert-to", *converted]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr


def sheets_as_shown(folder: Path, content: bytes) -> dict[str, list[list[str]]]:
    """Each sheet's cells as LibreOffice shows them to somebody who reads English."""
    (folder / "report.xlsx").write_bytes(content)
    office(folder, AS_SHOWN, "report.xlsx")
    return {path.stem.partition("-")[2]: _read(path) for path in folder.glob("report-*.csv")}


def _read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def letter_as_opened(folder: Path, content: bytes) -> str:
    """All that LibreOffice reads in the letter, cell after cell."""
    (folder / "report.docx").write_bytes(content)
    office(folder, "txt:Text (encoded):UTF8", "report.docx")
    return (folder / "report.txt").read_text("utf-8-sig")


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def table(cells: list[list[Any]], first: str) -> list[dict[str, Any]]:
    """The rows below the heading that begins with `first`, up to the first empty one."""
    at = next(number for number, row in enumerate(cells) if row[0] == first)
    rows = []
    for row in cells[at + 1 :]:
        if row[0] == "":
            break
        rows.append(dict(zip(cells[at], row, strict=False)))
    return rows


def letter(content: bytes) -> tuple[list[str], list[list[list[str]]]]:
    """The paragraphs outside of tables, and the tables' cells."""
    document = Document(BytesIO(content))
    tables = [[[cell.text for cell in row.cells] for row in each.rows] for each in document.tables]
    return [paragraph.text for paragraph in document.paragraphs], tables


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def tight(text: str) -> str:
    """Without spaces: where a line breaks in a cell is nobody's business."""
    return re.sub(r"\s+", "", text)


def stands_in_order(text: str, *pieces: str) -> str | None:
    """The first piece that does not stand after the one before it; None when all do."""
    found, at = tight(text), 0
    for piece in map(tight, pieces):
        place = found.find(piece, at)
        if place < 0:
            return f"{piece!r} not after {found[max(at - 80, 0) : at]!r}: {found[at : at + 300]!r}"
        at = place + len(piece)
    return None


def fonts(reader: PdfReader) -> dict[str, bool]:
    """Every font of the document by name, and whether it is embedded."""
    found: dict[str, bool] = {}
    for page in reader.pages:
        for font in page["/Resources"].get("/Font", DictionaryObject()).values():
            for part in font.get_object().get("/DescendantFonts", [font]):
                described = part.get_object()["/FontDescriptor"].get_object()
                found[described["/FontName"]] = any(f"/FontFile{n}" in described for n in ("", "2", "3"))
    return found
