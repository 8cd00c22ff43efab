"""Amounts, days and headings in every writing that was seen in banks' files, and what is refused of them."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import xlsxwriter

from ground import words
from merchants.grid import Cell
from payments.statements.cell import Unreadable, read_amount
from payments.statements.heading import find_header, recognise
from payments.statements.label import read_account, read_currency, read_labels, read_period
from payments.statements.moment import read_clock, read_when
from payments.statements.reading import read
from payments.statements.unreadable import UnreadableRows
from tests.paper_roll import refusal
from tests.paper_statement import ACCOUNT, STORY, Rows, at, bilingual, only, read_rows, simple, told, write_xlsx


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1,234,000", 1_234_000),
        ("1.234.000", 1_234_000),
        ("1.234.000,00 VND", 1_234_000),
        ("1,234,000.00", 1_234_000),
        ("1 234 000 ₫", 1_234_000),
        ("1\u00a0234\u00a0000đ", 1_234_000),
        ("VND 1,234,000", 1_234_000),
        ("1234000", 1_234_000),
        ("1234000.00", 1_234_000),
        ("1234000,0", 1_234_000),
        ("1.000", 1_000),
        ("+1,000", 1_000),
        ("-1,000", -1_000),
        ("−1,000", -1_000),
        ("1,000-", -1_000),
        ("(1,000)", -1_000),
        ("(1.000,00) VND", -1_000),
        ('="50000"', 50_000),
        ("'50000", 50_000),
        ("0.00", 0),
        (".00", 0),
        ("0", 0),
        (0, 0),
        (0.0, 0),
        (50_000.0, 50_000),
        (-120_000, -120_000),
        ("999,999,999,999,999,999", 10**18 - 1),
        ("", None),
        ("-", None),
        (" – ", None),
        ("   ", None),
        (None, None),
    ],
)
def test_amounts(written: Cell, amount: int | None) -> None:
    for _ in range(2):  # the second time from memory
        assert read_amount(written) == amount


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("1,234.50", "fraction"),
        ("1.234,5", "fraction"),
        ("0.01", "fraction"),
        (50_000.5, "fraction"),
        ("12,34,567", "bad_amount"),
        ("1,234.000", "bad_amount"),
        ("1.234,000.00", "bad_amount"),
        ("1e6", "bad_amount"),
        ("năm mươi nghìn", "bad_amount"),
        ("--5", "bad_amount"),
        ("#N/A", "bad_amount"),
        ("１２３", "bad_amount"),
        (True, "bad_amount"),
        (date(2026, 10, 5), "bad_amount"),
        ("100 USD", "foreign_amount"),
        ("$100", "foreign_amount"),
        (1e15, "rounded"),
        (float("nan"), "rounded"),
        (float("inf"), "rounded"),
        ("1,000,000,000,000,000,000", "huge"),
        ("1" * 400, "huge"),
    ],
)
def test_amounts_that_are_none(written: Cell, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_amount(written)
    assert refused.value.code == f"statement.{code}"
    assert all(words.say(refused.value.code, language, **refused.value.params) for language in words.LANGUAGES)


@pytest.mark.parametrize(
    ("written", "day", "clock"),
    [
        ("05/10/2026", "2026-10-05", None),
        ("5/10/2026", "2026-10-05", None),
        ("05-10-2026", "2026-10-05", None),
        ("05.10.2026 14:02", "2026-10-05", "14:02:00"),
        ("05/10/2026 14:02:37", "2026-10-05", "14:02:37"),
        ("5/10/2026 9:02:37", "2026-10-05", "09:02:37"),
        ("05/10/2026\n14:02:37", "2026-10-05", "14:02:37"),
        ("05/10/2026 02:02:37 PM", "2026-10-05", "14:02:37"),
        ("05/10/2026 12:02 SA", "2026-10-05", "00:02:00"),
        ("05/10/2026 - 14:02:37", "2026-10-05", "14:02:37"),
        ("14:02:37 05/10/2026", "2026-10-05", "14:02:37"),
        ("05/10/2026 00:00:00", "2026-10-05", None),
        ("2026-10-05", "2026-10-05", None),
        ("20261005", "2026-10-05", None),
        ("2026-10-05T14:02:37.123", "2026-10-05", "14:02:37"),
        ("2026-10-05T20:00:00Z", "2026-10-06", "03:00:00"),
        ("2026-10-05 20:00:00+0700", "2026-10-05", "20:00:00"),
        ("46300", "2026-10-05", None),
        ("46300.5", "2026-10-05", "12:00:00"),
        (46300, "2026-10-05", None),
        (46300.585150462964, "2026-10-05", "14:02:37"),
        (date(2026, 10, 5), "2026-10-05", None),
        (datetime(2026, 10, 5, 14, 2, 37, 999), "2026-10-05", "14:02:37"),  # noqa: DTZ001
        (datetime(2026, 10, 5), "2026-10-05", None),  # noqa: DTZ001
    ],
)
def test_days_and_times(written: Cell, day: str, clock: str | None) -> None:
    for _ in range(2):
        when = read_when(written)
        assert when is not None
        assert date.fromordinal(when.day) == date.fromisoformat(day)
        moment = datetime.fromisoformat(f"{day}T{clock}+07:00").timestamp() if clock else None
        assert when.second == moment


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("05/10/26", "short_year"),
        ("10/25/2026", "no_such_date"),
        ("31/09/2026", "no_such_date"),
        ("05/10/2026 25:00:00", "bad_time"),
        ("05/10/2026 14:60", "bad_time"),
        ("05/10/2026 13:00 PM", "bad_time"),
        ("05/10/1926", "unlikely_date"),
        (2026, "unlikely_date"),
        ("hôm qua", "bad_date"),
        ("05/10", "bad_date"),
        (-1, "bad_date"),
        (1e300, "bad_date"),
        (True, "bad_date"),
    ],
)
def test_days_that_are_none(written: Cell, code: str) -> None:
    read_when("05/10/2026 14:02:37")
    with pytest.raises(Unreadable) as refused:
        read_when(written)
    assert refused.value.code == f"statement.{code}"


def test_blank_days_and_clocks() -> None:
    assert read_when(None) is read_when("") is read_when(" - ") is read_clock(None) is read_clock(" ") is None
    assert read_clock("14:02") == read_clock(datetime(1899, 12, 30, 14, 2)) == 50_520  # noqa: DTZ001
    assert read_clock(50_520 / 86_400) == 50_520
    with pytest.raises(Unreadable):
        read_clock("noon")


@pytest.mark.parametrize(
    ("heading", "columns"),
    [
        ("Ngày giao dịch", {"transaction"}),
        ("NGÀY GD/\nTNX Date", {"transaction"}),
        ("Ngày1/ TNX Date/ Số CT/ Doc No", {"date", "transaction", "reference"}),
        ("Ngày GD/ TNX Date/ Số CT/ Doc No", {"transaction", "reference"}),
        ("Ngày hiệu lực2/\nEffective date", {"value"}),
        ("Số tiền ghi nợ/ Debit", {"debit"}),
        ("Có", {"credit"}),
        ("Nợ", {"debit"}),
        ("No.", {"number"}),
        ("STT No", {"number"}),
        ("STT/No.", {"number"}),
        ("Nợ/Có", {"sign"}),
        ("+/-", {"sign"}),
        ("Số tiền (VND)", {"amount"}),
        ("Phát sinh có (Credit)", {"credit"}),
        ("Remitter's account name", {"payer_name"}),
        ("Thuế/Transaction VAT", {"vat"}),
        ("Phí/Lãi / Fee/Interest", {"fee"}),
        ("Mã định danh TK thụ hưởng/ To virtual account", {"virtual_account"}),
        ("Ngày sinh", set()),
        ("Có hàng", set()),
        ("x" * 200, set()),
        ("", set()),
    ],
)
def test_headings(heading: str, columns: set[str]) -> None:
    assert recognise(heading) == columns


def test_an_unaccented_no_beside_co_is_a_debit() -> None:
    header = find_header(["Ngay", "No", "Co", "So du", "Noi dung"], (), "x", 1)
    assert header is not None
    assert header.places == {"date": 0, "debit": 1, "credit": 2, "balance": 3, "memo": 4}


def test_headings_merged_over_two_rows_are_one(tmp_path: Path) -> None:
    rows: Rows = [["Ngày giao dịch", "Số tiền", None, "Nội dung", "Số tham chiếu"], [None, "Nợ", "Có", None, None], []]
    rows += [
        ["05/10/2026", None, "5,000", "a", "FT1"],
        ["Ngày giao dịch", "Số tiền", None, "Nội dung", "Số tham chiếu"],
    ]
    rows += [[None, "Nợ", "Có", None, None], ["05/10/2026", "5,000", None, "b", "FT2"]]
    assert [told(line).amount for line in only(read_rows(tmp_path, rows)).lines] == [5_000, -5_000]


def test_an_excel_file_with_merged_cells_is_read(tmp_path: Path) -> None:
    """As banks lay them out: titles and labels over several columns, headings over two rows, a memo over three."""
    file = tmp_path / "s.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:H1", "NGÂN HÀNG TMCP NGOẠI THƯƠNG VIỆT NAM")
        sheet.merge_range("A2:C2", "Số dư đầu kỳ/ Opening balance:")
        sheet.merge_range("D2:E2", "1,000,000")
        for place, heading in (("A4:A5", "Ngày giao dịch"), ("B4:B5", "Số tham chiếu"), ("E4:E5", "Số dư")):
            sheet.merge_range(place, heading)
        sheet.merge_range("C4:D4", "Số tiền")
        sheet.write_row("C5", ["Nợ", "Có"])
        sheet.merge_range("F4:H5", "Mô tả")
        for row, cells in enumerate((["05/10/2026", "FT1", "", "35,000"], ["06/10/2026", "FT2", "5,000", ""]), 5):
            sheet.write_row(row, 0, [*cells, ("1,035,000", "1,030,000")[row - 5]])
            sheet.merge_range(row, 5, row, 7, f"tien rau {row}")
        sheet.merge_range("A8:B8", "Tổng cộng")
        sheet.write_row("C8", ["5,000", "35,000"])
        sheet.merge_range("A9:D9", "Số dư cuối kỳ/ Closing balance:")
        sheet.write("E9", "1,030,000")
    section = only(read(file))
    assert [(line.reference, line.direction, line.amount, line.memo) for line in section.lines] == [
        ("FT1", "in", 35_000, "tien rau 5"),
        (None, "out", 5_000, ""),
    ]
    assert (section.opening, section.closing, section.balanced) == (1_000_000, 1_030_000, True)


def test_an_amount_merged_over_two_rows_is_never_counted_twice(tmp_path: Path) -> None:
    file = tmp_path / "s.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Ngày giao dịch", "Nợ", "Có", "Mô tả"])
        sheet.merge_range("A2:A3", "05/10/2026")
        sheet.merge_range("C2:C3", "35,000")
        sheet.write_column("D2", ["tien", "rau"])
        sheet.write_row("A5", ["06/10/2026", "", "1,000", "a"])
    refused = refusal(lambda: read(file))
    assert isinstance(refused, UnreadableRows)
    assert [(error.row, error.reason_code) for error in refused.errors] == [(3, "statement.loose_text")]


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        (["Số tài khoản/Account number: 0123 499 999"], [("account", "0123 499 999")]),
        (["Số dư đầu kỳ (Opening balance)", None, "5,000 VND"], [("opening", "5,000 VND")]),
        (["Số dư đầu kỳ:", 5.0, "Số dư cuối kỳ:", 6.0], [("opening", 5.0), ("closing", 6.0)]),
        (["Dư cuối 1.234.000 VND"], [("closing", "1.234.000 VND")]),
        (["Tên tài khoản: NGUYEN THI LAN"], []),
        (["Số tài khoản cũ: 999"], []),
        (["Số dư đầu kỳ rất thấp"], []),
        (["Số dư bình quân: 7"], []),
    ],
)
def test_labels(row: list[Cell], labels: list[tuple[str, Cell]]) -> None:
    assert list(read_labels(row)) == labels


@pytest.mark.parametrize(
    ("written", "account"),
    [
        ("0123 456 789", "0123456789"),
        ("0123-456-789 - NGUYEN THI LAN", "0123456789"),
        ("0123456789-VND", "0123456789"),
        ("0123456789 (VND)", "0123456789"),
        ("VQRQ00012", "VQRQ00012"),
        ("0123***789", "0123***789"),
        (123456789.0, "123456789"),
        ("TIỀN GỬI THANH TOÁN", None),
        (None, None),
    ],
)
def test_accounts(written: Cell, account: str | None) -> None:
    assert read_account(written) == account


def test_periods_and_currencies() -> None:
    october = (date(2026, 10, 1), date(2026, 10, 31))
    for text in (
        "Từ ngày 01/10/2026 đến ngày 31/10/2026",
        "Từ/ From: 01/10/2026 Đến/ To: 31/10/2026",
        "From 2026-10-01 to 2026-10-31",
        "Kỳ sao kê: 01/10/2026 - 31/10/2026",
    ):
        assert read_period(text) == october
    assert read_period("Ngày in: 05/10/2026") is None
    assert read_period("Từ 32/10/2026 đến 31/10/2026") is None
    assert read_currency("Loại tiền/Currency: USD") == read_currency("Currency : usd") == "USD"
    assert read_currency("Loại tiền tệ: VND") is read_currency("Loại tiền/Currency Phí/Fee") is None


def test_excels_own_dates_and_numbers_are_read(tmp_path: Path) -> None:
    rows: Rows = [["Ngày giao dịch", "Số tham chiếu", "Số tiền ghi nợ", "Số tiền ghi có", "Mô tả"]]
    rows += [[at(5, "14:02:37"), 5243.65937, None, 35_000, "a"], [at(6), 12, 20_000.0, 0, None]]
    rows += [[46302.25, "FT3", 0, 15_000, 77]]
    first, second, third = only(read(write_xlsx(tmp_path / "s.xlsx", rows))).lines
    assert first.occurred_at == datetime(2026, 10, 5, 7, 2, 37, tzinfo=UTC)
    assert (first.reference, first.amount, first.row) == ("5243.65937", 35_000, 2)
    assert (second.occurred_at, second.business_date, second.direction) == (None, date(2026, 10, 6), "out")
    assert (third.business_date, third.memo) == (date(2026, 10, 7), "77")
    assert third.occurred_at == datetime(2026, 10, 6, 23, tzinfo=UTC)


def test_every_faulty_row_is_named_and_nothing_is_taken(tmp_path: Path) -> None:
    rows = bilingual(STORY)
    rows[1][1] = "32/10/2026"
    rows[2][4] = "12,5"
    rows[3][3], rows[3][4] = "1", "1"
    rows[4][1] = None
    rows += [["5", "06/10/2026", "FT9", None, None, "gì đó"], ["6", "06/10/2026", "FT9", None, "5", "a\x01b"]]
    refused = refusal(lambda: read_rows(tmp_path, rows))
    assert isinstance(refused, UnreadableRows)
    assert [(error.row, error.reason_code.removeprefix("statement.")) for error in refused.errors] == [
        (2, "no_such_date"),
        (3, "fraction"),
        (4, "both_amounts"),
        (5, "no_date"),
        (6, "no_amount"),
        (7, "control_character"),
    ]
    assert refused.errors[0].column == "Ngày giao dịch Transaction Date"
    assert "32/10/2026" in refused.message("vi") and "Row 3" in refused.message("en")


def test_ten_thousand_faulty_rows_are_counted_not_listed(tmp_path: Path) -> None:
    rows = bilingual(STORY) + [["1", "32/10/2026", "x", None, "5", "y"]] * 10_000
    refused = refusal(lambda: read_rows(tmp_path, rows))
    assert isinstance(refused, UnreadableRows)
    assert (refused.params["count"], len(refused.errors)) == (10_000, 1_000)
    assert len(refused.message()) < 2_000


def test_a_line_of_zero_moves_nothing(tmp_path: Path) -> None:
    rows = simple(STORY)
    rows.insert(8, ["05/10/2026", "FT0", "0.00", "0", "Thông báo"])
    assert len(only(read_rows(tmp_path, rows)).lines) == 4


def test_text_alone_between_two_lines_is_not_lost(tmp_path: Path) -> None:
    rows = simple(STORY)
    rows.insert(8, [None, None, None, None, "phần còn lại của nội dung"])
    refused = refusal(lambda: read_rows(tmp_path, rows))
    assert isinstance(refused, UnreadableRows)
    assert [(error.row, error.reason_code) for error in refused.errors] == [(9, "statement.loose_text")]


def test_what_stands_round_the_list_is_no_line(tmp_path: Path) -> None:
    rows = simple(STORY)
    heads = rows[6]
    rows[8:8] = [["(1)", "(2)", "(3)", "(4)", "(5)"], [], ["Trang 1/2"], ["SAO KÊ TÀI KHOẢN"], heads]
    rows[8:8] = [
        ["Transaction date", "Reference No", "Debit", "Credit", "Details"],
        ["Số dư mang sang", None, None, "5"],
    ]
    rows += [
        ["Lãi suất áp dụng từ 01/01/2026 đến 31/12/2026"],
        ["Ngày in: 07/10/2026 08:00"],
        [None, None, None, None, "Giao dịch viên"],
        ["05/11/2026"],
    ]
    section = only(read_rows(tmp_path, rows))
    assert [told(line).amount for line in section.lines] == [paid.amount for paid in STORY]
    assert (section.account, section.first, section.last) == (ACCOUNT, date(2026, 10, 1), date(2026, 10, 31))


def test_columns_may_be_moved_from_one_page_to_the_next(tmp_path: Path) -> None:
    rows = bilingual(STORY)
    moved = [[None, *row] for row in [rows[0], *rows[3:]]]
    assert [told(line).amount for line in only(read_rows(tmp_path, [*rows[:3], *moved])).lines] == [
        paid.amount for paid in STORY
    ]


def test_a_day_over_a_number_in_one_cell_is_both(tmp_path: Path) -> None:
    rows: Rows = [
        ["Ngày GD/ TNX Date\nSố CT/ Doc No", "Số tiền ghi nợ/ Debit", "Số tiền ghi có/ Credit", "Số dư/ Balance"]
    ]
    rows[0].append("Nội dung chi tiết/ Transactions in detail")
    rows += [
        ["05/10/2026\n5243.65937", None, "35,000", "35,000", "a"],
        ["05/10/2026 14:02:37\n5267.1", None, "5", "35,005", ""],
    ]
    first, second = only(read_rows(tmp_path, rows)).lines
    assert (first.reference, first.occurred_at) == ("5243.65937", None)
    assert (second.reference, second.occurred_at) == ("5267.1", datetime(2026, 10, 5, 7, 2, 37, tzinfo=UTC))


def test_the_time_may_stand_in_another_column(tmp_path: Path) -> None:
    rows: Rows = [["Ngày giao dịch", "Giờ", "Nợ", "Có", "Nội dung"], ["05/10/2026", "14:02", None, "5,000", "a"]]
    rows += [["05/10/2026", None, None, "5,000", "a"]]
    first, second = only(read_rows(tmp_path, rows)).lines
    assert (first.occurred_at, second.occurred_at) == (datetime(2026, 10, 5, 7, 2, tzinfo=UTC), None)


def test_an_account_in_each_row_keeps_accounts_apart(tmp_path: Path) -> None:
    rows: Rows = [["Số tài khoản", "Ngày giao dịch", "Nợ", "Có", "Nội dung"]]
    rows += [["111222", "05/10/2026", None, "5", "a"], ["333444", "05/10/2026", None, "6", "b"]]
    rows += [["111222", "06/10/2026", None, "7", "c"]]
    assert [(s.account, s.credits) for s in read_rows(tmp_path, rows).sections] == [("111222", 12), ("333444", 6)]
