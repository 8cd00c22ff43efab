"""A proportion of stalls from those inspected at a drawn sample: docs/indicators.md, "Proportions from a sample"."""

from collections.abc import Sequence
from typing import NamedTuple

from payments.estimate import effective, wilson

SPREAD_LEAST = 1e-15


class Inspected(NamedTuple):
    """A market's stalls, how many of them were inspected, and how many of these were found in order."""

    market: str
    size: int
    inspected: int
    genuine: int


class Proportion(NamedTuple):
    """`least` and `most` assume nothing of the stalls nobody inspected. `left_out`: markets with one inspection or
    none, where there are several; `n` and `genuine` are without them."""

    value: float
    low: float
    high: float
    least: float
    most: float
    n: int
    genuine: int
    left_out: tuple[str, ...]


def proportion(markets: Sequence[Inspected]) -> Proportion | None:
    """None where nothing is left to tell it from."""
    several = [each for each in sorted(markets) if each.size]
    kept = [each for each in several if each.inspected > 1] if len(several) > 1 else several
    n, genuine = sum(each.inspected for each in kept), sum(each.genuine for each in kept)
    if n == 0:
        return None
    everyone = sum(each.size for each in several)
    left_out = tuple(each.market for each in several if each not in kept)
    value, low, high = _of_one(*kept[0][1:]) if len(kept) == 1 else _of_several(kept)
    return Proportion(value, low, high, genuine / everyone, (genuine + everyone - n) / everyone, n, genuine, left_out)


def _of_one(N: int, n: int, a: int) -> tuple[float, float, float]:
    p = a / n
    return (p, p, p) if n == N else (p, *wilson(p, effective(n, N)))


def _of_several(markets: Sequence[Inspected]) -> tuple[float, float, float]:
    """Each market weighs as much as it has stalls. One inspected whole adds no doubt."""
    N = sum(each.size for each in markets)
    p = v = 0.0
    for each in markets:
        share, own = each.size / N, each.genuine / each.inspected
        p += share * own
        v += share**2 * (1 - each.inspected / each.size) * own * (1 - own) / (each.inspected - 1)
    sampled = [each for each in markets if each.inspected < each.size]
    p = min(p, 1.0)
    if not sampled:
        return p, p, p
    if v > SPREAD_LEAST:
        return p, *wilson(p, p * (1 - p) / v)
    return p, *wilson(p, sum(effective(each.inspected, each.size) for each in sampled))
