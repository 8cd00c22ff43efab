"""Which file is whose statement, which is none, and what of money going out is never told."""

import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ground import words
from ground.refusal import Refusal
from merchants.workbook import ZIP
from payments.statements import source, table
from payments.statements.layout import BANKS
from payments.statements.line import Lines, Movement
from payments.statements.reading import choose, read
from payments.statements.reversal import is_reversal, named
from tests.paper_roll import refusal
from tests.paper_statement import (
    ACCOUNT,
    STORY,
    TABLES,
    Paid,
    Rows,
    at,
    bidv_list,
    bilingual,
    camt,
    cashup,
    cents,
    commas,
    csv_bytes,
    encode,
    html_page,
    mb,
    mt940,
    only,
    read_bytes,
    read_rows,
    signed,
    simple,
    techcombank,
    told,
    write_xlsx,
)

FILES: dict[str, bytes] = {name: csv_bytes(lay_out(STORY, cents)) for name, (_, lay_out) in TABLES.items()}
FILES |= {"mt940": mt940(STORY).encode(), "camt": camt(STORY).encode()}


def bank_of(name: str) -> str:
    return TABLES[name][0] if name in TABLES else name


@pytest.mark.parametrize("named", BANKS)
@pytest.mark.parametrize("name", FILES)
def test_another_banks_file_is_refused_by_name(tmp_path: Path, name: str, named: str) -> None:
    if named == bank_of(name):
        assert read_bytes(tmp_path, FILES[name], named).bank == named
        return
    refused = refusal(lambda: read_bytes(tmp_path, FILES[name], named))
    assert refused.code == "statement.other_bank"
    for language in words.LANGUAGES:
        for bank in (named, bank_of(name)):
            assert words.say(f"statement.layout.{bank}", language) in refused.message(language)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "sheet.empty"),
        (b"\xef\xbb\xbf \r\n", "sheet.empty"),
        (b"%PDF-1.7 ...", "sheet.not_table"),
        (b"\x00\x01\x02\x03" * 50, "sheet.not_table"),
        (bytes(range(128, 256)), "sheet.not_table"),
        (b"PK\x03\x04 broken", "sheet.damaged"),
        (b"<?xml version='1.0'?><note/>", "sheet.html"),
        (b"<html><body>Session expired</body></html>", "statement.no_header"),
        ("Kính gửi quý khách\n".encode(), "statement.no_header"),
        ("Số sạp;Chủ hộ\nA1;Lan\n".encode(), "statement.no_header"),
        ("Ngày;Số tiền;Nội dung\n05/10/2026;5;a\n".encode(), "statement.no_header"),
        (csv_bytes([bilingual(())[0]]), "statement.no_lines"),
        (csv_bytes([["Ngày", "Ngày", "Nợ", "Có", "Nội dung"]]), "statement.heading_twice"),
        (csv_bytes([["Ngày giao dịch", "Nợ (USD)", "Có (USD)", "Nội dung"]]), "statement.foreign"),
        (csv_bytes([["Loại tiền: USD"], *bilingual(STORY)]), "statement.foreign"),
        (csv_bytes(bilingual(STORY)) + b'5;06/10/2026;FT;;"5;open\r\n', "sheet.open_quote"),
        (csv_bytes(bilingual(STORY)) + b"5;06/10/2026;F\x00T;;5;x\r\n", "sheet.not_table"),
        (b"".join(b"text %d\n" % n for n in range(5_000)), "statement.no_header"),
    ],
)
def test_what_is_no_statement_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    refused = refusal(lambda: read_bytes(tmp_path, content))
    assert refused.code == code
    assert "saoke.txt" in refused.message()


def test_a_file_that_is_not_there_or_too_large_or_an_unknown_bank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(lambda: read(tmp_path / "none.csv")).code == "sheet.missing"
    assert refusal(lambda: read(tmp_path)).code == "sheet.unreadable"
    file = tmp_path / "large.csv"
    with file.open("wb") as content:
        content.truncate(source.LARGEST_FILE + 1)
    assert refusal(lambda: read(file)).code == "statement.too_large"
    with file.open("wb") as content:
        content.write(ZIP)
        content.truncate(source.LARGEST_WORKBOOK + 1)
    assert "100 MB" in refusal(lambda: read(file)).message()
    file.write_bytes(b"a")
    assert refusal(lambda: read(file, bank="acb")).code == "statement.unknown_bank"
    monkeypatch.setattr(table, "MOST_LINES", 3)
    assert refusal(lambda: read_rows(tmp_path, bilingual(STORY))).code == "statement.too_many_lines"
    monkeypatch.setattr(source, "MOST_WORKBOOK_ROWS", 3)
    assert (
        refusal(lambda: read(write_xlsx(tmp_path / "s.xlsx", bilingual(STORY)))).code == "statement.workbook_too_long"
    )


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.xlsx", "w") as archive:
        archive.writestr("a.txt", "x")
    assert refusal(lambda: read(tmp_path / "s.xlsx")).code == "sheet.not_table"


