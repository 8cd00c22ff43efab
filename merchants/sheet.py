"""Reading a table file that a person made: CSV or Excel, told apart by what is in it, not by its name."""

from pathlib import Path

from ground.refusal import Refusal
from merchants.delimited import read_delimited
from merchants.grid import Grid
from merchants.workbook import OLE, ZIP, read_workbook

LARGEST_FILE = 20 * 2**20
# What people drop here by mistake: PDF, pictures, RTF, other archives.
_OTHERS = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"{\\rtf", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")


def read_grid(file: Path) -> Grid:
    """The cells of a CSV file or of a workbook's first sheet; grid[0] is the row Excel calls 1.

    Refuses, saying what to do: a file that isn't there, is empty, too large, no table, HTML in disguise,
    locked or damaged.
    """
    content = _load(file)
    if content.startswith(_OTHERS):
        raise Refusal("sheet.not_table", name=file.name)
    read = read_workbook if content.startswith((ZIP, OLE)) else read_delimited
    grid = read(content, file.name)
    if not any(cell is not None and str(cell).strip() for row in grid for cell in row):
        raise Refusal("sheet.empty", name=file.name)
    return grid


def _load(file: Path) -> bytes:
    """The size is asked before anything is read."""
    try:
        size = file.stat().st_size
        if file.is_file() and size > LARGEST_FILE:
            raise Refusal("sheet.too_large", status=413, name=file.name, size=-(-size // 2**20), most=20)
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise Refusal("sheet.missing", name=str(file)) from error
    except OSError as error:
        raise Refusal("sheet.unreadable", name=str(file)) from error
    if not content.strip():
        raise Refusal("sheet.empty", name=file.name)
    return content
