"""Takings day by day as the suppression has to know them, kept in memory until somebody adds to them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from payments import day_cell, stamp, suppression
from payments.area import Span
from payments.binding import month_end
from payments.bundle import Place
from payments.day_cell import MEASURES, DayCell, Key, Month
from payments.shelf import Shelf
from payments.suppression import Contribution, Strength

MONTHS_MAX = 4000
# Nothing of the registry tells what was taken.
SHELF: Shelf[Key, Month] = Shelf(
    lambda key: [Span(*key, month_end(key[1]))], lambda told, days: stamp.of_days(told, days)[1], MONTHS_MAX
)


class Takings:
    """What one answer needs to know, up to and including the day `until`."""

    def __init__(self, connection: Connection, until: date) -> None:
        self._connection = connection
        self._until = until
        self._months: dict[Key, Month] = {}

    def read(self, keys: Iterable[Key]) -> None:
        """Have these markets' months at hand; those that are not yet are read at once."""
        wanted = {key: min(month_end(key[1]), self._until) for key in keys if key not in self._months}
        if not wanted:
            return

        def read(lacking: Sequence[Key]) -> Mapping[Key, Month]:
            return day_cell.read(self._connection, {key: wanted[key] for key in lacking})

        with SHELF.lock:  # what one reads all the others find
            self._months |= SHELF.have(
                self._connection, list(wanted), read, lambda key, month: month.through >= wanted[key]
            )

    def days(self, measure: str, key: Key) -> Mapping[date, DayCell]:
        """The days of a month on which anything was taken."""
        return self._months[key].days[measure]

    def weakest(self, measure: str, key: Key) -> Strength:
        return self._months[key].weakest[measure]

    def pool(self, measure: str, places: Iterable[Place]) -> Contribution:
        """Who took how much in some market-days together."""
        sums: dict[int, int] = {}
        at = MEASURES.index(measure)
        for stall, row in self._rows(places):
            sums[stall] = sums.get(stall, 0) + row[at]
        return suppression.contribution(sums.values())

    def _rows(self, places: Iterable[Place]) -> Iterator[tuple[int, list[int]]]:
        for market_id, day in places:
            month = self._months[market_id, day.replace(day=1)]
            if day not in month.rows:
                month.rows[day] = day_cell.read_rows(self._connection, [(market_id, day, day)]).get(
                    (market_id, day), {}
                )
            yield from month.rows[day].items()
