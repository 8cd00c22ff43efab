"""What was counted of each lot, kept in memory until something changes that it rests on."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from payments import census, evidence, stamp
from payments.area import Span
from payments.census import Census
from payments.evidence import Evidence
from payments.lot import Lots
from payments.shelf import Shelf

WEIGHT_MAX = 250_000  # lots and the stalls that report in them: about 100 MB


class Count(NamedTuple):
    census: Census
    evidence: Evidence

    @property
    def weight(self) -> int:
        told = self.evidence
        return 1 + sum(len(each.reporters) for each in (told.values, told.purchases, told.observed))


Key = tuple[tuple[Span, ...], int]
SHELF: Shelf[Key, Count] = Shelf(lambda key: key[0], stamp.of_days, WEIGHT_MAX, lambda counted: counted.weight)


def count(connection: Connection, lots: Lots, k: int) -> list[Count]:
    """Census and evidence of each lot; `k`: the sales a stall in use has at least."""

    def read(keys: Sequence[Key]) -> dict[Key, Count]:
        asked = Lots([lot for lot, _ in keys], [])
        told = zip(census.take(connection, asked, k), evidence.read(connection, asked), strict=True)
        return {key: Count(*each) for key, each in zip(keys, told, strict=True)}

    keys = [(lot, k) for lot in lots.lots]
    found = SHELF.have(connection, keys, read) if keys else {}
    return [found[key] for key in keys]
