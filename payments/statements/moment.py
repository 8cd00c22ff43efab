"""When a line happened: a day, and the second where the bank tells it, in any of the ways banks write them."""

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from ground import clock
from merchants.grid import Cell
from merchants.spelling import clean
from payments.statements.cell import Unreadable, show, unwrap

EARLIEST, LATEST = date(1990, 1, 1), date(2100, 12, 31)
_DAY_ZERO = date(1899, 12, 30)
_DAY_SECONDS = 86_400
_REMEMBERED = 100_000
_BLANK = re.compile(r"[-–—./\s]*")

_DAY_FIRST = r"(?P<d>[0-9]{1,2})(?P<s>[/.-])(?P<m>[0-9]{1,2})(?P=s)(?P<y>[0-9]{4})"
_YEAR_FIRST = r"(?P<Y>[0-9]{4})(?P<t>[/.-]?)(?P<M>[0-9]{2})(?P=t)(?P<D>[0-9]{2})"
_CLOCK = r"(?P<hh>[0-9]{1,2}):(?P<mm>[0-9]{2})(?::(?P<ss>[0-9]{2})(?:[.,][0-9]{1,9})?)?(?: ?(?P<half>AM|PM|SA|CH))?"
_ZONE = r"(?: ?(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2}))?"
_WRITTEN = re.compile(rf"(?:{_DAY_FIRST}|{_YEAR_FIRST})(?:(?: |T| - |, ?){_CLOCK}{_ZONE})?", re.I)
_CLOCK_FIRST = re.compile(rf"{_CLOCK}(?: | - |, ?){_DAY_FIRST}", re.I)
_CLOCK_ALONE = re.compile(_CLOCK, re.I)
_SHORT_YEAR = re.compile(r"[0-9]{1,2}([/.-])[0-9]{1,2}\1[0-9]{2}(?: .*)?")
_SERIAL = re.compile(r"[2-7][0-9]{4}(?:[.,][0-9]+)?")


class When(NamedTuple):
    """A day as `date.toordinal` counts it, and the second since 1970 in UTC, None where no time is told."""

    day: int
    second: int | None


_days: dict[str, int] = {}
_times: dict[str, int] = {}
_UNIX_DAY = date(1970, 1, 1).toordinal()
_OFFSET = int(clock.ZONE.utcoffset(None).total_seconds())


def read_when(cell: Cell) -> When | None:
    """None when blank. 00:00:00 is no time: banks fill it in where they know none."""
    if type(cell) is str:
        day = _days.get(cell[:10])
        if day is None:
            return _learn(cell)
        seconds = _times.get(cell[10:])
        if seconds is None:
            seconds = _count_seconds(cell[10:])
            if seconds is None:
                return _learn(cell)
        return When(day, (day - _UNIX_DAY) * _DAY_SECONDS + seconds - _OFFSET if seconds else None)
    if cell is None:
        return None
    if isinstance(cell, datetime):
        return _at(_likely(cell.date()), cell.hour * 3600 + cell.minute * 60 + cell.second)
    if isinstance(cell, date):
        return When(_likely(cell), None)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _serial(cell)
    raise Unreadable("statement.bad_date", text=show(cell))


def read_clock(cell: Cell) -> int | None:
    """Seconds since midnight from a column of its own; None when blank."""
    if isinstance(cell, datetime):
        return cell.hour * 3600 + cell.minute * 60 + cell.second
    if isinstance(cell, float) and 0 <= cell < 1:
        return round(cell * _DAY_SECONDS) % _DAY_SECONDS
    text = "" if cell is None else clean(str(cell))
    if _BLANK.fullmatch(text):
        return None
    match = _CLOCK_ALONE.fullmatch(text)
    if match is None:
        raise Unreadable("statement.bad_time", text=show(cell))
    return _seconds(match, text)


def at_clock(day: int, seconds: int) -> When:
    """That day at so many seconds after its midnight in Việt Nam."""
    return _at(day, seconds)


