"""The charts' geometry: everything inside the frame, every day told once, few round ticks."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from payments.published_day import Day
from portal import chart
from portal.chart import NARROW, WIDE

FIRST = date(2026, 10, 1)
VALUES = st.one_of(st.none(), st.just(0), st.integers(-(10**9), 10**12))


def days_of(values: list[int | None]) -> list[Day]:
    return [Day(FIRST + timedelta(days=i), value, value and 1) for i, value in enumerate(values)]


@settings(max_examples=150, deadline=None)
@given(st.lists(VALUES, max_size=31), st.sampled_from([WIDE, NARROW]))
def test_every_day_is_a_bar_a_gap_or_empty_and_stays_in_the_frame(
    values: list[int | None], size: tuple[int, int]
) -> None:
    days = days_of(values)
    drawn = chart.draw(days, size)
    assert [bar.day for bar in drawn.bars] == [day for day in days if day.value]
    hidden = {gap.first + timedelta(days=i) for gap in drawn.gaps for i in range((gap.last - gap.first).days + 1)}
    assert hidden == {day.date for day in days if day.value is None}
    for bar in drawn.bars:
        assert drawn.left <= bar.x and bar.x + bar.width <= drawn.right
        assert drawn.top - 1 <= bar.y and bar.y + bar.height <= drawn.top + drawn.depth + 1
        assert bar.height >= 1
    for gap in drawn.gaps:
        assert drawn.left <= gap.x and gap.x + gap.width <= drawn.right + 0.2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-(10**12), 10**13), max_size=31))
def test_the_ticks_are_few_and_round_and_hold_every_value(values: list[int]) -> None:
    ticks = chart.scale(values)
    unit = chart.unit_of(ticks)
    assert 0 in ticks and len(ticks) <= chart.INTERVALS + 2
    assert all(ticks[0] <= value <= ticks[-1] for value in values)
    assert all(tick % unit == 0 for tick in ticks)
    assert len({after - before for before, after in pairwise(ticks)}) <= 1


def test_the_axis_reads_as_people_count_money() -> None:
    assert chart.scale([12_400_000, 15_300_000]) == [0, 5_000_000, 10_000_000, 15_000_000, 20_000_000]
    assert chart.unit_of([0, 5_000_000]) == 10**6
    assert chart.unit_of([0, 500_000, 1_000_000]) == 10**3
    assert chart.unit_of([0, 2_000_000_000]) == 10**9
    assert chart.scale([]) == chart.scale([0, 0]) == [0]
    assert chart.unit_of([0]) == 1


def test_refunds_over_sales_hang_below_zero() -> None:
    drawn = chart.draw(days_of([100_000, -50_000]), WIDE)
    sold, given_back = drawn.bars
    zero = next(tick.y for tick in drawn.ticks if tick.label == 0)
    assert sold.y + sold.height == zero == given_back.y
    assert round(sold.height / given_back.height) == 2


def test_days_nobody_tells_of_are_days_without_sales() -> None:
    told = [Day(FIRST + timedelta(days=1), None, None)]
    days = chart.fill(told, FIRST, FIRST + timedelta(days=2))
    assert days == [Day(FIRST, None, None), told[0], Day(FIRST + timedelta(days=2), None, None)]
    assert chart.fill([], FIRST, FIRST - timedelta(days=1)) == []


def test_neighbouring_hidden_days_are_one_gap() -> None:
    drawn = chart.draw(days_of([1, None, None, 1, None]), NARROW)
    assert [(gap.first.day, gap.last.day) for gap in drawn.gaps] == [(2, 3), (5, 5)]


def test_the_last_day_is_named_and_each_week_before_it() -> None:
    drawn = chart.draw(days_of([1] * 30), WIDE)
    assert [mark.date.day for mark in drawn.marks] == [2, 9, 16, 23, 30]


def test_a_meter_is_as_long_as_its_share() -> None:
    assert [chart.meter(share) for share in (-0.1, 0, 0.3673, 1, 1.2)] == [0, 0, 36.7, 100, 100]
