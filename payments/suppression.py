"""Suppression: which cells would tell what a single stall took, and are therefore not shown.

A cell is suppressed (primary) when fewer than 3 stalls contribute, or when what remains after the two largest is
under 10 % of the largest, so that the second could work the largest out (the p % rule, p = 10).
"""

from collections.abc import Iterable, Sequence
from heapq import nlargest
from typing import NamedTuple

CONTRIBUTORS_MIN = 3
REST_PERCENT_MIN = 10


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
    if cell.stalls < CONTRIBUTORS_MIN:
        return True
    return (cell.total - cell.largest - cell.second) * 100 < cell.largest * REST_PERCENT_MIN


def _two_largest(values: Iterable[int]) -> tuple[int, int]:
    first, second = nlargest(2, [*values, 0, 0])
    return first, second
