"""What seals keep: what a sealed revision did not show, or only together, no later answer shows either.

What it did show is known, too: it may be all of a later bundle but for a small rest, which the bundle's sum would tell.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from payments.area import Area, Span
from payments.bundle import Bundle

Kept = Mapping[str, Sequence[Bundle]]
"""By measure what was shown only together, or not at all."""
Shown = dict[int, list[tuple[int, date, date]]]
"""By market, which days belong to which shown area; areas are told apart by numbers."""

SEALS_MAX = 5000  # kept in memory
_SEALS = text("SELECT digest FROM seal WHERE first <= :last AND last >= :first AND (kept <> '{}' OR shown <> '[]')")
_READ = text("SELECT digest, kept, shown FROM seal WHERE digest = ANY(:digests)")
_CELLS = text("SELECT DISTINCT unnest(hidden) FROM seal WHERE hidden <> '{}' AND period = :period")


class Remembered(NamedTuple):
    """What one seal keeps, and which measures it shows of which market-days."""

    bundles: dict[str, list[Bundle]]
    shown: list[tuple[tuple[str, ...], tuple[Span, ...]]]


_REMEMBERED: dict[bytes, Remembered] = {}
"""By digest: a seal never changes."""


def bundles(session: Session, first: date, last: date) -> dict[str, list[Bundle]]:
    """Of every seal of any of these days; areas share days, so what one of them keeps all do."""
    found: dict[str, dict[Bundle, None]] = {}
    for seal in _remember(session, first, last):
        for measure, several in seal.bundles.items():
            found.setdefault(measure, {}).update(dict.fromkeys(several))
    return {measure: list(several) for measure, several in found.items()}


def shown(session: Session, first: date, last: date) -> dict[str, Shown]:
    """By measure, the areas of which any seal of these days shows it."""
    areas: dict[str, dict[tuple[Span, ...], None]] = {}
    for seal in _remember(session, first, last):
        for measures, spans in seal.shown:
            for measure in measures:
                areas.setdefault(measure, {})[spans] = None
    found: dict[str, Shown] = {measure: {} for measure in areas}
    for measure, several in areas.items():
        for number, spans in enumerate(several):
            for span in spans:
                found[measure].setdefault(span.market_id, []).append((number, span.first, span.last))
    return found


def _remember(session: Session, first: date, last: date) -> list[Remembered]:
    digests = [bytes(each) for each in session.execute(_SEALS, {"first": first, "last": last}).scalars()]
    known = {each: _REMEMBERED.get(each) for each in digests}
    lacking = [each for each in digests if known[each] is None]
    if lacking:
        if len(_REMEMBERED) + len(lacking) > SEALS_MAX:
            _REMEMBERED.clear()
        for digest, kept, shown_ in session.execute(_READ, {"digests": lacking}):
            known[bytes(digest)] = _REMEMBERED[bytes(digest)] = Remembered(
                {measure: [_read(each) for each in several] for measure, several in kept.items()},
                [(tuple(measures), tuple(_span(*each) for each in spans)) for measures, spans in shown_],
            )
    return [each for each in known.values() if each is not None]


def _span(market_id: int, first: str, last: str) -> Span:
    return Span(market_id, date.fromisoformat(first), date.fromisoformat(last))


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
