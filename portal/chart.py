"""The geometry of the charts: days and shares in, plain numbers for an SVG out."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from payments.published_day import Day

DAYS = 30
WIDE, NARROW = (960, 300), (340, 250)
LEFT, RIGHT, TOP, FOOT = 44, 16, 34, 30
LABEL = 24  # from the foot up to the middle of a gap's label
UNITS = (10**9, 10**6, 10**3, 1)
INTERVALS = 4
BAR = 0.72  # of a day's slot


class Bar(NamedTuple):
    day: Day
    x: float
    y: float
    width: float
    height: float


class Gap(NamedTuple):
    """A run of suppressed days; `middle` is where its label stands."""

    first: date
    last: date
    x: float
    width: float
    middle: float


class Tick(NamedTuple):
    y: float
    label: int


class Mark(NamedTuple):
    x: float
    date: date


class Chart(NamedTuple):
    """`unit`: how many đồng 1 on a tick's label is. `depth`: from `top` to the foot. `label_y`: of the gaps' labels."""

    width: int
    height: int
    left: int
    right: int
    top: int
    depth: int
    label_y: int
    unit: int
    bars: list[Bar]
    gaps: list[Gap]
    ticks: list[Tick]
    marks: list[Mark]


def fill(days: Iterable[Day], first: date, last: date) -> list[Day]:
    """Every day from `first` to `last`; one that nobody told of is hidden like any with fewer than three sellers."""
    told = {day.date: day for day in days}
    dates = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return [told.get(date_, Day(date_, None, None)) for date_ in dates]


def draw(days: Sequence[Day], size: tuple[int, int]) -> Chart:
    """Bars for what was sold, gaps for what is suppressed, few round ticks. `days` follow each other."""
    width, height = size
    left, right, top, bottom = LEFT, width - RIGHT, TOP, height - FOOT
    values = scale([day.value for day in days if day.value is not None])
    slot = (right - left) / max(len(days), 1)
    span = values[-1] - values[0] or 1

    def y_of(value: int) -> float:
        return _round(bottom - (bottom - top) * (value - values[0]) / span)

    bars = [_bar(day, left + slot * index, slot, y_of) for index, day in enumerate(days) if day.value]
    unit = unit_of(values)
    return Chart(
        width, height, left, right, top, bottom - top, bottom - LABEL, unit, bars, _gaps(days, left, slot),
        [Tick(y_of(value), value // unit) for value in values],
        _marks(days, left, slot),
    )  # fmt: skip


def scale(values: Sequence[int]) -> list[int]:
    """Round values from at or below the lowest to at or above the highest, 0 among them; [0] when all are 0."""
    low, high = min(0, *values, 0), max(0, *values, 0)
    if low == high:
        return [0]
    step = _round_step(high - low)
    return list(range(low // step * step, -(-high // step) * step + 1, step))


def unit_of(values: Sequence[int]) -> int:
    """The largest of tỷ, triệu, nghìn and đồng in which every tick is a whole number."""
    return next(unit for unit in UNITS if (all(value % unit == 0 for value in values) and any(values)) or unit == 1)


def meter(share: float) -> float:
    """How much of a bar 100 wide a share fills."""
    return _round(100 * min(max(share, 0.0), 1.0))


def _round_step(span: int) -> int:
    """The smallest of 1, 2 and 5 times a power of ten that takes at most `INTERVALS` steps over the span."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if step * INTERVALS >= span:
                return step
        power *= 10


def _bar(day: Day, x: float, slot: float, y_of: Callable[[int], float]) -> Bar:
    assert day.value is not None
    zero, end = y_of(0), y_of(day.value)
    # What was sold must be seen, however little it is beside the best day.
    height = max(abs(zero - end), 1.0)
    margin = slot * (1 - BAR) / 2
    return Bar(
        day, _round(x + margin), _round(zero - height if day.value > 0 else zero), _round(slot * BAR), _round(height)
    )


def _gaps(days: Sequence[Day], left: float, slot: float) -> list[Gap]:
    found = []
    for hidden, group in groupby(enumerate(days), key=lambda numbered: numbered[1].value is None):
        run = list(group)
        if hidden:
            x, width = left + slot * run[0][0], slot * len(run)
            found.append(Gap(run[0][1].date, run[-1][1].date, _round(x), _round(width), _round(x + width / 2)))
    return found


def _marks(days: Sequence[Day], left: float, slot: float) -> list[Mark]:
    """A date for the last day and for each week before it."""
    last = len(days) - 1
    return [Mark(_round(left + slot * (index + 0.5)), days[index].date) for index in range(last % 7, last + 1, 7)]


def _round(number: float) -> float:
    return round(number, 1)
