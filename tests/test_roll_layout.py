"""Where the list stands in a board's sheet: any headings, titles above, totals and signatures below."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from merchants.roll_file import RollRow, read_roll
from merchants.roll_layout import recognise, roll_words
from merchants.spelling import squeeze
from tests.paper_roll import ENGLISH, LAN, VIETNAMESE, faults, read_csv, read_xlsx, refusal, sound

# The headings


def test_a_full_row_is_read_in_either_language(tmp_path: Path) -> None:
    expected = RollRow(
        row=2,
        stall="A1",
        section="Khu A",
        goods="Rau củ",
        merchant="Nguyễn Thị Lan",
        phone="0912345678",
        status="trading",
        since=date(2026, 7, 1),
        bin="970436",
        account="0123499999",
        account_name="NGUYEN THI LAN",
        virtual_account="VA0001",
    )
    assert sound(read_csv(tmp_path, LAN)) == [expected]
    assert sound(read_csv(tmp_path, LAN, heads=ENGLISH)) == [expected]
    assert sound(read_csv(tmp_path, LAN[::-1], heads=VIETNAMESE[::-1])) == [expected]


def test_case_accents_line_breaks_and_asterisks_do_not_matter(tmp_path: Path) -> None:
    heads = ["SỐ\nSẠP (*)", "khu/day", "nganh  hang", "* Chủ hộ:", "ĐIỆN THOẠI [Zalo]", "Trạng thái (trống/đang KD)"]
    heads += ["Từ ngày (dd/mm/yyyy)", "Ngân hàng / Bank", "Số TK", "Chủ TK", "Tài khoản ảo - VA"]
    (row,) = sound(read_csv(tmp_path, LAN, heads=heads))
    assert (row.stall, row.section, row.bin, row.account, row.virtual_account) == (
        *("A1", "Khu A", "970436"),
        *("0123499999", "VA0001"),
    )


@pytest.mark.parametrize("column", list(roll_words()["headings"]))
def test_every_synonym_of_a_heading_means_its_column(column: str) -> None:
    for word in roll_words()["headings"][column]:
        for text in (word, word.upper(), f" {word} *"):
            assert recognise(text) == {column}, text


@pytest.mark.parametrize("table", ["headings", "statuses"])
def test_no_two_synonyms_collide(table: str) -> None:
    seen: dict[str, str] = {}
    for meaning, spellings in roll_words()[table].items():
        for word in spellings:
            assert seen.setdefault(squeeze(word), meaning) == meaning, word


def test_unknown_columns_are_ignored(tmp_path: Path) -> None:
    heads = ["STT", "Số sạp", "Diện tích (m2)", "Chủ hộ", "Ghi chú", ""]
    (row,) = sound(read_csv(tmp_path, ["1", "A1", "4,5", "Lan", "x", "y"], heads=heads))
    assert (row.stall, row.merchant) == ("A1", "Lan")


def test_without_any_heading_the_file_is_refused(tmp_path: Path) -> None:
    refused = refusal(lambda: read_csv(tmp_path, ["1", "2"], heads=["Họ", "Tuổi"]))
    assert refused.code == "roll.no_header"
    assert "“Họ”, “Tuổi”" in refused.message("vi")


def test_without_a_stall_heading_the_file_is_refused_and_told_what_it_has(tmp_path: Path) -> None:
    refused = refusal(lambda: read_csv(tmp_path, ["A1", "Lan"], heads=["Số thứ tự sạp", "Chủ hộ"]))
    assert refused.code == "roll.no_heading"
    assert "Số sạp (stall)" in refused.message("vi")
    assert "“Số thứ tự sạp”, “Chủ hộ”" in refused.message("en")


def test_without_a_merchant_heading_only_stalls_that_nobody_trades_at_are_taken(tmp_path: Path) -> None:
    heads = ["Số sạp", "Trạng thái"]
    assert [row.status for row in sound(read_csv(tmp_path, ["A1", "trống"], heads=heads))] == ["vacant"]
    refused = refusal(lambda: read_csv(tmp_path, ["A1", "trống"], ["A2", ""], heads=heads))
    assert refused.code == "roll.no_heading"
    assert "Chủ hộ (merchant)" in refused.message("vi")


@pytest.mark.parametrize("second", ["Chủ hộ", "CHU HO *", "Tên hộ", "merchant"])
def test_the_same_heading_twice_is_refused(tmp_path: Path, second: str) -> None:
    refused = refusal(lambda: read_csv(tmp_path, ["A1", "Lan", "Lan"], heads=["Số sạp", "Chủ hộ", second]))
    assert refused.code == "roll.heading_twice"
    assert second in refused.message("vi")


def test_two_things_in_one_column_are_refused(tmp_path: Path) -> None:
    heads = ["Số sạp", "Chủ hộ", "Ngân hàng - Số tài khoản"]
    assert refusal(lambda: read_csv(tmp_path, ["A1", "Lan", "VCB 123"], heads=heads)).code == "roll.two_in_one"


def test_a_list_without_rows_is_refused(tmp_path: Path) -> None:
    assert refusal(lambda: read_csv(tmp_path)).code == "roll.no_rows"


# What stands round the list


def test_the_header_is_found_in_the_first_20_rows_and_not_below(tmp_path: Path) -> None:
    def fill(at: int) -> Callable[[Worksheet, xlsxwriter.Workbook], object]:
        def write(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
            ws.write(0, 0, "Danh sách")
            ws.write_row(at, 0, ["Số sạp", "Chủ hộ"])
            ws.write_row(at + 1, 0, ["A1", "Lan"])

        return write

    assert sound(read_xlsx(tmp_path, fill(19)))[0].row == 21
    assert refusal(lambda: read_xlsx(tmp_path, fill(20))).code == "roll.no_header"


def test_a_real_boards_workbook_is_read(tmp_path: Path) -> None:
    """Titles over merged cells, the header in row 7 over two rows, numbers as they come, totals, signatures."""

    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        middle, day = book.add_format({"align": "center"}), book.add_format({"num_format": "dd/mm/yyyy"})
        ws.merge_range("A1:D1", "UBND PHƯỜNG VŨNG TÀU", middle)
        ws.merge_range("A2:D2", "BAN QUẢN LÝ CHỢ", middle)
        ws.merge_range("A4:K4", "DANH SÁCH HỘ KINH DOANH TẠI CHỢ (sạp, chủ hộ, tài khoản)", middle)
        ws.merge_range("A5:K5", "Tháng 7 năm 2026", middle)
        for at, head in enumerate(["STT", "Số sạp", "Khu/Dãy", "Chủ hộ", "SĐT", "Tình trạng", "Từ ngày"]):
            ws.merge_range(6, at, 7, at, head, middle)
        ws.merge_range("H7:J7", "Tài khoản ngân hàng", middle)
        ws.write_row("H8", ["Ngân hàng", "Số TK", "Chủ TK"])
        ws.write_row("A9", [f"({number})" for number in range(1, 11)])
        ws.merge_range("C10:C11", "Dãy 1")
        ws.write_row("A10", [1, 12])
        ws.write_row("D10", ["Nguyễn Thị Lan", 912345678, "Đang KD"])
        ws.write_datetime("G10", date(2026, 7, 1), day)
        ws.write_row("H10", ["VCB", 1012345678, "NGUYEN THI LAN"])
        ws.write_row("A11", [2, "12A"])
        ws.write_row("D11", ["-", "không có", "Trống", ""])
        ws.write_row("A13", ["STT", "Số sạp", "Khu/Dãy", "Chủ hộ", "SĐT", "Tình trạng", "Từ ngày", "Ngân hàng"])
        ws.write_row("A14", [3, "B1", "Dãy 2", "Trần Văn Bảy", "0254.351.2345"])
        ws.merge_range("A15:C15", "Tổng cộng")
        ws.write("D15", 2)
        ws.write("H17", "Vũng Tàu, ngày 01 tháng 7 năm 2026")
        ws.write_row("B18", ["NGƯỜI LẬP BIỂU", "", "TRƯỞNG BAN"])
        ws.write_row("B21", ["Lê Thị C", "", "Phạm Văn D"])

    rows = sound(read_xlsx(tmp_path, fill))
    assert [(row.row, row.stall, row.section, row.status) for row in rows] == [
        (10, "12", "Dãy 1", "trading"),
        (11, "12A", "Dãy 1", "vacant"),
        (14, "B1", "Dãy 2", "trading"),
    ]
    assert (rows[0].phone, rows[0].since, rows[0].account) == ("0912345678", date(2026, 7, 1), "1012345678")
    assert rows[2].phone == "02543512345"


def test_a_real_boards_csv_is_read(tmp_path: Path) -> None:
    file = tmp_path / "roll.csv"
    file.write_bytes(
        "\ufeffDANH SÁCH HỘ KINH DOANH, CHỢ PHƯỜNG 7;;;;\r\n;;;;\r\n"
        "Sạp số;Tên hộ;SĐT;STK;NH\r\n"
        "'01;Nguyễn  Thị\u00a0Lan ;'0912345678;'0071000123456;VCB\r\n"
        '"A-2";"Hộ ""Bảy Cá""";84 91 234 5679;;\r\n'
        ";;;;\r\nTỔNG SỐ: 2 sạp;;;;\r\n".encode()
    )
    rows = sound(read_roll(file))
    assert [(row.row, row.stall, row.merchant, row.phone, row.account) for row in rows] == [
        (4, "01", "Nguyễn Thị Lan", "0912345678", "0071000123456"),
        (5, "A-2", 'Hộ "Bảy Cá"', "0912345679", None),
    ]


