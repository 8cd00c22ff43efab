"""Rolls as boards write them: small CSV and XLSX files, read back, and what the reader said of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from ground import words
from ground.refusal import Refusal
from merchants.roll_file import RollFile, RollRow, read_roll

VIETNAMESE = [
    *("Số sạp", "Khu / Dãy", "Ngành hàng", "Chủ hộ", "Điện thoại", "Trạng thái", "Từ ngày"),
    *("Ngân hàng", "Số tài khoản", "Chủ tài khoản", "Tài khoản ảo"),
]
ENGLISH = [
    *("stall", "section", "goods", "merchant", "phone", "status", "since"),
    *("bank", "account", "account name", "virtual account"),
]
LAN = ["A1", "Khu A", "Rau củ", "Nguyễn Thị Lan", "0912345678", "đang kinh doanh", "01/07/2026"]
LAN += ["Vietcombank", "0123499999", "NGUYEN THI LAN", "VA0001"]


def read_csv(folder: Path, *rows: list[str], heads: list[str] = VIETNAMESE) -> RollFile:
    lines = [";".join(f'"{cell}"' for cell in row) for row in (heads, *rows)]
    file = folder / "roll.csv"
    file.write_text("\n".join(lines), "utf-8")
    return read_roll(file)


def read_xlsx(folder: Path, fill: Callable[[Worksheet, xlsxwriter.Workbook], object]) -> RollFile:
    file = folder / "roll.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        fill(book.add_worksheet(), book)
    return read_roll(file)


def one(folder: Path, **cells: str) -> RollRow:
    """The single row of a file with these columns."""
    (row,) = sound(read_csv(folder, list(cells.values()), heads=[head.replace("_", " ") for head in cells]))
    return row


def sound(roll: RollFile) -> list[RollRow]:
    assert roll.errors == []
    assert roll.row_count == len(roll.rows)
    return roll.rows


def faults(roll: RollFile) -> list[tuple[int, str, str]]:
    """Row, column and short code of every error; each has its sentence in both languages."""
    for error in roll.errors:
        assert all(error.reason(language) for language in words.LANGUAGES)
    return [(error.row, error.column, error.reason_code.removeprefix("roll.")) for error in roll.errors]


def refusal(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        call()
    assert all(refused.value.message(language) for language in words.LANGUAGES)
    return refused.value