def test_a_statement_without_lines_covers_its_days(tmp_path: Path) -> None:
    section = only(read_rows(tmp_path, cashup({ACCOUNT: []})))
    assert (len(section.lines), section.opening, section.closing, section.balanced) == (0, 1_000_000, 1_000_000, True)
    assert str(section.first) == "2026-10-01"
    assert only(read_rows(tmp_path, simple([]))).balanced is None


def test_without_a_period_the_lines_tell_the_days(tmp_path: Path) -> None:
    section = only(read_rows(tmp_path, bilingual(STORY)))
    assert (str(section.first), str(section.last)) == ("2026-10-05", "2026-10-06")


def test_the_transactions_day_counts_not_the_postings(tmp_path: Path) -> None:
    late = [Paid(at(5, "22:30:00"), 5_000, "FT1")]
    (line,) = only(read_rows(tmp_path, mb(late))).lines
    assert str(line.business_date) == "2026-10-05"
    (line,) = only(read_bytes(tmp_path, camt(late))).lines
    assert str(line.business_date) == "2026-10-05"


def test_the_day_a_customer_asked_is_not_the_transactions(tmp_path: Path) -> None:
    rows = techcombank([Paid(at(6), 5_000, "FT1"), Paid(at(6), 5_000, "FT2")])
    rows[-1][0] = "06/10/2026 08:00:00"
    rows[-2][0] = "05/10/2026 23:00:00"
    first, second = only(read_rows(tmp_path, rows)).lines
    assert (first.occurred_at, str(first.business_date)) == (None, "2026-10-06")
    assert second.occurred_at is not None and second.occurred_at.hour == 1


def test_an_account_is_chosen_without_its_zeros_or_hidden_digits(tmp_path: Path) -> None:
    rows = simple(STORY)
    rows[2] = [None, "Số tài khoản", 123499999.0]
    found = read(write_xlsx(tmp_path / "s.xlsx", rows))
    assert choose(found, ACCOUNT).account == "123499999"
    rows[2] = [None, "Số tài khoản", "0123***999"]
    found = read_rows(tmp_path, rows)
    assert choose(found, ACCOUNT).credits == 1_304_000
    assert refusal(lambda: choose(found, "0124499999")).code == "statement.other_account"
    assert choose(read_rows(tmp_path, bilingual(STORY)), "whatever").credits == 1_304_000


def test_fees_and_taxes_beside_an_amount_are_movements_of_their_own(tmp_path: Path) -> None:
    rows = techcombank(STORY, commas)
    place = next(at for at, row in enumerate(rows) if "FT26278000000003" in row)
    rows[place][9], rows[place][10] = "-1,000", "-100"
    for row in rows[place:]:
        row[11] = commas(int(str(row[11]).replace(",", "")) - 1_100)
    rows[14][6] = rows[-1][11]
    section = only(read_rows(tmp_path, rows))
    assert [told(line).amount for line in section.lines] == [35_000, 35_000, -120_000, -1_000, -100, 1_234_000]
    assert section.balanced and section.debits == 121_100


def test_the_payer_and_the_virtual_account_are_told(tmp_path: Path) -> None:
    first, *_ = only(read_rows(tmp_path, techcombank(STORY))).lines
    assert first.payer == "0011 NGUYEN VAN A"
    rows: Rows = [
        ["Ngày giao dịch", "Nợ", "Có", "Nội dung", "Tài khoản ảo/Virtual account", "Account name", "Account No"]
    ]
    rows += [["05/10/2026", None, "5", "a", "VQRQ0001", "NGUYEN VAN A", "0011"]]
    (line,) = only(read_rows(tmp_path, rows)).lines
    assert (line.virtual_account, line.payer) == ("VQRQ0001", "0011 NGUYEN VAN A")


@pytest.mark.parametrize("name", FILES)
def test_of_money_going_out_only_day_and_amount_are_told(tmp_path: Path, name: str) -> None:
    secret = Paid(at(5), -120_000, "FT26278999999999", "tien thuoc cho ba NGUYEN THI BE")
    story = (STORY[0], secret, STORY[3])
    content = {"mt940": mt940(story).encode(), "camt": camt(story).encode()}.get(name)
    section = only(read_bytes(tmp_path, content or csv_bytes(TABLES[name][1](story, cents))))
    line = list(section.lines)[1]
    assert (line.direction, line.amount, str(line.business_date)) == ("out", 120_000, "2026-10-05")
    assert (line.memo, line.payer, line.reference, line.virtual_account, line.reversal) == ("", None, None, None, False)
    assert not any("thuoc" in name or "NGUYEN" in name for name in line.named)
    if name not in ("bidv",):
        assert "FT26278999999999" in line.named, "so that a debit that carries a credit's number can be told as one"