@pytest.mark.parametrize(
    "line",
    [
        ["", "", ""],
        ["Tổng cộng", "", "12"],
        ["Cộng khu A:", "35", ""],
        ["", "TOTAL", "1.234"],
        ["Số sạp", "Chủ hộ", ""],
        ["-", "", "…"],
    ],
)
def test_blank_lines_totals_and_repeated_headings_are_no_stalls(tmp_path: Path, line: list[str]) -> None:
    heads = ["Số sạp", "Chủ hộ", "Ngành hàng"]
    rows = sound(read_csv(tmp_path, ["A1", "Lan", ""], line, ["A2", "Mai", ""], heads=heads))
    assert [(row.row, row.stall) for row in rows] == [(2, "A1"), (4, "A2")]


def test_a_stall_whose_name_looks_like_a_total_is_a_stall(tmp_path: Path) -> None:
    heads = ["Số sạp", "Chủ hộ"]
    rows = sound(read_csv(tmp_path, ["Cổng 1", "Lan"], ["Tổng 2", "Mai"], heads=heads))
    assert [row.stall for row in rows] == ["Cổng 1", "Tổng 2"]
    assert faults(read_csv(tmp_path, ["Cổng 1", ""], heads=heads)) == [(2, "Chủ hộ", "no_merchant")]


def test_a_faulty_row_near_the_end_is_told_not_lost(tmp_path: Path) -> None:
    heads = ["Số sạp", "Chủ hộ"]
    below = [["", ""], ["A9", ""], ["", "Mai"], ["Người lập", "Trưởng ban"], ["Lê C", "Phạm D"]]
    assert faults(read_csv(tmp_path, ["A1", "Lan"], *below, heads=heads)) == [
        (4, "Chủ hộ", "no_merchant"),
        (5, "Số sạp", "no_stall"),
    ]


def test_stalls_added_below_the_signatures_are_read(tmp_path: Path) -> None:
    heads = ["Số sạp", "Chủ hộ"]
    roll = read_csv(tmp_path, ["A1", "Lan"], ["", "Người lập biểu"], ["A2", "Mai"], heads=heads)
    assert [row.stall for row in roll.rows] == ["A1", "A2"]
    assert faults(roll) == [(3, "Số sạp", "no_stall")]


def test_a_row_shorter_than_its_header_is_blank_from_there_on(tmp_path: Path) -> None:
    assert sound(read_csv(tmp_path, ["A1", "", "", "Lan"]))[0].phone is None
