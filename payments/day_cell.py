"""A market's day as one cell: what was taken in all, and whether that covers the stalls behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from payments import suppression
from payments.evidence import REPORTED
from payments.suppression import Contribution, Strength, strength

RECEIPTS = {
    "value": "sales_value",
    "count": "sales_count",
    "gross": "sales_value + refunds_value",
    "confirmed": "confirmed_value",
}
REPORTS = {"sales": "sales", "purchases": "purchases"}
"""All sales, in đồng and by number, of the stalls that declared or booked any."""
MEASURES = (*RECEIPTS, *REPORTS)
FEW_ROWS = 600
"""Up to so many stall-days a month's stalls are read at once, if any of its days can't be judged without."""

Key = tuple[int, date]  # a market and the first day of a month
Rows = dict[int, list[int]]  # each stall's measures


class DayCell(NamedTuple):
    total: int
    strength: Strength


@dataclass
class Month:
    """Of one market, up to and including `through`: by measure, the days on which anything was taken.

    weakest: of those days. rows: the stalls of the days that somebody had to look at more closely.
    """

    through: date
    days: dict[str, dict[date, DayCell]] = field(default_factory=lambda: {measure: {} for measure in MEASURES})
    weakest: dict[str, Strength] = field(default_factory=dict)
    rows: dict[date, Rows] = field(default_factory=dict)


_SPAN = """span AS MATERIALIZED (
        SELECT market_id AS lot, * FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]),
            CAST(:lasts AS date[])) AS s(market_id, first, last)
    )"""


def _sums(columns: Mapping[str, str]) -> str:
    return ", ".join(
        f"count(*) FILTER (WHERE {column} <> 0), sum(abs({column}))::bigint, max(abs({column}))::bigint"
        for column in columns.values()
    )


_DAYS = (
    (
        RECEIPTS,
        text(f"""
            WITH {_SPAN}
            SELECT span.market_id, day.* FROM span CROSS JOIN LATERAL (
                SELECT business_date, {_sums(RECEIPTS)} FROM stall_day
                WHERE market_id = span.market_id AND business_date BETWEEN span.first AND span.last
                GROUP BY business_date) AS day
        """),
    ),
    (REPORTS, text(f"WITH {_SPAN}, {REPORTED} SELECT lot, business_date, {_sums(REPORTS)} FROM judged GROUP BY 1, 2")),
)
_ROWS = (
    text(f"""
        WITH {_SPAN}
        SELECT span.market_id, row.* FROM span CROSS JOIN LATERAL (
            SELECT business_date, stall_id, {", ".join(RECEIPTS.values())} FROM stall_day
            WHERE market_id = span.market_id AND business_date BETWEEN span.first AND span.last) AS row
    """),
    text(f"WITH {_SPAN}, {REPORTED} SELECT lot, business_date, stall_id, {', '.join(REPORTS.values())} FROM judged"),
)


def read(connection: Connection, wanted: Mapping[Key, date]) -> dict[Key, Month]:
    """Markets' months, each up to its day: by the days' sums alone where those suffice, else by their stalls."""
    months = {key: Month(through) for key, through in wanted.items()}
    spans = _columns([(market_id, first, through) for (market_id, first), through in wanted.items()])
    sold: dict[Key, int] = {}
    for measures, query in _DAYS:
        for market_id, day, *sums in connection.execute(query, spans):
            key = market_id, day.replace(day=1)
            sold[key] = sold.get(key, 0) + sums[0]
            for measure, at in zip(measures, range(0, len(sums), 3), strict=True):
                if sums[at]:
                    months[key].days[measure][day] = _judge(*sums[at : at + 3])
    _look_closer(connection, months, sold)
    for month in months.values():
        month.weakest = {
            measure: min((cell.strength for cell in days.values()), default=Strength.FIRM)
            for measure, days in month.days.items()
        }
    return months


def _judge(stalls: int, total: int, largest: int) -> DayCell:
    """No second is larger than the largest: what is firm with such a one needs no closer look."""
    return DayCell(total, strength(Contribution(stalls, total, largest, largest)))


def _look_closer(connection: Connection, months: Mapping[Key, Month], sold: Mapping[Key, int]) -> None:
    """Judge the days by their stalls that their sums leave in doubt."""
    doubtful = [
        (key, day, measure)
        for key, month in months.items()
        for measure, days in month.days.items()
        for day, cell in days.items()
        if cell.strength is not Strength.FIRM
    ]
    spans = {
        (key[0], key[1], months[key].through) if sold[key] <= FEW_ROWS else (key[0], day, day)
        for key, day, _ in doubtful
    }
    for (market_id, day), rows in read_rows(connection, list(spans)).items():
        months[market_id, day.replace(day=1)].rows[day] = rows
    for key, day, measure in doubtful:
        at = MEASURES.index(measure)
        took = suppression.contribution(row[at] for row in months[key].rows[day].values())
        months[key].days[measure][day] = DayCell(took.total, strength(took))


def read_rows(connection: Connection, spans: Sequence[tuple[int, date, date]]) -> dict[tuple[int, date], Rows]:
    """By market and day, what each stall took, in all measures."""
    found: dict[tuple[int, date], Rows] = {}
    for query, first in zip(_ROWS, (0, len(RECEIPTS)), strict=True):
        for market_id, day, stall_id, *measures in connection.execute(query, _columns(spans)) if spans else ():
            row = found.setdefault((market_id, day), {}).setdefault(stall_id, [0] * len(MEASURES))
            row[first : first + len(measures)] = [amount or 0 for amount in measures]
    return found


def _columns(spans: Sequence[tuple[int, date, date]]) -> dict[str, list[Any]]:
    markets, firsts, lasts = ([span[at] for span in spans] for at in range(3))
    return {"markets": markets, "firsts": firsts, "lasts": lasts}
