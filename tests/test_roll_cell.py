"""Single cells of a roll: phones, dates and accounts from any usual writing of them, or refused."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merchants.grid import Cell
from merchants.roll_cell import (
    EARLIEST,
    LATEST,
    READERS,
    BadCell,
    read_account,
    read_phone,
    read_since,
    read_text,
    show,
)

quick = settings(max_examples=200, deadline=None)
mobiles = st.from_regex(r"0[35789][0-9]{8}", fullmatch=True)
landlines = st.from_regex(r"02[0-9]{9}", fullmatch=True)
numbers = mobiles | landlines
days = st.dates(EARLIEST, LATEST)
serial_zero = date(1899, 12, 30)


def fault(read: Callable[[Cell], object], cell: Cell) -> str:
    with pytest.raises(BadCell) as bad:
        read(cell)
    return bad.value.code.removeprefix("roll.")


@quick
@given(number=numbers, prefix=st.sampled_from(["0", "+84", "84", "0084", "+84 ", "+84(0)", "(+84) ", "840"]))
def test_a_phone_is_the_same_however_its_country_is_written(number: str, prefix: str) -> None:
    assert read_phone(prefix + number[1:]) == number


@quick
@given(number=numbers, separator=st.sampled_from([" ", ".", "-", " - ", "\u00a0", "\u202c"]), at=st.integers(1, 8))
def test_separators_in_a_phone_are_only_for_the_eye(number: str, separator: str, at: int) -> None:
    assert read_phone(number[:at] + separator + number[at:]) == number


@quick
@given(numbers)
def test_the_zero_that_excel_dropped_is_restored(number: str) -> None:
    for cell in (int(number), float(number), number[1:], f"'{number}"):
        assert read_phone(cell) == number


@quick
@given(st.text(max_size=30) | st.integers() | st.floats())
def test_whatever_is_taken_for_a_phone_is_in_normal_form(cell: Cell) -> None:
    try:
        phone = read_phone(cell)
    except BadCell:
        return
    assert phone is None or (phone[0] == "0" and len(phone) == (11 if phone[1] == "2" else 10))
    assert read_phone(phone) == phone


@pytest.mark.parametrize(
    "cell",
    [
        "12",
        "0112345678",
        "091234567",
        "09123456789",
        "0912345678/0987654321",
        "0912345678, 0987654321",
        "Lan",
        "+1 912345678",
        "+0912345678",
        "00912345678",
        "01234567890",
        "0912345678 (Lan)",
        "１２３４５６７８９",
        "113",
        -912345678,
        912345678.5,
        "2543512345 ext 2",
        91234567,
        "++84912345678",
        "8491234567",
        "1900 1234",
    ],
)
def test_what_is_not_one_vietnamese_number_is_refused(cell: Cell) -> None:
    assert fault(read_phone, cell) == "bad_phone"


@quick
@given(day=days, sign=st.sampled_from("/.-"), zeros=st.booleans())
def test_a_written_date_is_read_back(day: date, sign: str, zeros: bool) -> None:
    parts = f"{day:%d}", f"{day:%m}", f"{day:%Y}"
    if not zeros:
        parts = str(day.day), str(day.month), parts[2]
    assert read_since(sign.join(parts)) == day
    assert read_since(sign.join(parts[::-1])) == day
    assert read_since(f"{day} 00:00:00") == day


@quick
@given(day=days, fraction=st.floats(0, 0.999))
def test_an_excel_date_and_its_serial_number_are_the_same_day(day: date, fraction: float) -> None:
    serial = (day - serial_zero).days
    for cell in (day, datetime.combine(day, datetime.min.time()), serial, serial + fraction, str(serial)):
        assert read_since(cell) == day


@quick
@given(st.text(max_size=20) | st.floats() | st.integers() | st.booleans())
def test_whatever_is_taken_for_a_date_is_believable(cell: Cell) -> None:
    try:
        day = read_since(cell)
    except BadCell:
        return
    assert day is None or EARLIEST <= day <= LATEST


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1/7/26", "short_year"),
        ("01-07-26", "short_year"),
        ("31/02/2026", "no_such_date"),
        ("29/02/2025", "no_such_date"),
        ("12/31/2026", "no_such_date"),
        ("2026-13-01", "no_such_date"),
        ("00/01/2026", "no_such_date"),
        ("0000-01-01", "no_such_date"),
        ("tháng 7", "bad_date"),
        ("01/07", "bad_date"),
        ("01/07-2026", "bad_date"),
        ("20260701", "bad_date"),
        (-5, "bad_date"),
        (1e9, "bad_date"),
        (float("nan"), "bad_date"),
        (2026, "unlikely_date"),
        ("01/07/1026", "unlikely_date"),
        ("01/07/9026", "unlikely_date"),
        (date(1899, 12, 31), "unlikely_date"),
        (True, "truth_value"),
    ],
)
def test_a_date_that_cannot_be_meant_is_refused(cell: Cell, expected: str) -> None:
    assert fault(read_since, cell) == expected


@quick
@given(account=st.from_regex(r"[0-9A-Z]{1,19}", fullmatch=True), sign=st.sampled_from([" ", ".", "-", "\u00a0"]))
def test_an_account_is_the_same_with_and_without_separators(account: str, sign: str) -> None:
    if account.strip("0"):
        spaced = sign.join(account[at : at + 4] for at in range(0, len(account), 4))
        assert read_account(account) == account
        if spaced.strip() not in {"NO", "NULL", "NIL", "NONE"}:
            assert read_account(spaced.lower()) in {account, None}


@quick
@given(st.integers(1, 10**15 - 1))
def test_a_number_that_excel_keeps_whole_is_an_account(number: int) -> None:
    assert read_account(float(number)) == str(number)


@quick
@given(st.floats(min_value=1e15) | st.just(float("nan")) | st.integers(min_value=10**15))
def test_a_number_that_excel_has_rounded_is_refused(number: float) -> None:
    assert fault(read_account, number) == "rounded"


@pytest.mark.parametrize("cell", ["1,01E+12", "1.01235E+15", "9E+15", "1e+19", "1.01E+012"])
def test_a_number_in_scientific_notation_is_refused(cell: str) -> None:
    for column in ("stall", "phone", "account", "virtual_account"):
        assert fault(READERS[column], cell) == "rounded"


@pytest.mark.parametrize("cell", ["1" * 20, "số 1", "12/34", "tài khoản", -5, 12.5, "a" * 20, "1+1"])
def test_what_is_no_account_is_refused(cell: Cell) -> None:
    assert fault(read_account, cell) == "bad_account"


@pytest.mark.parametrize("cell", ["99MM24011M00000001", "12E5", "VA-0001", 1, "0071000123456"])
def test_letters_and_digits_make_an_account(cell: Cell) -> None:
    assert read_account(cell) == str(cell).replace("-", "")


@pytest.mark.parametrize("cell", [None, "", "  ", "-", "…", "\u200b", "\n"])
@pytest.mark.parametrize("column", list(READERS))
def test_an_empty_cell_says_nothing(column: str, cell: Cell) -> None:
    assert READERS[column](cell) == ("trading" if column == "status" else None)


@pytest.mark.parametrize("cell", [0, 0.0, "0", "không có", "Chưa có", "N/A", "null"])
def test_no_account_and_no_phone_may_be_said_in_words(cell: Cell) -> None:
    assert read_account(cell) is None
    assert read_phone(cell) is None


@quick
@given(st.sampled_from(list(READERS)), st.text() | st.floats() | st.integers() | st.booleans() | st.datetimes() | days)
def test_any_cell_is_read_or_refused(column: str, cell: Cell) -> None:
    assert show(cell).isprintable()
    try:
        READERS[column](cell)
    except BadCell as bad:
        assert bad.code.startswith("roll.")


@pytest.mark.parametrize("formula", ["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "=A1+B1"])
def test_a_failed_formula_is_refused_everywhere(formula: str) -> None:
    assert {fault(read, formula) for read in READERS.values()} == {"failed_formula"}


def test_the_longest_text_is_200_characters() -> None:
    assert read_text("ố" * 200) == "ố" * 200
    assert fault(read_text, "ố" * 201) == "too_long"


def test_a_day_is_excels_day() -> None:
    assert read_since(46_204) == date(2026, 7, 1) == serial_zero + timedelta(46_204)
