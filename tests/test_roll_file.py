"""A board's roll file: every row read, every fault told, with Excel's row number and the file's own heading."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from ground import words
from merchants import roll_file
from merchants.roll_layout import roll_words
from tests.paper_roll import LAN, VIETNAMESE, faults, one, read_csv, read_xlsx, sound

# The stall and its merchant


def test_a_stall_is_text_even_where_excel_has_a_number(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write_row(0, 0, ["Số sạp", "Chủ hộ"])
        ws.write_column(1, 0, [12, 12.5, "012", "A1"])
        ws.write_column(1, 1, ["Lan"] * 4)

    assert [row.stall for row in sound(read_xlsx(tmp_path, fill))] == ["12", "12.5", "012", "A1"]


def test_a_stall_that_excel_made_a_date_of_is_told_with_a_hint(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write_row(0, 0, ["Số sạp", "Chủ hộ"])
        ws.write_datetime(1, 0, date(2026, 2, 1), book.add_format({"num_format": "d-mmm"}))
        ws.write_boolean(2, 0, True)
        ws.write(3, 0, 1e15)
        ws.write_column(1, 1, ["Lan"] * 3)

    roll = read_xlsx(tmp_path, fill)
    assert [fault[2] for fault in faults(roll)] == ["date_in_text", "truth_value", "rounded"]
    assert roll.errors[0].value == "01/02/2026"
    assert "Văn bản (Text)" in roll.errors[0].reason()


def test_a_stall_listed_twice_names_the_first_row(tmp_path: Path) -> None:
    heads = ["Số sạp", "Chủ hộ"]
    rows = [["A1", "Lan"], [" a1 ", "Mai"], ["Đ1", "Hoa"], ["đ1", "Cúc"], ["Đ\u200b1", "Tư"]]
    roll = read_csv(tmp_path, *rows, heads=heads)
    assert faults(roll) == [(row, "Số sạp", "stall_twice") for row in (3, 5, 6)]
    assert "dòng 2" in roll.errors[0].reason("vi")
    assert "row 4" in roll.errors[2].reason("en")


def test_text_in_decomposed_letters_becomes_nfc(tmp_path: Path) -> None:
    row = one(tmp_path, stall="Đô\u0323i 1", merchant="Nguye\u0302\u0303n")
    assert (row.stall, row.merchant) == ("Đội 1", "Nguyễn")


def test_a_trading_stall_needs_a_merchant(tmp_path: Path) -> None:
    heads = ["Số sạp", "Chủ hộ", "Trạng thái"]
    rows = [["A1", "", ""], ["A2", "", "Trading"], ["A3", "", "trống"], ["A4", "", "tạm nghỉ"], ["A5", "", "closed"]]
    roll = read_csv(tmp_path, *rows, heads=heads)
    assert faults(roll) == [(2, "Chủ hộ", "no_merchant"), (3, "Chủ hộ", "no_merchant")]
    assert [row.status for row in roll.rows] == ["vacant", "suspended", "closed"]


@pytest.mark.parametrize("status", ["trống", "Vacant", "Đã đóng", "closed"])
def test_where_nobody_trades_no_merchant_is_kept_whatever_is_written(tmp_path: Path, status: str) -> None:
    (row,) = sound(read_csv(tmp_path, ["A1", "K", "G", "Lan", "12", status, "", "No such bank", "1", "LAN", "?!"]))
    assert (row.section, row.goods) == ("K", "G")
    assert {row.merchant, row.phone, row.bin, row.account, row.account_name, row.virtual_account} == {None}


def test_a_suspended_stall_keeps_its_merchant(tmp_path: Path) -> None:
    (row,) = sound(read_csv(tmp_path, [*LAN[:5], "Tạm nghỉ", *LAN[6:]]))
    assert (row.status, row.merchant, row.bin) == ("suspended", "Nguyễn Thị Lan", "970436")


@pytest.mark.parametrize("status", list(roll_words()["statuses"]))
def test_every_status_is_known_by_all_its_names(tmp_path: Path, status: str) -> None:
    spellings = roll_words()["statuses"][status]
    rows = [[f"A{at}", "Lan", word.upper()] for at, word in enumerate(spellings)]
    read = sound(read_csv(tmp_path, *rows, heads=["Số sạp", "Chủ hộ", "Trạng thái"]))
    assert {row.status for row in read} == {status}


def test_an_unknown_status_is_told(tmp_path: Path) -> None:
    roll = read_csv(tmp_path, ["A1", "Lan", "nghỉ"], heads=["Số sạp", "Chủ hộ", "Trạng thái"])
    assert faults(roll) == [(2, "Trạng thái", "bad_status")]
    assert "“nghỉ”" in roll.errors[0].reason()


# Banks and accounts


def account_faults(folder: Path, *rows: tuple[str, str, str]) -> list[tuple[int, str, str]]:
    heads = ["Số sạp", "Chủ hộ", "Ngân hàng", "Số TK", "TK ảo"]
    lines = [[f"A{at}", "Lan", *row] for at, row in enumerate(rows)]
    return faults(read_csv(folder, *lines, heads=heads))


def test_bank_and_account_need_each_other(tmp_path: Path) -> None:
    assert account_faults(tmp_path, ("VCB", "", ""), ("", "123", ""), ("", "", "VA1"), ("", "1", "VA2")) == [
        (2, "Ngân hàng", "bank_without_account"),
        (3, "Số TK", "account_without_bank"),
        (4, "TK ảo", "virtual_without_bank"),
        (5, "Số TK", "account_without_bank"),
        (5, "TK ảo", "virtual_without_bank"),
    ]
    assert account_faults(tmp_path, ("VCB", "123", ""), ("VCB", "", "VA1"), ("", "", ""), ("0", "-", "không")) == []


def test_an_account_without_a_bank_column_is_told(tmp_path: Path) -> None:
    roll = read_csv(tmp_path, ["A1", "Lan", "123"], heads=["Số sạp", "Chủ hộ", "Số TK"])
    assert faults(roll) == [(2, "Số TK", "account_without_bank")]


def test_an_unknown_bank_is_named(tmp_path: Path) -> None:
    assert account_faults(tmp_path, ("Ngân hàng Sao Hỏa", "123", "")) == [(2, "Ngân hàng", "unknown_bank")]
    roll = read_csv(tmp_path, ["A1", "Lan", "Sài Gòn", "1"], heads=["Số sạp", "Chủ hộ", "Ngân hàng", "STK"])
    assert "“Sài Gòn”" in roll.errors[0].reason("en")


def test_one_account_may_serve_several_stalls(tmp_path: Path) -> None:
    assert account_faults(tmp_path, ("VCB", "123", ""), ("Vietcombank", "12 3", ""), ("970436", "1.2.3", "")) == []


def test_a_virtual_account_serves_one_stall(tmp_path: Path) -> None:
    rows = ("VCB", "", "VA1"), ("MB", "", "VA1"), ("970436", "", "va-1")
    assert account_faults(tmp_path, *rows) == [(4, "TK ảo", "virtual_twice")]


def test_a_virtual_account_is_nobodys_plain_account(tmp_path: Path) -> None:
    rows = ("VCB", "", "555"), ("VCB", "555", ""), ("MB", "777", ""), ("VCB", "", "777"), ("VCB", "9", "9")
    assert account_faults(tmp_path, *rows) == [
        (2, "TK ảo", "virtual_is_account"),
        (6, "TK ảo", "virtual_is_account"),
    ]


def test_the_name_on_no_account_is_dropped(tmp_path: Path) -> None:
    assert one(tmp_path, stall="A1", merchant="Lan", account_name="LAN").account_name is None


# Errors


def test_all_errors_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    bad = ["", "x" * 201, "a\x01b", "", "123", "?!x", "31/02/2026", "Sao Hỏa", "1,01E+12", "#REF!", "ả"]
    roll = read_csv(tmp_path, LAN, bad)
    assert [(error.column, error.reason_code.removeprefix("roll.")) for error in roll.errors] == [
        ("Số sạp", "no_stall"),
        ("Khu / Dãy", "too_long"),
        ("Ngành hàng", "control_character"),
        ("Điện thoại", "bad_phone"),
        ("Trạng thái", "bad_status"),
        ("Từ ngày", "no_such_date"),
        ("Ngân hàng", "unknown_bank"),
        ("Số tài khoản", "rounded"),
        ("Chủ tài khoản", "failed_formula"),
        ("Tài khoản ảo", "bad_account"),
    ]
    assert {error.row for error in roll.errors} == {3}
    assert roll.errors[2].value == "a\ufffdb"
    assert [row.stall for row in roll.rows] == ["A1"]


def test_the_column_of_an_error_is_the_files_own_heading(tmp_path: Path) -> None:
    roll = read_csv(tmp_path, ["A1", "Lan", "12"], heads=["Stall *", "Tên  hộ", "SĐT\nliên hệ"])
    assert [error.column for error in roll.errors] == ["SĐT liên hệ"]


def test_at_most_1000_errors_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    roll = read_csv(tmp_path, *[[f"A{at}", ""] for at in range(1500)], heads=["Số sạp", "Chủ hộ"])
    assert (len(roll.errors), roll.unlisted, roll.row_count, roll.rows) == (roll_file.MOST_ERRORS, 500, 1500, [])


def test_a_failed_look_up_is_not_an_empty_account(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write_row(0, 0, ["Số sạp", "Chủ hộ", "Ngân hàng", "Số TK"])
        ws.write_row(1, 0, ["A1", "Lan"])
        ws.write_formula(1, 2, "=VLOOKUP(A2,X:Y,2)", None, "#N/A")
        ws.write_formula(1, 3, "=VLOOKUP(A2,X:Y,2)", None, "#N/A")

    assert [fault[2] for fault in faults(read_xlsx(tmp_path, fill))] == ["failed_formula", "failed_formula"]


def test_every_reason_is_said_in_both_languages() -> None:
    books = {lang: {key for key in words.book(lang) if key.startswith(("roll.", "sheet."))} for lang in words.LANGUAGES}
    assert books["vi"] == books["en"]
    assert len(books["vi"]) > 30


def test_ten_thousand_rows_are_all_read(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write_row(0, 0, VIETNAMESE)
        for at in range(1, 10_001):
            ws.write_row(at, 0, [f"A{at}", "Khu A", "Cá", f"Hộ {at}", 900_000_000 + at, "", 46_000 + at % 300])
            ws.write_row(at, 7, ["MB", at, f"HO {at}", f"VA{at}"])

    rows = sound(read_xlsx(tmp_path, fill))
    assert len(rows) == 10_000
    assert rows[-1].since == date(2025, 12, 9) + timedelta(10_000 % 300)
