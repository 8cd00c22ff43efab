"""Where markets stand from scratch: day by day from the two files of the General Statistics Office.

Written from docs/commands.md and docs/indicators.md alone, as the other half of rates_oracle.py.
"""

import csv
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

REFERENCE = Path(__file__).parent.parent / "merchants" / "reference"
DAY = timedelta(days=1)


class Unit(NamedTuple):
    code: str
    name: str
    province: str
    first: date
    last: date


class Place(NamedTuple):
    """Where a market stands on a day; no ward where it is known to be in the province only."""

    ward: Unit | None
    province: str


@cache
def units() -> list[Unit]:
    with (REFERENCE / "wards.csv").open(encoding="utf-8", newline="") as file:
        return [
            Unit(
                row["code"],
                row["name"],
                row["province_code"],
                date.fromisoformat(row["valid_from"] or "0001-01-01"),
                date.fromisoformat(row["valid_to"] or "9999-12-31"),
            )
            for row in csv.DictReader(file)
        ]


@cache
def successions() -> dict[tuple[str, date], list[tuple[str, bool]]]:
    """By old code and first day of the new units: the new codes, each with whether the old unit was split."""
    found: dict[tuple[str, date], list[tuple[str, bool]]] = {}
    with (REFERENCE / "ward_successions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row["old_code"], date.fromisoformat(row["date"])
            found.setdefault(key, []).append((row["new_code"], row["split"] == "1"))
    return found


def successors(code: str, ended: date) -> list[tuple[str, bool]]:
    return successions().get((code, ended + DAY), [])


@cache
def with_code(code: str) -> list[Unit]:
    return [unit for unit in units() if unit.code == code]


@cache
def in_province(code: str) -> list[Unit]:
    return [unit for unit in units() if unit.province == code]


def unit_on(code: str, day: date) -> Unit | None:
    return next((unit for unit in with_code(code) if unit.first <= day <= unit.last), None)


@cache
def province_after(province: str, ended: date) -> str:
    """The province of whatever followed any of the old province's wards: all of them agree, or we stop here."""
    found = set()
    for unit in in_province(province):
        if unit.last == ended:
            found |= {
                after.province for code, _ in successors(unit.code, ended) if (after := unit_on(code, ended + DAY))
            }
    (only,) = found
    return only


def after(unit: Unit) -> Place:
    """The place of an ended unit's land on the day after: one ward if it went there whole, else the province."""
    rows = successors(unit.code, unit.last)
    if len(rows) == 1 and not rows[0][1]:
        ward = unit_on(rows[0][0], unit.last + DAY)
        assert ward is not None
        return Place(ward, ward.province)
    return Place(None, province_after(unit.province, unit.last))


def place_then(moves: list[tuple[date, str]], day: date) -> Place | None:
    """In the units of that day. None before the market's opening."""
    said = [move for move in moves if move[0] <= day]
    if not said:
        return None
    since, code = said[-1]
    unit = unit_on(code, since)
    assert unit is not None
    place = Place(unit, unit.province)
    while place.ward is not None and place.ward.last < day:
        place = after(place.ward)
    return place


def place_now(moves: list[tuple[date, str]], day: date, today: date) -> Place | None:
    """In the units of today: along the successions, and across a split by where the market itself stood after."""
    place = place_then(moves, day)
    while place is not None and place.ward is not None and place.ward.last < today:
        ended = place.ward
        place = after(ended)
        if place.ward is None:
            own = place_then(moves, ended.last + DAY)
            recorded = [code for code, _ in successors(ended.code, ended.last)]
            if own and own.ward and (own.ward.code in recorded if recorded else own.province == place.province):
                place = own
    return place
