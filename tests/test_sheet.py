"""Table files: recognised by what is in them, with Excel's row numbers, or refused with a way out."""

import io
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xlsxwriter.worksheet import Worksheet

from ground import words
from ground.refusal import Refusal
from merchants import sheet
from merchants.grid import MOST_ROWS
from merchants.sheet import read_grid


def write_csv(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    file = folder / "roll.csv"
    file.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return file


def write_xlsx(folder: Path, fill: Callable[[Worksheet, xlsxwriter.Workbook], object]) -> Path:
    file = folder / "roll.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        fill(book.add_worksheet("Danh sách"), book)
    return file


def with_part(file: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The same workbook with one of its parts changed."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


def container(stream: str, content: bytes) -> bytes:
    """A compound file (the container of old Excel files and of encrypted new ones) with one stream."""
    content = content.ljust(-(-max(len(content), 4096) // 512) * 512, b"\0")
    count = len(content) // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, count + 2), 0xFFFFFFFE]
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack(
        "<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0
    )
    header += struct.pack("<109I", *[0xFFFFFFFF] * 108, 0)[-436:]

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        title = name.encode("utf-16-le") + b"\0\0"
        links = struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, child)
        shape = struct.pack("<HBB", len(title) if name else 0, kind, 1)
        return title.ljust(64, b"\0") + shape + links + bytes(36) + struct.pack("<IQ", start, size)

    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(stream, 2, 0xFFFFFFFF, 2, len(content))
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    return header[:512] + table + directory.ljust(512, b"\0") + content


def code(file: Path) -> str:
    """The refusal's code; its sentence exists in both languages and names the file."""
    with pytest.raises(Refusal) as refused:
        read_grid(file)
    for language in words.LANGUAGES:
        assert file.name in refused.value.message(language)
    return refused.value.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_csv_is_read_in_every_usual_writing(tmp_path: Path, encoding: str, separator: str, ending: str) -> None:
    rows = [["Số sạp", "Chủ hộ", "Ghi chú"], ["A1", "Nguyễn Thị Lan", ""], ["A2", "Đỗ Văn Ổn", "x"]]
    file = write_csv(tmp_path, ending.join(separator.join(row) for row in rows), encoding)
    assert read_grid(file) == [[cell or None for cell in row] for row in rows]


def test_the_old_vietnamese_code_page_is_read_with_its_combining_marks(tmp_path: Path) -> None:
    decomposed = "Sô\u0301 sa\u0323p;Chu\u0309 hô\u0323\nA1;Nguyê\u0303n Thi\u0323 Lan\n"
    file = write_csv(tmp_path, decomposed, "cp1258")
    assert read_grid(file) == [["Số sạp", "Chủ hộ"], ["A1", "Nguyễn Thị Lan"]]


def test_the_separator_is_the_regular_one(tmp_path: Path) -> None:
    lines = ["Danh sách, chợ A, năm 2026;", "Số sạp;Ngành hàng", "A1;rau, củ, quả", "A2;cá, tôm", "A3;gạo"]
    assert [len(row) for row in read_grid(write_csv(tmp_path, "\n".join(lines)))] == [2] * 5


def test_a_separator_line_is_obeyed_and_not_counted(tmp_path: Path) -> None:
    assert read_grid(write_csv(tmp_path, "sep=;\r\na,b;c\r\n")) == [["a,b", "c"]]


def test_a_quoted_line_break_and_blank_lines_keep_excels_row_numbers(tmp_path: Path) -> None:
    grid = read_grid(write_csv(tmp_path, '"Số\nsạp",Chủ hộ\n\nA1,Lan\n'))
    assert grid == [["Số\nsạp", "Chủ hộ"], [], ["A1", "Lan"]]


def test_a_number_kept_as_a_text_formula_is_its_text(tmp_path: Path) -> None:
    assert read_grid(write_csv(tmp_path, 'stall,phone\nA1,"=""0912345678"""\n'))[1] == ["A1", "0912345678"]


def test_an_inch_sign_opens_nothing(tmp_path: Path) -> None:
    assert read_grid(write_csv(tmp_path, 'stall,goods\nA1,Tivi 32"\nA2,Cá\n'))[2] == ["A2", "Cá"]


def test_an_open_quote_never_swallows_the_rest(tmp_path: Path) -> None:
    assert code(write_csv(tmp_path, 'stall,goods\nA1,"Cá\nA2,Rau\nA3,Gạo\n')) == "sheet.open_quote"


def test_excel_rows_and_columns_stay_where_excel_shows_them(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write(4, 2, "Số sạp")
        ws.write(5, 2, 12)
        ws.write_datetime(5, 3, date(2026, 7, 1), book.add_format({"num_format": "dd/mm/yyyy"}))
        ws.write_boolean(5, 4, True)

    grid = read_grid(write_xlsx(tmp_path, fill))
    assert grid[4][2] == "Số sạp"
    assert grid[5][2:] == [12.0, date(2026, 7, 1), True]
    assert grid[:4] == [[None] * 5] * 4


def test_a_cell_merged_downwards_says_the_same_of_each_row(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.merge_range("A1:C1", "Danh sách")
        ws.merge_range("A2:A4", "Khu A")
        ws.write_column("B2", ["A1", "A2", "A3"])

    assert read_grid(write_xlsx(tmp_path, fill)) == [
        ["Danh sách", None],
        ["Khu A", "A1"],
        ["Khu A", "A2"],
        ["Khu A", "A3"],
    ]


def test_a_failed_or_uncomputed_formula_is_not_an_empty_cell(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write_row(0, 0, ["stall", "account", "bank", "goods"])
        ws.write(1, 0, "A1")
        ws.write_formula(1, 1, "=VLOOKUP(A2,X:Y,2)", None, "#N/A")
        ws.write_formula(1, 2, '=IF(1,"","x")', None, "so")
        ws.write_formula(1, 3, "=1+1", None, 2)

    file = write_xlsx(tmp_path, fill)
    with_part(file, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<v>so</v>", b"<v></v>"))
    assert read_grid(file)[1] == ["A1", "#N/A", None, 2.0], "a formula may well have nothing to say"
    uncomputed = with_part(file, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<v>2</v>", b"<v></v>"))
    assert read_grid(uncomputed)[1] == ["A1", "#N/A", None, "#N/A"]


def test_only_the_first_visible_sheet_counts(tmp_path: Path) -> None:
    file = tmp_path / "two.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        hidden, chart, shown = (
            book.add_worksheet("Ẩn"),
            book.add_chartsheet("Biểu đồ"),
            book.add_worksheet("Sạp"),
        )
        line = book.add_chart({"type": "line"})
        line.add_series({"values": "=Sạp!$A$1:$A$2"})
        chart.set_chart(line)
        hidden.write(0, 0, "no")
        shown.write(0, 0, "yes")
        shown.activate()
        shown.set_first_sheet()
        hidden.hide()
    assert read_grid(file) == [["yes"]]


def test_an_old_excel_file_is_read(tmp_path: Path) -> None:
    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    begin = struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 0), struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 0)
    label = struct.pack("<HHHHB", 0, 0, 0, 5, 0) + b"stall"
    number = struct.pack("<HHHd", 1, 0, 0, 12.0)
    sheet_at = len(record(0x809, begin[0])) + len(record(0x85, bytes(8) + b"ABCD")) + len(record(0x0A, b""))
    bound = struct.pack("<IBBBB", sheet_at, 0, 0, 4, 0) + b"Roll"
    book = record(0x809, begin[0]) + record(0x85, bound) + record(0x0A, b"")
    book += record(0x809, begin[1]) + record(0x204, label) + record(0x203, number) + record(0x0A, b"")
    file = tmp_path / "old.xls"
    file.write_bytes(container("Workbook", book))
    assert read_grid(file) == [["stall"], [12.0]]


def test_a_workbook_is_known_by_its_content_not_its_name(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path, lambda ws, _: ws.write(0, 0, "x"))
    assert read_grid(file.rename(tmp_path / "roll.csv")) == [["x"]]


def test_what_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    assert code(tmp_path / "no.xlsx") == "sheet.missing"
    assert code(tmp_path) == "sheet.unreadable"
    assert code(write_csv(tmp_path, b"")) == "sheet.empty"
    assert code(write_csv(tmp_path, b"\xef\xbb\xbf \r\n\r\n")) == "sheet.empty"
    assert code(write_csv(tmp_path, b";;;\n;;;\n")) == "sheet.empty"
    assert code(write_xlsx(tmp_path, lambda ws, _: None)) == "sheet.empty"


def test_a_200_mb_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "huge.csv"
    with file.open("wb") as out:
        out.truncate(200 * 2**20)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    assert code(file) == "sheet.too_large"


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    line = b"x" * 99_999 + b"\n"
    file = write_csv(tmp_path, (b"stall\n" + line * 210)[: sheet.LARGEST_FILE])
    assert file.stat().st_size == sheet.LARGEST_FILE
    assert read_grid(file)[0] == ["stall"]


def test_a_workbook_that_unpacks_to_more_than_200_mb_is_refused(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path, lambda ws, _: ws.write(0, 0, "x"))
    with (
        zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/bomb.bin", "w") as part,
    ):
        for _ in range(201):
            part.write(bytes(2**20))
    assert file.stat().st_size < 2**20
    assert code(file) == "sheet.unpacks_too_large"


def test_a_part_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path, lambda ws, _: ws.write(0, 0, "x" * 100))
    content = bytearray(file.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 7)
    file.write_bytes(content)
    assert code(file) == "sheet.damaged"


@pytest.mark.parametrize(
    "page",
    [
        "<html><body><table><tr><td>A1</td></tr></table></body></html>",
        "\n <!DOCTYPE html><p>",
        "<table border=1>",
        '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_web_page_saved_as_a_workbook_is_refused(tmp_path: Path, page: str, encoding: str) -> None:
    assert code(write_csv(tmp_path, page, encoding).rename(tmp_path / "roll.xls")) == "sheet.html"


def test_a_password_protected_workbook_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "locked.xlsx"
    file.write_bytes(container("EncryptedPackage", bytes(5000)))
    assert code(file) == "sheet.locked"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n%\xe2\xe3",
        b"\x89PNG\r\n\x1a\n" + bytes(20),
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"GIF89a\1\0",
        b"{\\rtf1",
        bytes(range(256)),
        b"stall\0\0\0",
        b"\xff\xfeA",
        container("WordDocument", b"text"),
        b"\x1f\x8b\x08",
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    assert code(write_csv(tmp_path, content)) == "sheet.not_table"


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("word/document.xml", "not_table"),
        ("content.xml", "other_format"),
        ("xl/workbook.bin", "other_format"),
    ],
)
def test_other_packed_documents_are_refused(tmp_path: Path, part: str, expected: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(part, "<x/>")
    assert code(write_csv(tmp_path, packed.getvalue())) == f"sheet.{expected}"


def test_too_many_rows_are_refused_in_either_kind(tmp_path: Path) -> None:
    assert code(write_csv(tmp_path, "a\n" * (MOST_ROWS + 1))) == "sheet.too_many_rows"
    assert len(read_grid(write_csv(tmp_path, "a\n" * MOST_ROWS + "\n" * 100))) == MOST_ROWS
    assert code(write_xlsx(tmp_path, lambda ws, _: ws.write(MOST_ROWS, 0, "x"))) == "sheet.too_many_rows"


def test_a_stray_cell_far_out_is_refused_before_memory_is_spent(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write(0, 0, "stall")
        ws.write(90_000, 16_383, "x")

    assert code(write_xlsx(tmp_path, fill)) == "sheet.too_wide"


def test_cells_that_hide_their_place_are_counted_too(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write(0, 0, 1)
        ws.write(99_999, 200, 2)

    file = write_xlsx(tmp_path, fill)
    for old, new in (
        (b'<c r="GS100000"', b"<c  s=\"0\" r='GS100000'"),
        (b"<c ", b"<x:c "),
        (b'<c r="A1"', b"<c"),
    ):
        write_xlsx(tmp_path, fill)
        with_part(file, "xl/worksheets/sheet1.xml", lambda xml, old=old, new=new: xml.replace(old, new))
        assert code(file) == "sheet.too_wide"


def test_a_duration_beyond_the_calendar_is_refused(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write(0, 0, 1e9, book.add_format({"num_format": "[h]:mm"}))

    assert code(write_xlsx(tmp_path, fill)) == "sheet.damaged"


def test_a_time_lies_on_excels_day_zero(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write(0, 0, 0.0625, book.add_format({"num_format": "h:mm"}))
        ws.write(0, 1, 0.5, book.add_format({"num_format": "[h]:mm"}))

    (row,) = read_grid(write_xlsx(tmp_path, fill))
    assert [str(cell) for cell in row] == ["1899-12-30 01:30:00", "1899-12-30 12:00:00"]


def test_formatted_empty_cells_far_out_harm_nobody(tmp_path: Path) -> None:
    def fill(ws: Worksheet, book: xlsxwriter.Workbook) -> None:
        ws.write(0, 0, "stall")
        ws.write_blank(1_048_575, 16_383, None, book.add_format({"bold": True}))

    assert read_grid(write_xlsx(tmp_path, fill)) == [["stall"]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_a_grid_or_a_refusal(tmp_path: Path, content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", bytes.fromhex("d0cf11e0a1b11ae1") + "Workbook".encode("utf-16-le")):
        try:
            assert read_grid(write_csv(tmp_path, start + content))
        except Refusal as refusal:
            assert refusal.message("vi")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1), cut=st.integers(0, 12), put=st.binary(max_size=6), part=st.integers(0, 3))
def test_a_damaged_workbook_is_a_grid_or_a_refusal(tmp_path: Path, at: float, cut: int, put: bytes, part: int) -> None:
    def damage(xml: bytes) -> bytes:
        place = int(at * len(xml))
        return xml[:place] + put + xml[place + cut :]

    parts = [
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
        "xl/sharedStrings.xml",
        "xl/_rels/workbook.xml.rels",
    ]
    file = write_xlsx(tmp_path, lambda ws, _: ws.write_row(0, 0, ["stall", 12, True]))
    try:
        assert read_grid(with_part(file, parts[part], damage))
    except Refusal as refusal:
        assert refusal.message("vi")
