"""A trend in small: one indicator over thirteen months, as a line with gaps where a month is not shown."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from payments import target
from payments.figure import Figure
from payments.period import Period
from payments.series import Point
from portal import chart

MONTHS = 13
WIDTH, HEIGHT = 260, 84
TOP, FOOT, SIDE = 8, 18, 4


class Spot(NamedTuple):
    x: float
    y: float
    period: Period
    figure: Figure


class Gap(NamedTuple):
    """Months without a figure that follow each other, all for the same reason."""

    first: Period
    last: Period
    status: str
    x: float
    width: float
    middle: float


class Trend(NamedTuple):
    """`paths`: a line for each run of months that follow each other. `top`: what the upper edge stands for."""

    indicator: str
    paths: list[str]
    spots: list[Spot]
    gaps: list[Gap]
    latest: Spot
    top: float
    width: int = WIDTH
    height: int = HEIGHT
    foot: int = HEIGHT - FOOT


def draw(points: Sequence[Point]) -> list[Trend]:
    """One for each indicator that is shown in any of these months."""
    found = (_draw(name, [(each.period, each.figure(name)) for each in points]) for name in target.NAMES)
    return [each for each in found if each is not None]


def _draw(indicator: str, months: Sequence[tuple[Period, Figure]]) -> Trend | None:
    values = [figure.value for _, figure in months if figure.value is not None]
    if not values:
        return None
    slot = (WIDTH - 2 * SIDE) / len(months)
    low, top = _scale(indicator, values)
    y_of = _ruler(low, top)
    spots = [
        Spot(round(SIDE + slot * (index + 0.5), 1), y_of(figure.value), period, figure)
        for index, (period, figure) in enumerate(months)
        if figure.value is not None
    ]
    return Trend(indicator, _paths(spots, slot), spots, _gaps(months, slot), spots[-1], top)


def _scale(indicator: str, values: Sequence[float]) -> tuple[float, float]:
    """Shares from nothing to all, so that trends can be compared; levels up to a round number."""
    if indicator not in target.LEVELS:
        return 0.0, 1.0
    ticks = chart.scale([int(value) for value in values])
    return float(ticks[0]), float(ticks[-1]) or 1.0


def _ruler(low: float, top: float) -> Callable[[float], float]:
    return lambda value: round(HEIGHT - FOOT - (HEIGHT - FOOT - TOP) * (value - low) / (top - low), 1)


def _paths(spots: Sequence[Spot], slot: float) -> list[str]:
    paths: list[str] = []
    for number, spot in enumerate(spots):
        follows = number > 0 and spot.x - spots[number - 1].x < 1.5 * slot
        if follows:
            paths[-1] += f"L{spot.x} {spot.y}"
        else:
            paths.append(f"M{spot.x} {spot.y}")
    return paths


def _gaps(months: Sequence[tuple[Period, Figure]], slot: float) -> list[Gap]:
    found = []
    numbered = list(enumerate(months))
    for status, group in groupby(numbered, key=lambda each: each[1][1].status if each[1][1].value is None else ""):
        run = list(group)
        if status:
            x, width = SIDE + slot * run[0][0], slot * len(run)
            found.append(
                Gap(run[0][1][0], run[-1][1][0], status, round(x, 1), round(width, 1), round(x + width / 2, 1))
            )
    return found
