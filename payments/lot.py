"""A lot: the days of one market in an area. Areas read at once share the lots they have in common."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from payments.area import Span


class Lots(NamedTuple):
    """Each lot by its number, and for each area the numbers of its lots.

    A stall is in one market, so the stalls of an area's lots are never the same.
    """

    lots: list[tuple[Span, ...]]
    members: list[list[int]]

    def columns(self) -> dict[str, list[Any]]:
        """For SQL: a row for each span."""
        rows = [(number, *span) for number, lot in enumerate(self.lots) for span in lot]
        return {name: [row[at] for row in rows] for at, name in enumerate(("lots", "markets", "firsts", "lasts"))}


# What the queries over lots begin with.
SPANS = """span AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:lots AS int[]), CAST(:markets AS bigint[]), CAST(:firsts AS date[]),
            CAST(:lasts AS date[])) AS s(lot, market_id, first, last)
    )"""


def share_out(areas: Sequence[Sequence[Span]]) -> Lots:
    numbers: dict[tuple[Span, ...], int] = {}
    members = [[numbers.setdefault(lot, len(numbers)) for lot in _lots(spans)] for spans in areas]
    return Lots(list(numbers), members)


def _lots(spans: Iterable[Span]) -> Iterable[tuple[Span, ...]]:
    markets: dict[int, list[Span]] = {}
    for span in spans:
        markets.setdefault(span.market_id, []).append(span)
    return map(tuple, markets.values())