def _count_seconds(rest: str) -> int | None:
    """The commonest ending of all, ` 14:02:37`, in the shortest way; None for any other."""
    if len(rest) != 9 or rest[0] not in " T" or rest[3] != ":" or rest[6] != ":" or not rest.isascii():
        return None
    hour, minute, second = rest[1:3], rest[4:6], rest[7:]
    if not (hour.isdecimal() and minute.isdecimal() and second.isdecimal()):
        return None
    if hour > "23" or minute > "59" or second > "59":
        return None
    if len(_times) < _REMEMBERED:
        _times[rest] = int(hour) * 3600 + int(minute) * 60 + int(second)
    return int(hour) * 3600 + int(minute) * 60 + int(second)


def _at(day: int, seconds: int) -> When:
    return When(day, (day - _UNIX_DAY) * _DAY_SECONDS + seconds - _OFFSET if seconds else None)


def _learn(cell: str) -> When | None:
    """Reads a text and remembers its two halves, where it has the common shape of a day of ten signs first."""
    text = clean(unwrap(cell.strip()))
    if _BLANK.fullmatch(text):
        return None
    match = _WRITTEN.fullmatch(text) or _CLOCK_FIRST.fullmatch(text)
    if match is None:
        if _SERIAL.fullmatch(text):
            return _serial(float(text.replace(",", ".")))
        code = "statement.short_year" if _SHORT_YEAR.fullmatch(text) else "statement.bad_date"
        raise Unreadable(code, text=show(cell))
    parts = match.groupdict()
    day = _calendar(parts, text)
    seconds = _seconds(match, text) if parts["hh"] else 0
    if parts.get("zone"):
        return _zoned(day, seconds, parts["zone"])
    if len(_days) + len(_times) < _REMEMBERED and match.start("hh") in (-1, 11) and cell == text:
        _days[cell[:10]], _times[cell[10:]] = day, seconds
    return _at(day, seconds)


def _calendar(parts: dict[str, str], text: str) -> int:
    year, month, day = (parts.get(long) or parts.get(short) for long, short in (("Y", "y"), ("M", "m"), ("D", "d")))
    try:
        return _likely(date(int(year or 0), int(month or 0), int(day or 0)))
    except ValueError as error:
        raise Unreadable("statement.no_such_date", text=show(text)) from error


def _seconds(match: re.Match[str], text: str) -> int:
    hour, minute, second = int(match["hh"]), int(match["mm"]), int(match["ss"] or 0)
    half = (match["half"] or "").upper()
    if half:
        if not 1 <= hour <= 12:
            raise Unreadable("statement.bad_time", text=show(text))
        hour = hour % 12 + (12 if half in ("PM", "CH") else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise Unreadable("statement.bad_time", text=show(text))
    return hour * 3600 + minute * 60 + second


def _zoned(day: int, seconds: int, zone: str) -> When:
    """A moment with its zone: the day is the one in Việt Nam."""
    offset = 0
    if zone.upper() != "Z":
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * (-60 if zone[0] == "-" else 60)
    days, rest = divmod((day - _UNIX_DAY) * _DAY_SECONDS + seconds - offset + _OFFSET, _DAY_SECONDS)
    return _at(days + _UNIX_DAY, rest)


def of_moment(moment: datetime) -> When:
    """A moment with a zone, or without one in Việt Nam's time."""
    here = moment.astimezone(clock.ZONE) if moment.tzinfo else moment
    return _at(_likely(here.date()), here.hour * 3600 + here.minute * 60 + here.second)


def _serial(number: float) -> When:
    """Days since 30 December 1899, the time of day as their fraction."""
    if not 0 <= number <= (LATEST - _DAY_ZERO).days:
        raise Unreadable("statement.bad_date", text=f"{number:.15g}")
    seconds = round(number * _DAY_SECONDS)
    return _at(_likely(_DAY_ZERO + timedelta(days=seconds // _DAY_SECONDS)), seconds % _DAY_SECONDS)


def _likely(day: date) -> int:
    if not EARLIEST <= day <= LATEST:
        raise Unreadable("statement.unlikely_date", text=f"{day:%d/%m/%Y}")
    return day.toordinal()
