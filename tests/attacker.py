"""An attacker who has everything that is shown: what a linear programme can say of a hidden level.

It knows nothing of how the house decides what to hide, only the areas and periods there are and what was shown of
them. A market-day is the smallest thing of which anything is shown; a stall's takings on it are never below 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

Place = tuple[str, date]  # a market's day
Cell = frozenset[Place]
NEAR = 0.05  # a level known to within this part of itself is as good as known
EXACT = 1e-6


class Range(NamedTuple):
    low: float
    high: float

    def pins(self, level: int) -> bool:
        """Whether the level is known to within 5 %, below or above."""
        return self.low > (1 - NEAR) * level + EXACT or self.high < (1 + NEAR) * level - EXACT


class Attacker:
    """`shown`: the level of each area and period that is not hidden."""

    def __init__(self, shown: Mapping[Cell, int]) -> None:
        self._cells = [cell for cell in shown if cell]
        self._levels = [shown[cell] for cell in self._cells]

    def range(self, cell: Cell) -> Range:
        """How low and how high the level of a cell may be, given everything shown."""
        places = cell.union(*self._cells)
        # Places that are in the same cells are as one: only their sum can matter.
        alike = {tuple(place in each for each in (cell, *self._cells)) for place in places}
        aim, *rows = np.array(sorted(alike), dtype=float).T
        return Range(_least(aim, rows, self._levels), -_least(-aim, rows, self._levels))


def most(
    stall: str, cell: Cell, me: str, takings: Mapping[Place, Mapping[str, int]], shown: Mapping[Cell, int]
) -> float:
    """The most that a stall can have taken in a cell, as another one sees it, who knows what it took itself."""
    mine = {place: by[me] for place, by in takings.items() if me in by}
    left = {each: level - sum(mine.get(place, 0) for place in each) for each, level in shown.items() if each}
    others = [(place, who) for place, by in takings.items() for who in by if who != me]
    alike = {(place in cell and who == stall, *(place in each for each in left)) for place, who in others}
    aim, *rows = np.array(sorted(alike), dtype=float).T
    return -_least(-aim, rows, list(left.values()))


def _least(aim: np.ndarray, rows: Sequence[np.ndarray], levels: Iterable[int]) -> float:
    found = linprog(aim, A_eq=np.array(rows), b_eq=list(levels), bounds=(0, None), method="highs") if rows else None
    if found is None or found.status == 3:  # without bound
        return -np.inf if found is not None or (aim < 0).any() else 0.0
    assert found.status == 0, found.message
    return float(found.fun)
