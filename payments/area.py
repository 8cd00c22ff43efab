"""An area: a market, a ward or a province, as the market-days that belong to it in a period."""

from collections.abc import Callable, Hashable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Literal, NamedTuple

from sqlmodel import Session

from ground.refusal import Refusal
from merchants import market, place
from merchants.market import Market
from merchants.place import Move, Stay
from merchants.ward import Ward, provinces_with_code, wards_with_code
from payments.period import Period

Boundaries = Literal["period", "current"]
BOUNDARIES: tuple[Boundaries, ...] = ("period", "current")


def read_boundaries(told: str) -> Boundaries:
    for each in BOUNDARIES:
        if each == told:
            return each
    raise Refusal("area.unknown_boundaries", boundaries=told)


class Span(NamedTuple):
    """The days of one market that count for an area; both ends included."""

    market_id: int
    first: date
    last: date


class Area(NamedTuple):
    """`key`: `ward:26506`. A market stands in an area on the days of its spans."""

    key: str
    name: str
    spans: tuple[Span, ...]
    since: date | None = None  # a ward's own first day: two units that bore one code in turn are told apart by it


class Place(NamedTuple):
    """A market's code, and the ward it stands in, if that is known."""

    code: str
    ward: Hashable


class Map(NamedTuple):
    """Where every market stands on each day that counts, under one choice of boundaries."""

    markets: Sequence[Market]
    stays: dict[int, list[Stay]]
    first: date
    last: date
    today: date | None  # None: the units of that time


def draw(session: Session, first: date, last: date, boundaries: Boundaries, today: date) -> Map:
    """Read the markets and their own ward histories; `first` and `last` are the days that count."""
    history = market.moves(session)
    markets = market.every(session)
    until = last + timedelta(days=1)
    stays: dict[int, list[Stay]] = {}
    for found in markets:
        moves: Sequence[Move] = history[found.key]
        stays[found.key] = (
            place.stays(moves, until) if boundaries == "period" else place.stays_current(moves, until, today)
        )
    return Map(markets, stays, first, last, today if boundaries == "current" else None)


def narrow(drawn: Map, first: date, last: date) -> Map:
    """The same for fewer days, as `draw` would give it, without reading anything again."""
    stays = {key: [stay for stay in found if stay.since <= last] for key, found in drawn.stays.items()}
    return drawn._replace(stays=stays, first=first, last=last)


def find(text: str, period: Period, drawn: Map) -> tuple[Area, list[Area]]:
    """The area a key names, and its parts: a ward's markets, a province's wards. Refuses an unknown one (404)."""
    kind, _, code = text.partition(":")
    if kind == "market" and code:
        return _market(code, drawn), []
    if kind == "ward" and code:
        unit = place.unit_for_period(code, period.first, period.last, drawn.today)
        area = _ward(text, unit, drawn)
        return area, _markets_of(area, drawn)
    if kind == "province" and code:
        province = place.province_for_period(code, period.first, period.last, drawn.today)
        area = Area(text, province.name, _spans(drawn, lambda stay: stay.province_code == code))
        return area, _wards_of(code, drawn)
    raise Refusal("area.unknown", area=text, status=404)


def check(session: Session, text: str) -> None:
    """Refuses (404) a key that names no area on any day."""
    kind, _, code = text.partition(":")
    if kind == "market" and code:
        market.find(session, code)
    elif not (kind == "ward" and wards_with_code(code)) and not (kind == "province" and provinces_with_code(code)):
        raise Refusal("area.unknown", area=text[:60], status=404)


def every(drawn: Map, period: Period) -> list[Area]:
    """Every area a market stood in: provinces, wards and markets, each in the order of their codes."""
    stood = {stay.province_code for stays in drawn.stays.values() for stay in stays}
    codes = [code for code in sorted(stood) if _spans(drawn, partial(_is_in, code))]
    wards = [found for code in codes for found in _wards_of(code, drawn)]
    wards.sort(key=lambda found: (found.key, found.since or date.min))
    return [*(find(f"province:{code}", period, drawn)[0] for code in codes), *wards, *markets(drawn)]


def markets(drawn: Map) -> list[Area]:
    """Each market with all its days."""
    return [Area(f"market:{found.code}", found.name, _clip(found, found.since, None, drawn)) for found in drawn.markets]


def _market(code: str, drawn: Map) -> Area:
    for each in markets(drawn):
        if each.key == f"market:{code}":
            return each
    raise Refusal("market.unknown", code=code, status=404)


def _is_in(province_code: str, stay: Stay) -> bool:
    return stay.province_code == province_code


def _markets_of(area: Area, drawn: Map) -> list[Area]:
    """The markets that stood in the area, each with its own days there, in the order of their codes."""
    parts = []
    for found in drawn.markets:
        spans = tuple(span for span in area.spans if span.market_id == found.key)
        if spans:
            parts.append(Area(f"market:{found.code}", found.name, spans))
    return parts


def _wards_of(province_code: str, drawn: Map) -> list[Area]:
    """The province's wards in which a market stood; two units that bore one code in turn are two parts."""
    units: dict[Ward, None] = {}
    for stays in drawn.stays.values():
        for stay in stays:
            if stay.ward is not None and stay.province_code == province_code:
                units.setdefault(stay.ward)
    ordered = sorted(units, key=lambda unit: (unit.code, unit.valid_from or date.min))
    return [area for area in (_ward(f"ward:{unit.code}", unit, drawn) for unit in ordered) if area.spans]


def _ward(key: str, unit: Ward, drawn: Map) -> Area:
    return Area(key, unit.name, _spans(drawn, lambda stay: stay.ward == unit), unit.valid_from)


def _spans(drawn: Map, belongs: Callable[[Stay], bool]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for found in drawn.markets:
        for stay in drawn.stays[found.key]:
            if belongs(stay):
                spans += _clip(found, stay.since, stay.until, drawn)
    return tuple(spans)


def _clip(found: Market, since: date, until: date | None, drawn: Map) -> tuple[Span, ...]:
    """The days from `since` up to, not including, `until`, as far as they count."""
    first = max(since, drawn.first)
    last = drawn.last if until is None else min(until - timedelta(days=1), drawn.last)
    return (Span(found.key, first, last),) if first <= last else ()


def places(drawn: Map) -> dict[int, Place]:
    """Where each market stands on the last day that counts."""
    found = {}
    for each in drawn.markets:
        stays = drawn.stays[each.key]
        found[each.key] = Place(each.code, stays[-1].ward if stays else None)
    return found


__all__ = ["BOUNDARIES", "Area", "Boundaries", "Map", "Place", "Span", "draw", "find", "places", "read_boundaries"]
