"""Periods, against the calendar counted day by day."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground.refusal import Refusal
from payments.period import Period, parse

OCTOBER = Period("2026-10", date(2026, 10, 1), date(2026, 10, 31))


def names(day: date) -> list[str]:
    """Every period a day lies in, told from the day alone."""
    month, (iso_year, week, _) = day.month, day.isocalendar()
    quarter, half = f"{day.year}-Q{(month + 2) // 3}", f"{day.year}-H{1 if month <= 6 else 2}"
    found = [
        day.isoformat(),
        f"{iso_year}-W{week:02}",
        day.isoformat()[:7],
        quarter,
        half,
        f"{day.year:04}",
    ]
    return [*found, f"{day.year}-9M"] if month <= 9 else found


def counted() -> dict[str, list[date]]:
    """First day, last day of every period of 2000 to 2100, by walking through all days around them."""
    found: dict[str, list[date]] = defaultdict(list)
    day = date(1999, 12, 1)
    while day < date(2101, 2, 1):
        for name in names(day):
            if "2000" <= name[:4] <= "2100":
                found[name] = [found[name][0] if found[name] else day, day]
        day += timedelta(days=1)
    return found


COUNTED = counted()


def test_every_period_of_2000_to_2100_has_the_days_the_calendar_gives_it():
    for text, (first, last) in COUNTED.items():
        assert parse(text) == Period(text, first, last)


def test_the_number_of_days_is_that_of_the_calendar():
    assert [parse(text).days for text in ("2026-10-05", "2026-W46", "2026-02", "2024-02")] == [1, 7, 28, 29]
    assert [parse(text).days for text in ("2026-Q1", "2026-H1", "2026-9M", "2026", "2024")] == [
        90,
        181,
        273,
        365,
        366,
    ]


def refused(text: str) -> bool:
    with pytest.raises(Refusal) as refusal:
        parse(text)
    return (refusal.value.code, refusal.value.status) == ("period.unknown", 422)


def test_numbers_that_the_calendar_does_not_know_are_refused():
    for year in range(2000, 2101):
        texts = [f"{year}-{month:02}" for month in range(100)]
        texts += [f"{year}-W{week:02}" for week in range(100)]
        texts += [f"{year}-{month:02}-{day:02}" for month in (0, 2, 4, 12, 13) for day in range(33)]
        texts += [f"{year}-{letter}{digit}" for letter in "QHM" for digit in range(10)]
        for text in texts:
            assert text in COUNTED or refused(text)


NO_PERIOD = [
    "2026-13",
    "2026-Q5",
    "2026-Q0",
    "2026-H3",
    "2026-02-30",
    "2025-02-29",
    "2026-6M",
    "2026-9m",
    "2026-w46",
    "2026-W54",
    "2026-W00",
    "2025-W53",
    "2026-W1",
    "2026-1",
    "2026-10-5",
    "2026-280",
    "26-10",
    "1999",
    "2101",
    "1999-12-31",
    "2101-W01",
    "0000",
    "9999",
    "-2026",
    "+2026",
    "20260",
    "2026-",
    "２０２６",
    "2026-１０",
    "٢٠٢٦",
    "2026-Ｑ3",
    "2026-10-05T00:00",
    "2026/10",
    "10/2026",
    "05/10/2026",
    "2026–10",
    "2026-Q3-1",
    "2026-W46-1",
]


@pytest.mark.parametrize(
    "text", [*NO_PERIOD, "", " ", " 2026", "2026 ", "2026-10\n", "2026 -10", "quý 3", "2026\x00", "x" * 999]
)
def test_what_is_no_period_is_refused_with_the_forms_that_are(text: str):
    with pytest.raises(Refusal) as refusal:
        parse(text)
    assert (refusal.value.code, refusal.value.status) == ("period.unknown", 422)
    for language in ("vi", "en"):
        sentence = refusal.value.message(language)
        assert len(sentence) < 400
        for form in ("2026-10-05", "2026-W46", "2026-10", "2026-Q3", "2026-H1", "2026-9M", "2026"):
            assert f"({form})" in sentence


@given(st.text(alphabet="0123456789-WQHM ", max_size=11))
def test_only_the_written_forms_are_taken(text: str):
    assert text in COUNTED or refused(text)


def test_the_day_ends_at_midnight_in_viet_nam():
    last_second = datetime(2026, 10, 31, 16, 59, 59, tzinfo=UTC)
    assert not OCTOBER.complete(last_second)
    assert OCTOBER.complete(last_second + timedelta(seconds=1))
    assert OCTOBER.counted_until(last_second) == date(2026, 10, 31)


def test_a_period_that_has_not_ended_counts_up_to_the_day_it_is():
    assert OCTOBER.counted_until(datetime(2026, 10, 5, 16, 0, tzinfo=UTC)) == date(2026, 10, 5)
    assert OCTOBER.counted_until(datetime(2026, 10, 5, 17, 0, tzinfo=UTC)) == date(2026, 10, 6)
    assert OCTOBER.counted_until(datetime(2027, 3, 1, tzinfo=UTC)) == date(2026, 10, 31)


def test_a_period_not_begun_is_refused():
    begins = datetime(2026, 9, 30, 17, 0, tzinfo=UTC)
    assert OCTOBER.counted_until(begins) == date(2026, 10, 1)
    with pytest.raises(Refusal) as refusal:
        OCTOBER.counted_until(begins - timedelta(seconds=1))
    assert (refusal.value.code, refusal.value.status) == ("period.not_begun", 422)
    assert "01/10/2026" in refusal.value.message("vi") and "2026-10-01" in refusal.value.message("en")
