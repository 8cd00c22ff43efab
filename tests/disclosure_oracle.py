"""What may be shown of takings from scratch: day by day and set by set, slow and literal.

Written from docs/suppression.md alone, as the fourth part of rates_oracle.py; it shares no line with the code it
judges.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

from tests.place_oracle import Place as Stands
from tests.share_oracle import Ledger

DAY = timedelta(days=1)
Place = tuple[str, date]  # a market's day
Took = Mapping[Place, Mapping[Any, int]]  # what each stall took there
MEASURES = ("value", "count", "gross", "confirmed", "sales", "purchases")


class Bundle(NamedTuple):
    places: frozenset[Place]
    known: bool


def measures(facts: Ledger) -> dict[str, dict[Place, dict[Any, int]]]:
    """By measure what each stall took on each day, in đồng and by number; of all sales only where somebody told."""
    found: dict[str, dict[Place, dict[Any, int]]] = {name: {} for name in MEASURES}
    for (market, stall, day), value in facts.value.items():
        found["value"].setdefault((market, day), {})[market, stall] = value
        found["count"].setdefault((market, day), {})[market, stall] = facts.number[market, stall, day]
        found["gross"].setdefault((market, day), {})[market, stall] = facts.gross[market, stall, day]
        found["confirmed"].setdefault((market, day), {})[market, stall] = facts.confirmed[market, stall, day]
    for market, stall, day in facts.reported:
        value, number = facts.value[market, stall, day], facts.number[market, stall, day]
        booked = facts.reports.get((market, stall, day, "booked"))
        declared = facts.reports.get((market, stall, day, "declared"))
        if booked and booked.amount < value:
            continue
        assert booked or declared
        sales = booked.amount if booked else value + (declared.amount if declared else 0)
        found["sales"].setdefault((market, day), {})[market, stall] = sales
        if booked and booked.count is not None:
            if booked.count >= number:
                found["purchases"].setdefault((market, day), {})[market, stall] = booked.count
        elif declared and declared.count is not None:
            found["purchases"].setdefault((market, day), {})[market, stall] = number + declared.count
    return found


class Hiding:
    """`where`: the ward and province of a market on a day, in units of that day. `until`: the last day that is over."""

    def __init__(self, took: Took, where: Callable[[str, date], Stands | None], until: date) -> None:
        self.took = {place: by for place, by in took.items() if any(by.values()) and place[1] <= until}
        self.where, self.until = where, until
        self.bundles = cache(self._bundles)

    def shows(self, cell: Iterable[Place]) -> bool:
        asked = set(cell)
        return all(
            not bundle.places & asked or (bundle.known and bundle.places <= asked)
            for first in {day.replace(day=1) for _, day in asked}
            for bundle in self.bundles(first)
        )

    def rest(self, places: Iterable[Place]) -> tuple[int, int, int]:
        """How many stalls, what the largest took, and what is left beside the two largest."""
        sums: Counter[Any] = Counter()
        for place in places:
            sums.update(self.took[place])
        # "Of days with more refunds than sales the amounts count without their sign."
        ordered = [*sorted((abs(value) for value in sums.values() if value), reverse=True), 0, 0]
        return sum(value > 0 for value in ordered), ordered[0], sum(ordered[2:])

    def at_least(self, percent: int, places: Iterable[Place]) -> bool:
        stalls, largest, rest = self.rest(places)
        return stalls >= 3 and 100 * rest >= percent * largest

    def needs_none(self, place: Place) -> bool:
        """Whether the day may stand alone: 21 %, or 10 % in a year in which no day of the market needs to be hidden."""
        if self.at_least(21, [place]) or not self.at_least(10, [place]):
            return self.at_least(21, [place])
        market, year = place[0], place[1].year
        weeks = {
            (date(year, 1, 1) + number * DAY).isocalendar()[:2]
            for number in range((date(year, 12, 31) - date(year, 1, 1)).days + 1)
        }
        return all(
            self.at_least(10, [other])
            for other in self.took
            if other[0] == market and (other[1].year == year or other[1].isocalendar()[:2] in weeks)
        )

    def _bundles(self, first: date) -> list[Bundle]:
        last = (first + 31 * DAY).replace(day=1) - DAY
        over = last <= self.until
        homes: dict[Any, list[Place]] = {}
        for place in sorted(self.took):
            if first <= place[1] <= last:
                stands = self.where(*place)
                if stands is not None:  # what somebody told of a day before the opening is in no area
                    homes.setdefault((stands.province, stands.ward, place[0]), []).append(place)
        found: list[Bundle] = []
        open_: dict[Any, list[Place]] = {}
        for home, places in homes.items():
            closed, left = self.tie(places, over)
            found += [Bundle(frozenset(each), True) for each in closed]
            if left and not over:
                found.append(Bundle(frozenset(left), False))
            elif left:
                open_[home] = left
        for province in {home[0] for home in open_}:
            found += self.close(
                {home: places for home, places in homes.items() if home[0] == province}, open_, list(found), last
            )
        return united(found)

    def tie(self, places: list[Place], over: bool) -> tuple[list[list[Place]], list[Place]]:
        """A day that can't stand alone waits for the next ones; from the 22nd on until the month is over."""
        closed: list[list[Place]] = []
        waiting: list[Place] = []
        for place in places:
            if waiting or not self.needs_none(place):
                waiting.append(place)
            if waiting and place[1].day <= 21 and self.at_least(21, waiting):
                closed.append(waiting)
                waiting = []
        if not waiting or not over:
            return closed, waiting
        # Back to as few of the days before as will do; what they are bound to comes along.
        for start in range(places.index(waiting[0]), -1, -1):
            if any(places[start] in each and places[start] != each[0] for each in closed):
                continue
            if self.at_least(21, places[start:]):
                return [each for each in closed if each[0] < places[start]] + [places[start:]], []
        return closed, waiting

    def close(
        self, homes: dict[Any, list[Place]], open_: dict[Any, list[Place]], found: list[Bundle], last: date
    ) -> list[Bundle]:
        """What is open in a province, ward by ward, then together."""
        units = []  # of the markets with nothing open: whether it is still unseen, the month's total, the latest day
        for home, places in homes.items():
            if home not in open_:
                unit = next((each.places for each in found if places[-1] in each.places), frozenset(places[-1:]))
                total = sum(abs(each) for place in places for each in self.took[place].values())
                units.append((max(day for _, day in unit) != last, total, home, unit))
        units.sort(key=lambda unit: unit[:2])
        done: list[Bundle] = []
        left: frozenset[Place] = frozenset()
        for ward in dict.fromkeys(home[1] for home in homes if home in open_):
            mine = frozenset(
                place for home, places in open_.items() if home in homes and home[1] == ward for place in places
            )
            bound = self.take_along(mine, [unit for unit in units if unit[2][1] == ward])
            if bound is None:
                left |= mine
            else:
                done.append(Bundle(bound, True))
        if left:
            free = [unit for unit in units if not any(unit[3] & each.places for each in done)]
            bound = self.take_along(left, free)
            done.append(Bundle(left, False) if bound is None else Bundle(bound, True))
        return done

    def take_along(self, left: frozenset[Place], units: list[Any]) -> frozenset[Place] | None:
        for number in range(len(units) + 1):
            bound = left.union(*(unit[3] for unit in units[:number]))
            if self.at_least(21, bound):
                return bound
        return None


def united(bundles: list[Bundle]) -> list[Bundle]:
    """Two that share a day are one."""
    for one in bundles:
        for other in bundles:
            if one is not other and one.places & other.places:
                rest = [each for each in bundles if each is not one and each is not other]
                return united([*rest, Bundle(one.places | other.places, one.known and other.known)])
    return bundles
