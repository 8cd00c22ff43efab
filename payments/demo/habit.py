"""How people pay at a stall: how often, at what time of the day, and how much."""

import math
from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from random import Random
from typing import NamedTuple

from payments.demo.board import board_of, median
from payments.demo.till import Till

# Monday to Sunday.
WEEKDAYS = (0.84, 0.84, 0.88, 0.94, 1.04, 1.30, 1.42)
# Relative numbers of payments from 0 to 23 o'clock.
_MORNING = (0, 0, 0, 0, 2, 9, 17, 20, 17, 13, 10, 7, 4, 2, 2, 4, 7, 8, 5, 2, 1, 0, 0, 0)
_EVENING = (0, 0, 0, 0, 0, 0, 1, 2, 2, 3, 6, 12, 11, 5, 3, 4, 8, 15, 21, 22, 17, 9, 3, 1)
_HOURS = {"market": tuple(accumulate(_MORNING)), "street": tuple(accumulate(_EVENING))}
_SPREAD = 0.75  # σ of the logarithm of an amount
_FADES_AFTER = 24  # days
_LEAST = 5_000
_MOST = 30_000_000


class Habit(NamedTuple):
    """`daily`: payments on an ordinary day once people know the code; `fades`: after some weeks hardly any more.
    `hours`: cumulative weights of the 24 hours of a day."""

    daily: float
    fades: bool
    median: int
    hours: Sequence[int]


def habit_of(till: Till, seed: str) -> Habit:
    """The same stall has the same habit, whichever of its codes hangs there."""
    random = Random(f"{seed}/{till.market}/{till.stall}")
    board = board_of(till.market)
    shares = board.habits
    usual = 1 - shares.dormant - shares.faded - shares.rare - shares.busy
    weights = [shares.dormant, shares.faded, shares.rare, usual, shares.busy]
    (kind,) = random.choices(range(5), weights)
    daily = (0.0, 1.5, 0.06, random.lognormvariate(0.9, 0.55), random.lognormvariate(2.5, 0.35))[kind]
    own_median = round(median(till.goods) * random.lognormvariate(0, 0.2))
    return Habit(daily, kind == 1, own_median, _HOURS[board.kind])


def expected(habit: Habit, till: Till, day: date) -> float:
    """Payments to be expected by this code on this day."""
    if not till.is_live_on(day):
        return 0.0
    age = (day - till.live_from).days
    known = min(1.0, 0.35 + 0.65 * age / 21)
    return habit.daily * WEEKDAYS[day.weekday()] * (known if not habit.fades or age < _FADES_AFTER else 0.02)


def draw_count(random: Random, mean: float) -> int:
    """Poisson: how many come when `mean` are expected (by Knuth's way, fit for means below some hundreds)."""
    if mean <= 0:
        return 0
    floor, product, count = math.exp(-mean), random.random(), 0
    while product > floor:
        product *= random.random()
        count += 1
    return count


def draw_amount(random: Random, habit: Habit) -> int:
    """In đồng, to the thousand, large ones to ten thousand: nobody pays 1.234.567 at a market."""
    amount = habit.median * math.exp(random.gauss(0, _SPREAD))
    step = 1_000 if amount < 300_000 else 10_000
    return max(_LEAST, min(_MOST, round(amount / step) * step))
