"""What seals keep: what a sealed revision did not show, or only together, no later answer shows either.

What it did show is known, too: it may be all of a later bundle but for a small rest, which the bundle's sum would tell.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from payments.area import Area
from payments.bundle import Bundle

Kept = Mapping[str, Sequence[Bundle]]
"""By measure what was shown only together, or not at all."""
Shown = dict[int, list[tuple[int, date, date]]]
"""By market, which days belong to which shown area; areas are told apart by numbers."""

_BUNDLES = text("SELECT kept FROM seal WHERE kept <> '{}' AND first <= :last AND last >= :first")
_SHOWN = text("SELECT shown FROM seal WHERE shown <> '[]' AND first <= :last AND last >= :first")
_CELLS = text("SELECT DISTINCT unnest(hidden) FROM seal WHERE hidden <> '{}' AND period = :period")


def bundles(session: Session, first: date, last: date) -> dict[str, list[Bundle]]:
    """Of every seal of any of these days; areas share days, so what one of them keeps all do."""
    found: dict[str, dict[Bundle, None]] = {}
    for told in session.execute(_BUNDLES, {"first": first, "last": last}).scalars():
        for measure, several in told.items():
            found.setdefault(measure, {}).update(dict.fromkeys(map(_read, several)))
    return {measure: list(several) for measure, several in found.items()}


def shown(session: Session, first: date, last: date) -> dict[str, Shown]:
    """By measure, the areas of which any seal of these days shows it."""
    found: dict[str, Shown] = {}
    seals = session.execute(_SHOWN, {"first": first, "last": last}).scalars()
    for number, (measures, spans) in enumerate(area for told in seals for area in told):
        for measure in measures:
            of_markets = found.setdefault(measure, {})
            for market, begin, end in spans:
                span = (number, date.fromisoformat(begin), date.fromisoformat(end))
                of_markets.setdefault(market, []).append(span)
    return found


def cells(session: Session, period_text: str) -> frozenset[str]:
    """The cells of a period that a seal of it hid, as `cell` names them."""
    return frozenset(session.execute(_CELLS, {"period": period_text}).scalars())


def cell(area: Area, indicator: str) -> str:
    """A ward's code may stand for two units in turn."""
    return f"{area.key}{area.since or ''} {indicator}"


def dump(bundles: Mapping[str, Iterable[Bundle]]) -> dict[str, Any]:
    """As a seal keeps them; the same bundles always in the same order."""
    found = {}
    for measure, several in bundles.items():
        told = sorted(
            [sorted([market, day.isoformat()] for market, day in each.places), each.known] for each in several
        )
        if told:
            found[measure] = told
    return found


def _read(told: Sequence[Any]) -> Bundle:
    places, known = told
    return Bundle(frozenset((market, date.fromisoformat(day)) for market, day in places), known)