@pytest.mark.parametrize(
    ("memo", "reversed_", "reference"),
    [
        ("REVERSAL FT26278000000001", True, "FT26278000000001"),
        ("Reversal of FT26278000000001", True, "FT26278000000001"),
        ("REV.FT26278000000001.MBVCB.1", True, "FT26278000000001"),
        ("Hủy giao dịch FT26278000000001", True, "FT26278000000001"),
        ("HUY GD FT26278000000001", True, "FT26278000000001"),
        ("Huy giao dich", True, "FT9"),
        ("Hoàn trả giao dịch số FT26278000000001", True, "FT26278000000001"),
        ("Hoan tra FT26278000000001", True, "FT26278000000001"),
        ("Hoan tra tien hang cho chi Lan", False, None),
        ("tra lai tien REVERSAL FT26278000000001", False, None),
        ("huy don hang", False, None),
        ("Hoan thanh 26278000000001", False, None),
        ("REVIEW 26278000000001", False, None),
        ("MBVCB.123456789.Hoan tra FT26278000000001", False, None),
    ],
)
def test_only_a_banks_own_word_marks_a_reversal(
    tmp_path: Path, memo: str, reversed_: bool, reference: str | None
) -> None:
    story = [STORY[0], Paid(at(5, "12:00:00"), -35_000, "FT9", memo)]
    for rows in (bilingual(story), signed(story), bidv_list(story)):
        line = list(only(read_rows(tmp_path, rows)).lines)[1]
        assert (line.reversal, line.reference, line.memo) == (reversed_, reference, "")
    incoming = [replace(paid, amount=abs(paid.amount)) for paid in story]
    assert not any(line.reversal for line in only(read_rows(tmp_path, bilingual(incoming))).lines)


def test_a_negative_credit_undoes_one(tmp_path: Path) -> None:
    rows = bidv_list([STORY[0], replace(STORY[0], amount=-35_000)])
    rows[2][4], rows[2][5] = None, "-35,000"
    line = list(only(read_rows(tmp_path, rows)).lines)[1]
    assert (line.direction, line.amount, line.reversal, line.reference) == ("out", 35_000, True, STORY[0].reference)


def test_a_column_of_kinds_marks_a_reversal() -> None:
    assert is_reversal("anything", "Hoàn trả") and is_reversal("", "REVERSAL")
    assert not is_reversal("anything", "Chuyển tiền")


def test_numbers_in_a_text_are_found_with_and_without_their_channel() -> None:
    assert named("REVERSAL MBVCB.3278907687 ab12 12345") == ("MBVCB.3278907687", "3278907687")
    assert named("FT26278000000001.MBVCB") == ("FT26278000000001", "FT26278000000001.MBVCB")
    assert named("tien rau") == ()


def test_html_with_spans_links_and_nested_tables_is_read(tmp_path: Path) -> None:
    page = """<!DOCTYPE html><html><head><style>td{}</style><script>var a = "<td>";</script></head><body>
    <h2>Sao k&ecirc; VIETCOMBANK</h2><table><tr><td>
    <table><tr><td>S&#7889; t&agrave;i kho&#7843;n:</td><td>0123499999</td></tr></table>
    </td></tr></table><table><thead><tr><th rowspan=2>Ngày giao dịch</th><th rowspan="2">Số tham chiếu</th>
    <th colspan=2>Số tiền</th><th rowspan=2>Mô tả</th></tr><tr><th>Nợ</th><th>Có</th></tr></thead>
    <tr><td>05/10/2026<br>14:02:37</td><td><a href="x">FT1</a><td>&nbsp;<td align=right>35,000<td>ZCH&amp;co
    chuyen   tien</tr><tr><td>06/10/2026</td><td>FT2</td><td></td><td>5,000</td><td><b>b</b></td></tr></table>
    </body></html>"""
    for encoding in ("utf-8", "utf-16", "cp1258"):
        found = read_bytes(tmp_path, encode(page, encoding), name="saoke.xls")
        first, second = only(found).lines
        assert (found.bank, only(found).account) == ("vietcombank", ACCOUNT)
        assert (first.reference, first.amount, first.memo) == ("FT1", 35_000, "ZCH&co chuyen tien")
        assert first.occurred_at is not None and (second.memo, second.amount) == ("b", 5_000)


def test_a_good_many_lines_take_little_memory(tmp_path: Path) -> None:
    lines = Lines()
    tracemalloc.start()
    for number in range(40_000):
        memo = f"MBVCB.{number * 7919}.ZCH{number} chuyen tien"
        lines.add(Movement(number, number, 739_000, number + 1, f"FT{number:012d}", memo))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 4 * 2**20
    assert len(lines) == 40_000
    assert [line.amount for line in lines] == list(range(1, 40_001)) == [line.amount for line in lines]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(FILES)), place=st.floats(0, 1), cut=st.integers(0, 40), put=st.binary(max_size=12))
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, name: str, place: float, cut: int, put: bytes) -> None:
    content = FILES[name]
    start = int(place * len(content))
    try:
        read_bytes(tmp_path, content[:start] + put + content[start + cut :])
    except Refusal as refused:
        assert all(refused.message(language) for language in words.LANGUAGES)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), put=st.text(max_size=30))
def test_a_damaged_page_is_read_or_refused(tmp_path: Path, place: float, put: str) -> None:
    page = html_page(bilingual(STORY)).decode()
    start = int(place * len(page))
    try:
        read_bytes(tmp_path, (page[:start] + put + page[start:]).encode("utf-8", "replace"))
    except Refusal as refused:
        assert refused.message()
