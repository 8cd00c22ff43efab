"""Takings day by day as the suppression has to know them, kept in memory until somebody adds to them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from time import monotonic
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, text

from payments import day_cell, suppression
from payments.binding import month_end
from payments.bundle import Place
from payments.day_cell import MEASURES, DayCell, Key, Month
from payments.suppression import Contribution, Strength

STALE_SECONDS = 600.0
MONTHS_MAX = 4000


class Mark(NamedTuple):
    """How far the journal and the cash reports were read, by their last ids. Whoever was writing then, and may still
    commit under a lower id, began before `own`: the snapshot's `xmax` is only the first number that had not ended. A
    transaction that had its own before has none to tell by."""

    entry: int
    report: int
    xmax: int
    own: int | None


@dataclass
class Shelf:
    """The months read from one database by this process.

    `seen` is the latest mark set, `mark` one below which nobody is writing any more.
    """

    months: dict[Key, Month] = field(default_factory=dict)
    mark: Mark | None = None
    seen: Mark | None = None
    match: int = 0
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
        with self._shelf.lock:
            if not self._months:
                self._shelf = _refresh(self._connection, self._shelf)
            lacking = {key: through for key, through in wanted.items() if not _has(self._shelf, key, through)}
            if lacking:
                self._shelf.months |= day_cell.read(self._connection, lacking)
            self._months |= {key: self._shelf.months[key] for key in wanted}

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


def _has(shelf: Shelf, key: Key, through: date) -> bool:
    month = shelf.months.get(key)
    return month is not None and month.through >= through and monotonic() - month.read_at < STALE_SECONDS


_NOW = text("""
    SELECT (SELECT coalesce(max(id), 0) FROM entry), (SELECT coalesce(max(id), 0) FROM cash_report),
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
        CASE WHEN pg_current_xact_id_if_assigned() IS NULL THEN pg_current_xact_id() END::text::bigint,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
        (SELECT coalesce(max(id), 0) FROM match)
""")
_CHANGED = text("""
    SELECT s.market_id, date_trunc('month', e.business_date)::date FROM (
        SELECT substr(credit, 7)::bigint AS stall_id, business_date FROM entry
        WHERE id > :entry AND credit LIKE 'stall:%' AND business_date <= :through
        UNION
        SELECT substr(debit, 7)::bigint, business_date FROM entry
        WHERE id > :entry AND debit LIKE 'stall:%' AND business_date <= :through) AS e
    JOIN stall s ON s.id = e.stall_id
    UNION
    SELECT market_id, date_trunc('month', business_date)::date FROM cash_report
    WHERE id > :report AND business_date <= :through
""")


def _refresh(connection: Connection, shelf: Shelf) -> Shelf:
    """Forget the months to which anything was added since they were read, and all of them after a reconciliation.

    A transaction that looks at an older state of the books than the shelf gets one of its own.
    """
    *ids, xmin, match = connection.execute(_NOW).one()
    now = Mark(*ids)
    if shelf.seen is not None and now.xmax < shelf.seen.xmax:
        return Shelf()
    if shelf.mark is None or match != shelf.match or len(shelf.months) > MONTHS_MAX:
        shelf.months.clear()
    elif shelf.months and now[:2] != shelf.mark[:2]:
        through = max(month.through for month in shelf.months.values())
        since = {"entry": shelf.mark.entry, "report": shelf.mark.report, "through": through}
        for market_id, first in connection.execute(_CHANGED, since):
            shelf.months.pop((market_id, first), None)
    shelf.match = match
    if now.own is None:
        return shelf
    if xmin == now.own:
        shelf.mark = shelf.seen = now
    elif shelf.seen is None:
        shelf.seen = now
    elif shelf.seen.own is not None and xmin >= shelf.seen.own:
        shelf.mark, shelf.seen = shelf.seen, now
    return shelf
