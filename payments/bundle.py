"""Bundles: market-days of which only the sum is shown, because one of them alone would tell of a single stall.

A day that may not be shown by itself is bound together with the days after it, until at least three stalls, and none
of them nearly alone, stand behind the sum. What is open when the month ends is bound to the days before it, then to
what is open in the same ward, then to the smallest other markets there, then the same in the province. Everything
shown, of any area and period, is a sum of whole bundles and of days that need none: so comparing figures with each
other tells nothing beyond the bundles' own sums. `docs/suppression.md` has the proof.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from payments.day_cell import DayCell
from payments.suppression import Contribution, Strength, strength

Place = tuple[int, date]  # a market, by its id, on a day
Cell = frozenset[Place]
HOLD_FROM = 22
"""From this day of the month on nothing is closed before the month ends, so that little is left open then."""


class Bundle(NamedTuple):
    """`known`: its sum may be shown. Otherwise nothing that holds any of it is."""

    places: Cell
    known: bool


class Tied(NamedTuple):
    """The days of one market in a month and ward: what is bound together, and what that leaves open."""

    bundles: tuple[frozenset[date], ...]
    left: frozenset[date]


class Stock(NamedTuple):
    """What a market brings along when the month's open days are closed together.

    `last`: the latest of its days with whatever they are bound to. It is shown only when the month is over, if it
    reaches to the month's last day.
    """

    left: Cell
    last: Cell
    lasts: bool
    total: int


def tie(
    days: Mapping[date, DayCell], bar: Strength, pool: Callable[[Sequence[date]], Contribution], *, over: bool
) -> Tied:
    """Bind the days of one market, earliest first; `days` are those on which anything was taken.

    What was bound, and so shown, on one day is never bound otherwise on a later one: `over`, whether the month has
    ended, changes only what was open before.
    """
    bundles: list[list[date]] = []
    held: list[date] = []
    for day in sorted(days):
        if held or days[day].strength < bar:
            held.append(day)
            if day.day < HOLD_FROM and _is_firm(pool(held)):
                bundles.append(held)
                held = []
    if held and over:
        bundles, held = _close(sorted(days), bundles, held, pool)
    return Tied(tuple(map(frozenset, bundles)), frozenset(held))


def _close(
    days: Sequence[date],
    bundles: list[list[date]],
    held: list[date],
    pool: Callable[[Sequence[date]], Contribution],
) -> tuple[list[list[date]], list[date]]:
    """At the month's end: bind what is held to the nearest days before it, as few as will do."""
    left = list(bundles)
    bound = held
    before = [day for day in days if day < held[0]]
    while not _is_firm(pool(bound)):
        if not before:
            return bundles, held
        unit = left.pop() if left and before[-1] in left[-1] else [before[-1]]
        bound = [*unit, *bound]
        before = [day for day in before if day < bound[0]]
    return [*left, bound], []


def last_of(tied: Tied, days: Iterable[date]) -> frozenset[date]:
    """The latest day with what it is bound to; nothing where something is open or nobody sold."""
    latest = max(days, default=None)
    if latest is None or tied.left:
        return frozenset()
    return next((bound for bound in tied.bundles if latest in bound), frozenset({latest}))


def gather(left: Cell, others: Iterable[Stock], pool: Callable[[Cell], Contribution]) -> Cell | None:
    """Bind what is left open to as few other markets as will do, the smallest first; None where all will not do.

    Markets whose last day has not been shown yet come before those whose has.
    """
    bound = left
    for other in sorted((each for each in others if each.last), key=lambda each: (not each.lasts, each.total)):
        if _is_firm(pool(bound)):
            return bound
        bound |= other.last
    return bound if _is_firm(pool(bound)) else None


def merge(bundles: Iterable[Bundle]) -> list[Bundle]:
    """Bundles that have a market-day in common as one; its sum may be shown if each of theirs may."""
    found: dict[int, Bundle] = {}
    at: dict[Place, int] = {}
    for number, (places, known) in enumerate(bundles):
        touched = [found.pop(each) for each in {at[place] for place in places if place in at}]
        merged = places.union(*(each.places for each in touched))
        found[number] = Bundle(merged, known and all(each.known for each in touched))
        at |= dict.fromkeys(merged, number)
    return list(found.values())


def _is_firm(cell: Contribution) -> bool:
    return strength(cell) is Strength.FIRM
