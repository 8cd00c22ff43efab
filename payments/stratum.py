"""A stratum: the stalls of one market and what some of them report, and how thin strata are merged."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Reporter(NamedTuple):
    """A stall that told of `reported` of its `days` trading days: y cashless, x all, both sums of the days told.

    `yy`, `xy`, `xx`: the days' squares and products about their means, for the spread of y − R·x over any R.
    """

    days: int
    reported: int
    y: int
    x: int
    yy: float = 0.0
    xy: float = 0.0
    xx: float = 0.0


class Stratum(NamedTuple):
    """`size` counts the market's stalls in the population, `ward` is where it stands on the last day."""

    market: str
    size: int
    reporters: tuple[Reporter, ...]
    ward: Hashable = None

    @property
    def is_complete(self) -> bool:
        return len(self.reporters) == self.size

    @property
    def is_thin(self) -> bool:
        """Too few to tell a spread from; where everybody reports there is none to tell."""
        return len(self.reporters) < 2 and not self.is_complete


class Merged(NamedTuple):
    """The strata that are left, and which markets' were merged into which."""

    strata: tuple[Stratum, ...]
    into: dict[str, str]


def merge(strata: Sequence[Stratum]) -> Merged | None:
    """docs/indicators.md, "The estimator": each thin stratum, in the order of market codes, goes into the one with most
    reporters of its ward, else of the area. None where a thin one is left and no stratum has two reporters."""
    left = {each.market: each for each in sorted(strata) if each.size}
    into: dict[str, str] = {}
    if any(each.is_thin for each in left.values()) and max(len(each.reporters) for each in left.values()) < 2:
        return None
    while thin := [market for market in left if left[market].is_thin]:
        for market in thin:
            if left[market].is_thin:
                gone = left.pop(market)
                target = _target(gone, left)
                left[target.market] = target._replace(
                    size=target.size + gone.size, reporters=target.reporters + gone.reporters
                )
                into[market] = target.market
    return Merged(tuple(left.values()), {market: _end(market, into) for market in into})


def _target(gone: Stratum, left: dict[str, Stratum]) -> Stratum:
    """Of equals the first by its code."""
    near = [each for each in left.values() if each.ward == gone.ward and gone.ward is not None]
    return max(near or left.values(), key=lambda each: len(each.reporters))


def _end(market: str, into: dict[str, str]) -> str:
    """Where a market's stalls stand in the end: what it was merged into may have been merged further."""
    while market in into:
        market = into[market]
    return market
