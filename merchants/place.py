"""Where a market stands on each day, in units of that day or of today, and which unit a code means."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import TypeVar

from ground.refusal import Refusal
from merchants.ward import (
    DAY,
    Province,
    Ward,
    province_after,
    provinces_with_code,
    successor,
    successors,
    ward_on,
    wards_with_code,
)

Unit = TypeVar("Unit", Ward, Province)


@dataclass(frozen=True, slots=True)
class Move:
    """From this day on the market stands in this ward, until it moves again. The first one is its opening."""

    since: date
    ward_code: str


@dataclass(frozen=True, slots=True)
class Stay:
    """The days from `since` up to, not including, `until`, all in one ward and one province."""

    since: date
    until: date
    # None: known to lie in the province only, because the ward was split or its succession is unrecorded.
    ward: Ward | None
    province_code: str


def check_move(ward_code: str, since: date) -> Ward:
    ward = ward_on(ward_code, since)
    if ward is None:
        raise Refusal("ward.unknown", ward=ward_code[:20], day=since)
    return ward


def stays(moves: Sequence[Move], until: date) -> list[Stay]:
    """Every day from the opening up to, not including, `until`, in the units of that day.

    Moves are sorted, one a day at most, each checked by `check_move`. Whole-unit successions are followed.
    """
    assert all(one.since < next_.since for one, next_ in pairwise(moves)), "moves out of order"
    ends = [move.since for move in moves[1:]] + [until]
    found: list[Stay] = []
    for move, end in zip(moves, ends, strict=bool(moves)):
        ward = ward_on(move.ward_code, move.since)
        assert ward is not None, f"{move} names no unit of its day"
        found.extend(_follow(ward, move.since, min(end, until)))
    return _joined(found)


def stays_current(moves: Sequence[Move], until: date, today: date) -> list[Stay]:
    """The days of `stays(moves, until)`, each in the unit of `today` that now holds the place of that day.

    A market that truly moved keeps its earlier days where they were: they follow their ward, not the market.
    """
    return _joined(_in_units_of(today, stay, moves) for stay in stays(moves, until))


def needs_move(moves: Sequence[Move], on: date) -> date | None:
    """The first day, up to `on`, whose ward nobody knows: `market move` since then would name it."""
    return next((stay.since for stay in stays(moves, on + DAY) if stay.ward is None), None)


def unit_for_period(code: str, first: date, last: date, current: date | None = None) -> Ward:
    """What `ward:CODE` means: the unit of the last day, else the last of any day; or `current`'s."""
    return _unit_for_period("ward", code, wards_with_code(code), current or first, current or last)


def province_for_period(code: str, first: date, last: date, current: date | None = None) -> Province:
    """What `province:CODE` means, by the same rule. 77 and 74 mean nothing after June 2025."""
    return _unit_for_period("province", code, provinces_with_code(code), current or first, current or last)


def _unit_for_period(level: str, code: str, units: Sequence[Unit], first: date, last: date) -> Unit:
    # Earliest first, and one unit at a time bears a code: the last that overlaps is the one meant.
    for unit in reversed(units):
        if (unit.valid_from or date.min) <= last and first <= (unit.valid_to or date.max):
            return unit
    raise Refusal("area.no_such_unit", status=404, area=f"{level}:{code[:20]}", first=first, last=last)


def _follow(ward: Ward, since: date, until: date) -> Iterator[Stay]:
    """The days of one move: in its ward, then in what took it over whole; after anything else, in no ward."""
    while since < until:
        end = min(until, ward.valid_to + DAY) if ward.valid_to else until
        yield Stay(since, end, ward, ward.province_code)
        after = successor(ward)
        if after is None and end < until:
            yield Stay(end, until, None, province_after(ward))
        if after is None:
            return
        ward, since = after, end


def _in_units_of(today: date, stay: Stay, moves: Sequence[Move]) -> Stay:
    ward, province = stay.ward, stay.province_code
    while ward is not None and ward.valid_to is not None and ward.valid_to < today:
        province = province_after(ward)
        ward = successor(ward) or _own_place_after(ward, moves)
    return replace(stay, ward=ward, province_code=province)


def _own_place_after(ward: Ward, moves: Sequence[Move]) -> Ward | None:
    """Where the market itself stood when the units after a split or unrecorded `ward` began.

    That says where the old site lies only if it can be a part of `ward`: a market that had gone elsewhere
    before must not take its earlier days along.
    """
    assert ward.valid_to is not None, "only an ended unit has a place after it"
    place = stays(moves, ward.valid_to + 2 * DAY)[-1].ward
    if place is None:
        return None
    recorded = successors(ward)
    possible = place in recorded if recorded else place.province_code == province_after(ward)
    return place if possible else None


def _joined(parts: Iterable[Stay]) -> list[Stay]:
    """Neighbours in the same unit as one stay."""
    found: list[Stay] = []
    for part in parts:
        if found and (found[-1].ward, found[-1].province_code) == (part.ward, part.province_code):
            found[-1] = replace(found[-1], until=part.until)
        else:
            found.append(part)
    return found
