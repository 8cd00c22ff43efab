"""The commune-level units (phường, xã, đặc khu) and provinces of each day, and which unit followed which."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

REFERENCE = Path(__file__).parent / "reference"
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ward:
    """One unit. Codes are reused (26506 was Phường 1, now Phường Vũng Tàu): the key is (code, valid_from)."""

    code: str
    name: str
    kind: str
    province_code: str
    province_name: str
    # Both ends included; None is open-ended.
    valid_from: date | None
    valid_to: date | None

    def holds_on(self, day: date) -> bool:
        return _holds(self.valid_from, self.valid_to, day)


@dataclass(frozen=True, slots=True)
class Province:
    """A province while its units were the same ones; its code and name come from them."""

    code: str
    name: str
    valid_from: date | None
    valid_to: date | None

    def holds_on(self, day: date) -> bool:
        return _holds(self.valid_from, self.valid_to, day)


def wards_with_code(code: str) -> tuple[Ward, ...]:
    """Every unit that ever bore the code, the earliest first."""
    # Asked first, so that the cache never grows by codes that somebody makes up.
    return _wards_made(code) if code in _wards() else ()


def ward_on(code: str, day: date) -> Ward | None:
    return next((ward for ward in wards_with_code(code) if ward.holds_on(day)), None)


def successors(ward: Ward) -> list[Ward]:
    """The units that took over when `ward` ended; empty while it stands, and for 28 without a record."""
    return [after for after, _ in _succession(ward)]


def successor(ward: Ward) -> Ward | None:
    """The one unit that took over `ward` whole; None where it was split, stands, or no record says."""
    rows = _succession(ward)
    return rows[0][0] if len(rows) == 1 and not rows[0][1] else None


def province_after(ward: Ward) -> str:
    """The province in which the land of an ended unit lay next, known even where its ward is not."""
    found = {after.province_code for after in successors(ward)}
    return found.pop() if len(found) == 1 else province_successor(ward.province_code)


@cache
def province_successor(province_code_before: str) -> str:
    """The province that took over one of before July 2025. KeyError for a code that no unit bore then.

    Each of the 63 went whole into one of 34 (a test proves it on every ward), so any recorded ward tells.
    """
    for row in (row for rows in _wards().values() for row in rows):
        if row[5] == province_code_before and (after := successors(_ward(row))):
            return after[0].province_code
    raise KeyError(province_code_before)


def provinces_with_code(code: str) -> tuple[Province, ...]:
    return _provinces().get(code, ())


def province_name(code: str, day: date) -> str | None:
    """77 was Bà Rịa - Vũng Tàu until June 2025 and is nobody's name after."""
    return next((province.name for province in provinces_with_code(code) if province.holds_on(day)), None)


def _holds(valid_from: date | None, valid_to: date | None, day: date) -> bool:
    return (valid_from is None or valid_from <= day) and (valid_to is None or day <= valid_to)


def _succession(ward: Ward) -> list[tuple[Ward, bool]]:
    """What followed a unit on the day after its last, and whether it was split."""
    if ward.valid_to is None:
        return []
    start = ward.valid_to + DAY
    return [(_begun(code, start), split) for code, split in _successions().get((ward.code, start), ())]


def _begun(code: str, day: date) -> Ward:
    ward = ward_on(code, day)
    assert ward is not None, f"the successions name {code}, no unit since {day}"
    return ward


def _rows(name: str) -> Iterator[list[str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        yield from rows


@cache
def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


@cache
def _wards() -> dict[str, list[list[str]]]:
    """The rows of each code; a Ward is made of one when it is asked for, which halves the time to load."""
    found: dict[str, list[list[str]]] = defaultdict(list)
    for row in _rows("wards.csv"):
        found[row[0]].append(row)
    return dict(found)


@cache
def _wards_made(code: str) -> tuple[Ward, ...]:
    return tuple(sorted(map(_ward, _wards()[code]), key=_start))


def _ward(row: list[str]) -> Ward:
    # Districts (columns 3 and 4) ended with the reform and are no level of ours.
    code, name, kind, _, _, province_code, province_name, since, until = row
    return Ward(code, name, kind, province_code, province_name, _day(since), _day(until))


def _start(unit: Ward | Province) -> date:
    return unit.valid_from or date.min


@cache
def _successions() -> dict[tuple[str, date], list[tuple[str, bool]]]:
    """(Ended code, first day of the new units) → new codes, each with whether the ended unit was split.

    Ten ended codes here (26929 among them) are of no unit that wards.csv knows. Nothing reaches them, for
    every look-up begins with a Ward.
    """
    found: dict[tuple[str, date], list[tuple[str, bool]]] = defaultdict(list)
    for old, new, day, split in _rows("ward_successions.csv"):
        found[old, date.fromisoformat(day)].append((new, split == "1"))
    return dict(found)


@cache
def _provinces() -> dict[str, tuple[Province, ...]]:
    found: dict[str, list[Province]] = defaultdict(list)
    for code, name, since, until in {tuple(row[5:]) for rows in _wards().values() for row in rows}:
        found[code].append(Province(code, name, _day(since), _day(until)))
    return {code: tuple(sorted(provinces, key=_start)) for code, provinces in found.items()}
