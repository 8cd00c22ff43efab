"""Pairing: which notices and lines of one island belong together, and where that can't be told.

An island is a handful of notices and lines of one account and amount that a rule holds possible for each other. Its
pairs are as many as possible, and of those the ones with the smallest total difference in time; of equal ones the
earlier facts are paired and the later left over. Where another choice of as many pairs would leave over something
of another stall or day, there is no telling: a wrong pair is worse than none.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy  # reads its parts when they are first used: most commands need none of them
from numpy.typing import NDArray

ALIKE_MAX = 4_000_000
MIXED_MAX = 250_000
"""Beyond as many possible pairs an island of one kind, or of several, is not solved: nobody could tell 500 alike
payments of several stalls apart either."""
_FAR = 48 * 3600  # seconds to a line without a time: as far from each notice
_NEVER = 1 << 40  # longer than any sum of differences in an island


class Fact(NamedTuple):
    """A notice or a line. at: seconds since 1970, None where only the day is known; facts come in order of time.

    kind: what is left over if it stays alone, as (stall or None, day). decided: a person has said whose it is.
    """

    id: int
    at: int | None
    kind: tuple[Any, ...]
    marks: Any = None
    decided: bool = False


class Paired(NamedTuple):
    """pairs: places in `notices` and `lines`. Of the places in the ties nothing can be told."""

    pairs: list[tuple[int, int]]
    tied_notices: set[int]
    tied_lines: set[int]


Allowed = Callable[[Fact, Fact], bool]


def pair(notices: Sequence[Fact], lines: Sequence[Fact], allowed: Allowed, *, uniform: bool) -> Paired:
    """`uniform`: every notice and line of the island may be paired as far as the times are concerned, and they are
    all of one kind, so that no choice matters but the times'."""
    if len(notices) * len(lines) > (ALIKE_MAX if uniform else MIXED_MAX):
        return Paired([], set(range(len(notices))), {place for place, line in enumerate(lines) if not line.decided})
    possible = np.array([[allowed(one, other) for other in lines] for one in notices], dtype=bool)
    costs = _costs(notices, lines)
    if uniform:
        return Paired(_in_order(np.where(possible, costs, _NEVER)), set(), set())
    found = Paired([], set(), set())
    for doubtful, layer in _layers(notices, lines, possible):
        free = layer.copy()
        free[[*found.tied_notices, *(notice for notice, _ in found.pairs)], :] = False
        free[:, [line for _, line in found.pairs]] = False
        pairs = _cheapest(np.where(free, costs, _NEVER))
        if doubtful:
            tied_notices, tied_lines = _ties(notices, lines, free, pairs)
            pairs = [each for each in pairs if each[0] not in tied_notices and each[1] not in tied_lines]
            found = found._replace(tied_notices=tied_notices, tied_lines=tied_lines)
        found.pairs.extend(pairs)
    return found


def _layers(
    notices: Sequence[Fact], lines: Sequence[Fact], possible: NDArray[np.bool_]
) -> list[tuple[bool, NDArray[np.bool_]]]:
    """What is paired before what. A line that a person gave to a stall is a notice of that stall first; then come the
    lines that nobody decided, with the doubts about them; and what the decided ones could be besides comes last."""
    decided = np.array([line.decided for line in lines], dtype=bool)
    if not decided.any():
        return [(True, possible)]
    theirs = np.array([[one.kind[0] == other.kind[0] for other in lines] for one in notices], dtype=bool)
    return [
        (False, possible & decided & theirs),
        (True, possible & ~decided),
        (False, possible & decided & ~theirs),
    ]


def _costs(notices: Sequence[Fact], lines: Sequence[Fact]) -> NDArray[np.int64]:
    """Seconds between them."""
    ours, theirs = (np.array([-1 if each.at is None else each.at for each in side]) for side in (notices, lines))
    costs = np.abs(np.subtract.outer(ours, theirs))
    costs[ours < 0, :] = _FAR
    costs[:, theirs < 0] = _FAR
    found: NDArray[np.int64] = costs.astype(np.int64)
    return found


