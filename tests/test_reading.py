"""Amounts in words: by hand where people stumble, and every amount read back by a reader of its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ground import reading

AMOUNTS = st.one_of(
    st.integers(0, 999_999_999_999),
    st.integers(0, 999_999).map(lambda number: number * 1000),
    # groups that are empty, round or odd beside each other
    st.lists(
        st.sampled_from((0, 1, 4, 5, 10, 15, 21, 24, 100, 101, 105, 110, 115, 555, 999)), min_size=4, max_size=4
    ).map(lambda groups: sum(group * 1000**power for power, group in enumerate(groups))),
)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "không"),
        (4, "bốn"),
        (5, "năm"),
        (10, "mười"),
        (11, "mười một"),
        (14, "mười bốn"),
        (15, "mười lăm"),
        (20, "hai mươi"),
        (21, "hai mươi mốt"),
        (24, "hai mươi tư"),
        (25, "hai mươi lăm"),
        (55, "năm mươi lăm"),
        (100, "một trăm"),
        (101, "một trăm lẻ một"),
        (105, "một trăm lẻ năm"),
        (110, "một trăm mười"),
        (111, "một trăm mười một"),
        (115, "một trăm mười lăm"),
        (121, "một trăm hai mươi mốt"),
        (200, "hai trăm"),
        (1_000, "một nghìn"),
        (1_005, "một nghìn không trăm lẻ năm"),
        (1_015, "một nghìn không trăm mười lăm"),
        (15_000, "mười lăm nghìn"),
        (21_500, "hai mươi mốt nghìn năm trăm"),
        (200_000, "hai trăm nghìn"),
        (1_000_000, "một triệu"),
        (1_000_001, "một triệu không trăm lẻ một"),
        (1_050_000, "một triệu không trăm năm mươi nghìn"),
        (2_105_004, "hai triệu một trăm lẻ năm nghìn không trăm lẻ bốn"),
        (1_000_000_000, "một tỷ"),
        (1_000_021_000, "một tỷ không trăm hai mươi mốt nghìn"),
        (
            999_999_999_999,
            "chín trăm chín mươi chín tỷ chín trăm chín mươi chín triệu chín trăm chín mươi chín nghìn "
            "chín trăm chín mươi chín",
        ),
    ],
)
def test_vietnamese_is_said_as_one_says_it(amount: int, said: str) -> None:
    assert reading.read_out(amount) == f"{said} đồng"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (21, "twenty-one"),
        (80, "eighty"),
        (101, "one hundred one"),
        (1_000_015, "one million fifteen"),
        (12_345_678, "twelve million three hundred forty-five thousand six hundred seventy-eight"),
        (2_000_000_000, "two billion"),
    ],
)
def test_english_is_said_as_one_says_it(amount: int, said: str) -> None:
    assert reading.read_out(amount, "en") == f"{said} dong"


def test_every_group_of_digits_reads_back_in_every_place() -> None:
    for group in range(1000):
        for power in range(4):
            for beside in {0, 7 if power else 0, 10**9 if power < 3 else 0}:
                amount = group * 1000**power + beside
                assert hear(reading.read_out(amount)) == amount
                assert hear_english(reading.read_out(amount, "en")) == amount


def test_every_amount_below_a_hundred_thousand_reads_back() -> None:
    assert [amount for amount in range(100_000) if hear(reading.read_out(amount)) != amount] == []


@given(AMOUNTS)
@settings(max_examples=1500, deadline=None)
def test_every_amount_reads_back(amount: int) -> None:
    assert hear(reading.read_out(amount)) == amount
    assert hear_english(reading.read_out(amount, "en")) == amount


@given(AMOUNTS, AMOUNTS)
@settings(max_examples=300, deadline=None)
def test_no_two_amounts_sound_alike(one: int, other: int) -> None:
    assert (reading.read_out(one) == reading.read_out(other)) == (one == other)


@pytest.mark.parametrize("wrong", [-1, 10**12, 1.5, True + 0.0])
def test_what_is_no_amount_is_not_read(wrong: int) -> None:
    with pytest.raises(AssertionError):
        reading.read_out(wrong)


# --- a listener who knows the language, and nothing of how the words were made

DIGITS = dict(zip(("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"), range(10), strict=True))


def hear(said: str) -> int:
    """Digits wait until the word that says what they count."""
    total = group = 0
    waiting: int | None = None
    after = ""
    for word in said.split():
        match word:
            case "đồng" | "tỷ" | "triệu" | "nghìn":
                group += waiting or 0
                total += group * {"đồng": 1, "nghìn": 10**3, "triệu": 10**6, "tỷ": 10**9}[word]
                group, waiting = 0, None
            case "trăm":
                assert waiting is not None
                group, waiting = waiting * 100, None
            case "mươi":
                assert waiting is not None and waiting > 1
                group, waiting = group + waiting * 10, None
            case "mười":
                assert waiting is None
                group += 10
            case "lẻ":
                assert after == "trăm"
            case "mốt" | "tư":
                assert after == "mươi"
                group += 1 if word == "mốt" else 4
            case "lăm":
                assert after in ("mươi", "mười")
                group += 5
            case _:
                assert waiting is None and not (after == "mươi" and word in ("một", "bốn", "năm"))
                assert not (after == "mười" and word == "năm")
                waiting = DIGITS[word]
        after = word
    assert after == "đồng"
    return total


ONES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ENGLISH = {word: n for n, word in enumerate((*ONES, *TEENS))} | {word: n * 10 for n, word in enumerate(TENS, 2)}


def hear_english(said: str) -> int:
    total = group = 0
    for word in said.removesuffix(" dong").replace("-", " ").split():
        if word in ("thousand", "million", "billion"):
            total += group * {"thousand": 10**3, "million": 10**6, "billion": 10**9}[word]
            group = 0
        elif word == "hundred":
            group *= 100
        else:
            group += ENGLISH[word]
    return total + group
