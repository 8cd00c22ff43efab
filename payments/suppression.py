"""Suppression: which cells would tell what a single stall took, and are therefore not shown.

A cell is suppressed (primary) when fewer than 3 stalls contribute, or when what remains after the two largest is
under 10 % of the largest, so that the second could work the largest out (the p % rule, p = 10). What is shown beside
hidden cells has to keep further away from that edge: 21 %. `docs/suppression.md` proves that this is enough for every
hidden sum, whatever it is made of, to stay unknown by more than 5 % either way.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from heapq import nlargest
from typing import NamedTuple

CONTRIBUTORS_MIN = 3
REST_PERCENT_MIN = 10
REST_PERCENT_FIRM = 21


class Strength(IntEnum):
    """How well a cell covers the stalls behind it."""

    WEAK = 0
    """Primarily suppressed."""
    FAIR = 1
    """May be shown as long as no day of its market has to be hidden in the year."""
    FIRM = 2
    """May be shown beside anything."""


class Contribution(NamedTuple):
    """How a level came about, in its unit: how many stalls contribute, and the two largest of them."""

    stalls: int
    total: int
    largest: int
    second: int


def contribution(takings: Iterable[int]) -> Contribution:
    """From the stalls' net takings; a stall that took nothing contributes nothing."""
    counted = [abs(value) for value in takings if value]
    return Contribution(len(counted), sum(counted), *_two_largest(counted))


def pool(cells: Sequence[Contribution]) -> Contribution:
    """Of several cells that have no stall in common, as one."""
    largest = [each for cell in cells for each in (cell.largest, cell.second)]
    stalls, total = sum(cell.stalls for cell in cells), sum(cell.total for cell in cells)
    return Contribution(stalls, total, *_two_largest(largest))


def is_suppressed(cell: Contribution) -> bool:
    return strength(cell) is Strength.WEAK


def strength(cell: Contribution) -> Strength:
    rest = 100 * (cell.total - cell.largest - cell.second)
    if cell.stalls < CONTRIBUTORS_MIN or rest < cell.largest * REST_PERCENT_MIN:
        return Strength.WEAK
    return Strength.FAIR if rest < cell.largest * REST_PERCENT_FIRM else Strength.FIRM


def _two_largest(values: Iterable[int]) -> tuple[int, int]:
    first, second = nlargest(2, [*values, 0, 0])
    return first, second