def _in_order(costs: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Pairs that never cross, which is the cheapest where only the times count. Leaving a notice alone costs
    more than any pair, leaving a line alone nothing; with more notices than lines the other way round."""
    turned = costs.shape[0] > costs.shape[1]
    table = costs.T if turned else costs
    few, many = table.shape
    best = np.zeros((few + 1, many + 1), dtype=np.int64)
    best[:, 0] = np.arange(few + 1) * _NEVER
    for row in range(1, few + 1):
        step = np.minimum(best[row - 1, 1:] + _NEVER, best[row - 1, :-1] + table[row - 1])
        best[row] = np.minimum.accumulate(np.concatenate(([best[row, 0]], step)))
    pairs = []
    row, column = few, many
    while row and column:
        if best[row, column] == best[row, column - 1]:
            column -= 1  # the later one is left over
        elif best[row, column] == best[row - 1, column - 1] + table[row - 1, column - 1]:
            row, column = row - 1, column - 1
            if table[row, column] < _NEVER:
                pairs.append((column, row) if turned else (row, column))
        else:
            row -= 1
    return pairs[::-1]


def _cheapest(costs: NDArray[np.int64]) -> list[tuple[int, int]]:
    """As many pairs as possible, the cheapest of those, the earlier facts first where it is all the same."""
    few, many = costs.shape
    earlier = np.add.outer(np.arange(few), np.arange(many))
    scale = (few + many) ** 2 + 1
    never = costs >= _NEVER
    # Whole numbers below 2⁵³, so exact in float64.
    weights = np.where(never, float(scale) * 2 * _FAR * max(few, many), costs * float(scale) + earlier)
    rows, columns = scipy.optimize.linear_sum_assignment(weights)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if not never[r, c]]


def _ties(
    notices: Sequence[Fact], lines: Sequence[Fact], possible: NDArray[np.bool_], pairs: Sequence[tuple[int, int]]
) -> tuple[set[int], set[int]]:
    """Where what is left over could be of another kind: all that takes part in the choice."""
    to_line = dict(pairs)
    to_notice = {line: notice for notice, line in pairs}
    tied_notices: set[int] = set()
    tied_lines: set[int] = set()
    for reached, through in _choices(set(range(len(notices))) - set(to_line), possible, to_notice):
        if len({notices[each].kind for each in reached}) > 1:
            tied_notices |= reached
            tied_lines |= through
    for reached, through in _choices(set(range(len(lines))) - set(to_notice), possible.T, to_line):
        if len({lines[each].kind for each in reached}) > 1:
            tied_lines |= reached
            tied_notices |= through
    return tied_notices, tied_lines


def _choices(alone: set[int], possible: NDArray[np.bool_], partner: dict[int, int]) -> list[tuple[set[int], set[int]]]:
    """Of one side, which could be left alone instead of each other, and whom they share: the same sets whichever
    of them the times left alone."""
    found: list[tuple[set[int], set[int]]] = []
    for each in alone:
        reached, through = _reach(each, possible, partner)
        apart = []
        for others, shared in found:
            if shared.isdisjoint(through):
                apart.append((others, shared))
            else:
                reached, through = reached | others, through | shared
        found = [*apart, (reached, through)]
    return found


def _reach(alone: int, possible: NDArray[np.bool_], partner: dict[int, int]) -> tuple[set[int], set[int]]:
    """From one left alone, all of its side that could be left alone in its place, and whom they could be paired with.

    The other side's are all paired, or there would be one more pair.
    """
    reached, through, ahead = {alone}, set[int](), [alone]
    while ahead:
        for other in np.flatnonzero(possible[ahead.pop()]).tolist():
            if other not in through:
                through.add(other)
                following = partner[other]
                if following not in reached:
                    reached.add(following)
                    ahead.append(following)
    return reached, through
