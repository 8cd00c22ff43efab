"""Takings day by day as the suppression has to know them, kept in memory until somebody adds to them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from payments import day_cell, stamp, suppression
from payments.area import Span
from payments.binding import month_end
from payments.bundle import Place
from payments.day_cell import MEASURES, DayCell, Key, Month
from payments.suppression import Contribution, Strength

MONTHS_MAX = 4000


@dataclass
class Shelf:
    """The months read from one database by this process, each with the stamp that it is true of."""

    months: dict[Key, tuple[int, Month]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)


_SHELVES: WeakKeyDictionary[Engine, Shelf] = WeakKeyDictionary()
_SHELVES_LOCK = Lock()


class Takings:
    """What one answer needs to know, up to and including the day `until`."""

    def __init__(self, connection: Connection, until: date) -> None:
        self._connection = connection
        self._until = until
        self._months: dict[Key, Month] = {}
        with _SHELVES_LOCK:
            self._shelf = _SHELVES.setdefault(connection.engine, Shelf())

    def read(self, keys: Iterable[Key]) -> None:
        """Have these markets' months at hand; those that are not yet are read at once."""
        wanted = {key: min(month_end(key[1]), self._until) for key in keys if key not in self._months}
        if not wanted:
            return
        before = self._topics(wanted)
        if before is None:  # what a transaction that writes sees may never have been
            self._months |= day_cell.read(self._connection, wanted)
            return
        with self._shelf.lock:
            self._months |= _known(self._shelf, wanted, before)
            if lacking := {key: through for key, through in wanted.items() if key not in self._months}:
                found = day_cell.read(self._connection, lacking)
                self._months |= found
                # Only what nobody changed while it was read is true of its stamp.
                after = self._topics(lacking) or Counter()
                _keep(
                    self._shelf,
                    {key: each for key, each in found.items() if _of(before, key) == _of(after, key)},
                    before,
                )

    def _topics(self, keys: Iterable[Key]) -> Counter[str] | None:
        return stamp.topics(self._connection, [_span(key) for key in keys])

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


def forget(connection: Connection) -> None:
    """Nothing is known of this database any more, as in a process that has just begun."""
    with _SHELVES_LOCK:
        _SHELVES.pop(connection.engine, None)


def _span(key: Key) -> Span:
    market_id, first = key
    return Span(market_id, first, month_end(first))


def _of(told: Counter[str], key: Key) -> int:
    """How often a market's month has changed; nothing of the registry tells what was taken."""
    return stamp.of_days(told, [_span(key)])[1]


def _known(shelf: Shelf, wanted: Mapping[Key, date], told: Counter[str]) -> dict[Key, Month]:
    found = {}
    for key, through in wanted.items():
        stamped, month = shelf.months.get(key, (None, None))
        if month is not None and stamped == _of(told, key) and month.through >= through:
            found[key] = month
    return found


def _keep(shelf: Shelf, months: Mapping[Key, Month], told: Counter[str]) -> None:
    if len(shelf.months) + len(months) > MONTHS_MAX:
        shelf.months.clear()
    shelf.months |= {key: (_of(told, key), month) for key, month in months.items()}
