"""Figures as a seal keeps them: to canonical JSON and back, and when two of them say the same."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import date
from math import isclose
from typing import Any

from payments.area import Area, Span
from payments.figure import Figure, Remark
from payments.indicator import Rated

# RFC 8785 writes 1.0 as 1: these are shares and come back as such.
_SHARES = ("value", "low", "high", "coverage", "connected", "least", "most")
_OF_LEVELS = ("value", "low", "high")
LEVELS = ("cashless_value", "cashless_count")
ESTIMATED = ("count_share", "value_share", "verified_acceptance")
TOLERANCE = 1e-9
"""Sums of fractions depend on the order they are added in, by a few of the last digits."""


def dump(rated: Rated, shown: Rated) -> dict[str, Any]:
    """An area's figures, as they are and as they may be shown."""
    area = rated.area
    return {
        "area": area.key,
        "name": area.name,
        "since": area.since and area.since.isoformat(),
        "until": rated.until.isoformat(),
        "spans": [[span.market_id, span.first.isoformat(), span.last.isoformat()] for span in area.spans],
        "figures": [_dump(each) for each in rated.figures],
        "shown": [_dump(each) for each in shown.figures],
    }


def load(told: dict[str, Any], *, suppressed: bool) -> Rated:
    figures = tuple(_load(each) for each in told["shown" if suppressed else "figures"])
    return Rated(load_area(told), figures, date.fromisoformat(told["until"]))


def load_area(told: dict[str, Any]) -> Area:
    spans = (
        Span(market_id, date.fromisoformat(first), date.fromisoformat(last)) for market_id, first, last in told["spans"]
    )
    since = told["since"]
    return Area(told["area"], told["name"], tuple(spans), since and date.fromisoformat(since))


def differing(was: Figure, now: Figure) -> list[str]:
    """The names of the fields in which two figures of one indicator differ."""
    names = (field.name for field in fields(Figure))
    return [name for name in names if not _alike(name, getattr(was, name), getattr(now, name), was.indicator)]


def any_differing(was: Sequence[Rated], now: Sequence[Rated]) -> bool:
    """Whether any figure of these areas is not what was said; a market's new name is no figure."""
    if [(each.area.key, each.area.since) for each in was] != [(each.area.key, each.area.since) for each in now]:
        return True
    return any(differing(*pair) for one, other in zip(was, now, strict=True) for pair in pairs(one, other))


def pairs(was: Rated, now: Rated) -> Iterable[tuple[Figure, Figure]]:
    """By indicator; one that only one of the two knows is in no pair."""
    known = {figure.indicator: figure for figure in was.figures}
    return [(known[figure.indicator], figure) for figure in now.figures if figure.indicator in known]


def _dump(figure: Figure) -> dict[str, Any]:
    told = asdict(figure)
    told["sources"] = list(figure.sources)
    told["remarks"] = [{"key": key, "params": params} for key, params in figure.remarks]
    return told


def _load(told: dict[str, Any]) -> Figure:
    known = dict(told)
    for name in _SHARES:
        if known[name] is not None and not (name in _OF_LEVELS and known["indicator"] in LEVELS):
            known[name] = float(known[name])
    known["sources"] = tuple(known["sources"])
    known["remarks"] = tuple(Remark(each["key"], each["params"]) for each in known["remarks"])
    return Figure(**known)


def _alike(name: str, was: Any, now: Any, indicator: str) -> bool:
    if isinstance(was, float) and isinstance(now, float):
        return isclose(was, now, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    if name in ("numerator", "denominator") and indicator in ESTIMATED and None not in (was, now):
        return bool(abs(was - now) <= 1)  # a rounded estimate
    return bool(was == now)
