"""Open data: everything that is published of a period, area by area, as rows whose columns the dictionary explains."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlmodel import Session, select

from ground import clock
from payments import area, disclosure, indicator, published
from payments.binding import DAY
from payments.figure import DEFINITIONS_VERSION, Figure
from payments.figure_words import IN_DONG, LEVELS
from payments.indicator import Rated
from payments.period import Period
from payments.revision import Seal


class Release(NamedTuple):
    """An area's figures as the public may see them; with its seal's number and digest where it is sealed."""

    rated: Rated
    as_of: datetime
    revision: int | None = None
    sha256: str | None = None
    definitions_version: int = DEFINITIONS_VERSION


class Edition(NamedTuple):
    """All that is published of a period: provinces, wards, markets, each in the order of their codes."""

    period: Period
    as_of: datetime
    releases: Sequence[Release]
    made_up: frozenset[int]  # the markets whose figures are the demo's


def publish(session: Session, asked: Period, *, as_of: datetime) -> Edition:
    """Every area's figures in one pass; those that are sealed are the seal's. Refuses a period not begun."""
    today = clock.business_date(as_of)
    drawn = area.draw(session, asked.first, asked.counted_until(as_of), "period", today)
    areas = area.every(drawn, asked)
    disclosed = disclosure.draw(session, areas, today - DAY, today)
    rated = indicator.rate_all(session, areas, asked, drawn, disclosed)
    sealed = set(session.exec(select(Seal.area).where(Seal.period == asked.text).distinct()))
    made_up = frozenset(found.key for found in drawn.markets if found.made_up)
    return Edition(asked, as_of, [_release(session, each, asked, sealed, as_of) for each in rated], made_up)


def _release(session: Session, live: Rated, asked: Period, sealed: set[str], as_of: datetime) -> Release:
    if live.area.key not in sealed:
        return Release(live, as_of)
    told = published.rates(session, live.area.key, asked.text, as_of=as_of)
    if told.whole.area.since != live.area.since:  # the code's other ward: over the reform one code may be two in turn
        return Release(live, as_of)
    return Release(told.whole, told.as_of, told.revision, told.sha256, told.definitions_version)


# The names of the API's fields, and the few that a table needs besides.
COLUMNS: dict[str, str] = {
    "area": "string",
    "level": "string",
    "name": "string",
    "valid_from": "date",
    "made_up": "boolean",
    "period": "string",
    "from": "date",
    "to": "date",
    "complete": "boolean",
    "takings_until": "date",
    "as_of": "dateTime",
    "revision": "integer",
    "sha256": "string",
    "definitions_version": "integer",
    "indicator": "string",
    "unit": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "numerator": "integer",
    "denominator": "integer",
    "n": "integer",
    "N": "integer",
    "coverage": "double",
    "k": "integer",
    "population": "string",
    "connected": "double",
    "least": "double",
    "most": "double",
    "sources": "string",
    "method": "string",
    "status": "string",
    "reason": "string",
}
KEY = ("area", "valid_from", "period", "indicator")


def rows(edition: Edition, language: str) -> Iterator[dict[str, Any]]:
    """A row for each area and indicator, by the columns' names; None where there is nothing."""
    asked = edition.period
    for each in edition.releases:
        found = each.rated.area
        common: dict[str, Any] = {
            "area": found.key,
            "level": found.key.partition(":")[0],
            "name": found.name,
            "valid_from": found.since,
            "made_up": any(span.market_id in edition.made_up for span in found.spans),
            "period": asked.text,
            "from": asked.first,
            "to": asked.last,
            "complete": asked.complete(each.as_of),
            "takings_until": each.rated.until,
            "as_of": clock.stamp(each.as_of),
            "revision": each.revision,
            "sha256": each.sha256,
            "definitions_version": each.definitions_version,
        }
        for figure in each.rated.figures:
            yield common | figure.shown() | {"unit": unit(figure), "reason": figure.because(language)}


def unit(figure: Figure) -> str:
    """What the value counts: a share of one, đồng, or transactions."""
    if figure.indicator not in LEVELS:
        return "share"
    return "dong" if figure.indicator in IN_DONG else "transactions"


def as_csv(edition: Edition, language: str) -> Iterator[str]:
    """The rows as RFC 4180 wants them, some at a time."""
    return write(COLUMNS, ([_cell(row.get(name)) for name in COLUMNS] for row in rows(edition, language)))


def write(names: Iterable[str], cells: Iterable[Sequence[str]], rows_at_once: int = 200) -> Iterator[str]:
    """A table as text, so many rows at once."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(list(names))
    for number, row in enumerate(cells, 1):
        writer.writerow(row)
        if number % rows_at_once == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(value)
    return value.isoformat() if isinstance(value, date) else str(value)
