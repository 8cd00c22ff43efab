"""Suppression: which cells would tell what a single stall took, and are therefore not shown.

A cell is suppressed (primary) when fewer than 3 stalls contribute, or when what remains after the two largest is
under 10 % of the largest, so that the second could work the largest out (the p % rule, p = 10).
"""

from collections.abc import Iterable
from typing import NamedTuple

CONTRIBUTORS_MIN = 3
REST_PERCENT_MIN = 10


class Contribution(NamedTuple):
    """How a level came about: how many stalls contribute, and the two largest of them, in đồng."""

    stalls: int
    total: int
    largest: int
    second: int


def contribution(takings: Iterable[int]) -> Contribution:
    """From the stalls' net takings; a stall that took nothing contributes nothing."""
    counted = sorted((abs(value) for value in takings if value), reverse=True)
    largest, second = [*counted, 0, 0][:2]
    return Contribution(len(counted), sum(counted), largest, second)


def is_suppressed(cell: Contribution) -> bool:
    if cell.stalls < CONTRIBUTORS_MIN:
        return True
    return (cell.total - cell.largest - cell.second) * 100 < cell.largest * REST_PERCENT_MIN
