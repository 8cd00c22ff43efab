"""What was counted of each lot, kept in memory until something changes that it rests on."""

from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from payments import census, evidence, stamp
from payments.area import Span
from payments.census import Census
from payments.evidence import Evidence
from payments.lot import Lots

WEIGHT_MAX = 250_000  # lots and the stalls that report in them: about 100 MB


class Count(NamedTuple):
    census: Census
    evidence: Evidence

    @property
    def weight(self) -> int:
        told = self.evidence
        return 1 + sum(len(each.reporters) for each in (told.values, told.purchases, told.observed))


Lot = tuple[Span, ...]
Key = tuple[Lot, int]
Stamp = tuple[int, int]


@dataclass
class Shelf:
    """Counts of one database with the stamp each is true of, the longest unused first."""

    counts: dict[Key, tuple[Stamp, Count]] = field(default_factory=dict)
    weight: int = 0
    lock: Lock = field(default_factory=Lock)


_SHELVES: WeakKeyDictionary[Engine, Shelf] = WeakKeyDictionary()
_SHELVES_LOCK = Lock()


def count(connection: Connection, lots: Lots, k: int) -> list[Count]:
    """Census and evidence of each lot; `k`: the sales a stall in use has at least."""
    if not lots.lots:
        return []
    days = [span for lot in lots.lots for span in lot]
    before = stamp.topics(connection, days)
    if before is None:
        return list(_read(connection, lots.lots, k).values())
    shelf = _shelf(connection)
    found: dict[Lot, Count] = {}
    for lot in lots.lots:
        if known := _take(shelf, (lot, k), stamp.of_days(before, lot)):
            found[lot] = known
    if lacking := [lot for lot in lots.lots if lot not in found]:
        read = _read(connection, lacking, k)
        found |= read
        # Only what nobody changed while it was read is true of its stamp.
        after = stamp.topics(connection, days) or Counter()
        for lot, each in read.items():
            if stamp.of_days(before, lot) == stamp.of_days(after, lot):
                _put(shelf, (lot, k), stamp.of_days(after, lot), each)
    return [found[lot] for lot in lots.lots]


def forget(connection: Connection) -> None:
    """Nothing is known of this database any more, as in a process that has just begun."""
    with _SHELVES_LOCK:
        _SHELVES.pop(connection.engine, None)


def _shelf(connection: Connection) -> Shelf:
    with _SHELVES_LOCK:
        return _SHELVES.setdefault(connection.engine, Shelf())


def _read(connection: Connection, lots: list[Lot], k: int) -> dict[Lot, Count]:
    asked = Lots(lots, [])
    told = zip(census.take(connection, asked, k), evidence.read(connection, asked), strict=True)
    return {lot: Count(*each) for lot, each in zip(lots, told, strict=True)}


def _take(shelf: Shelf, key: Key, stamped: Stamp) -> Count | None:
    with shelf.lock:
        known = shelf.counts.pop(key, None)
        if known is None:
            return None
        if known[0] != stamped:
            shelf.weight -= known[1].weight
            return None
        shelf.counts[key] = known  # used last
        return known[1]


def _put(shelf: Shelf, key: Key, stamped: Stamp, counted: Count) -> None:
    with shelf.lock:
        known = shelf.counts.pop(key, None)
        shelf.weight += counted.weight - (known[1].weight if known else 0)
        shelf.counts[key] = stamped, counted
        while shelf.weight > WEIGHT_MAX:
            _, dropped = shelf.counts.pop(next(iter(shelf.counts)))
            shelf.weight -= dropped.weight
