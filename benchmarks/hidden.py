"""`python -m benchmarks.hidden`: which share of the levels is hidden, in a made-up ward of ten markets, and why."""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from random import Random

from payments import binding
from payments.area import Span
from payments.binding import Stretch
from payments.bundle import Place
from payments.day_cell import DayCell, Key
from payments.disclosure import Disclosure
from payments.suppression import Contribution, Strength, contribution, strength

# Connected stalls of each market: a ward as it may be, from the great covered market down to a street's row.
WARD = (500, 300, 200, 150, 100, 60, 40, 20, 10, 4)
FIRST, LAST = date(2026, 7, 1), date(2026, 9, 30)
DAY = timedelta(days=1)
SKEW = 1.0  # of what stalls take, lognormal
Took = dict[Place, dict[int, int]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--often", type=float, nargs="+", default=[0.2, 0.5, 0.8])
    chosen = options.parse_args()
    for often in chosen.often:
        found: dict[str, Counter[bool]] = {}
        for seed in range(chosen.seeds):
            _count(_draw(Random(seed), often), found)
        print(f"\na stall sells cashless on {often:.0%} of the days")
        for name, counts in found.items():
            print(
                f"  {name:<28}{counts[False]:>6} of {counts.total():>6} hidden  {counts[False] / counts.total():7.1%}"
            )


def _draw(chance: Random, often: float) -> Took:
    took: Took = {}
    for market, stalls in enumerate(WARD):
        sizes = [chance.lognormvariate(11, SKEW) for _ in range(stalls)]
        for number in range((LAST - FIRST).days + 1):
            place = market, FIRST + number * DAY
            by = {
                1000 * market + stall: round(size * chance.lognormvariate(0, 0.5))
                for stall, size in enumerate(sizes)
                if chance.random() < often
            }
            if by:
                took[place] = by
    return took


class Known:
    """What was drawn, as the binding asks for it."""

    def __init__(self, took: Took) -> None:
        self._took = took
        self._days: dict[Key, dict[date, DayCell]] = {}
        for (market, day), by in took.items():
            cell = DayCell(sum(by.values()), strength(contribution(by.values())))
            self._days.setdefault((market, day.replace(day=1)), {})[day] = cell

    def read(self, keys: Iterable[Key]) -> None:
        """Everything is known."""

    def days(self, measure: str, key: Key) -> Mapping[date, DayCell]:
        return self._days.get(key, {})

    def weakest(self, measure: str, key: Key) -> Strength:
        return min((cell.strength for cell in self.days(measure, key).values()), default=Strength.FIRM)

    def pool(self, measure: str, places: Iterable[Place]) -> Contribution:
        sums: Counter[int] = Counter()
        for place in places:
            sums.update(self._took[place])
        return contribution(sums.values())


def _count(took: Took, found: dict[str, Counter[bool]]) -> None:
    """Each level by the kind of its area and period, and whether it is shown."""
    months = [date(2026, month, 1) for month in (7, 8, 9)]
    groups = [
        [Stretch(market, month, binding.month_end(month), None, "79") for market in range(len(WARD))]
        for month in months
    ]
    disclosed = Disclosure(LAST, {"value": binding.bind("value", groups, Known(took), LAST)})
    days = [(FIRST + number * DAY,) * 2 for number in range((LAST - FIRST).days + 1)]
    periods = {
        "day": days,
        "week": [(day, day + 6 * DAY) for day, _ in days if day.weekday() == 0 and day + 6 * DAY <= LAST],
        "month": [(month, binding.month_end(month)) for month in months],
        "quarter": [(FIRST, LAST)],
    }
    areas = {
        "market of 100 to 500, ": [[market] for market, stalls in enumerate(WARD) if stalls >= 100],
        "market of 20 to 60, ": [[market] for market, stalls in enumerate(WARD) if 20 <= stalls < 100],
        "market of 4 and of 10, ": [[market] for market, stalls in enumerate(WARD) if stalls < 20],
        "ward, ": [list(range(len(WARD)))],
    }
    for area, each in areas.items():
        for period, spans in periods.items():
            shown = (
                disclosed.may_show("value", [Span(market, *span) for market in markets])
                for markets in each
                for span in spans
            )
            found.setdefault(area + period, Counter()).update(shown)


if __name__ == "__main__":
    main()
