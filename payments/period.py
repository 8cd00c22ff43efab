"""A period of business days: read from `2026-10` and its like, and how much of it has been."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ground.clock import business_date
from ground.refusal import Refusal

FIRST_YEAR, LAST_YEAR = 2000, 2100
# [0-9] and not \d, which would take full-width digits as well.
_FORM = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?:W(?P<week>[0-9]{2})|Q(?P<quarter>[1-4])|H(?P<half>[12])|(?P<nine>9M)"
    r"|(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?))?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """Business days in Asia/Ho_Chi_Minh, `first` and `last` included."""

    text: str
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def complete(self, as_of: datetime) -> bool:
        """Whether its last day had ended at the market."""
        return self.last < business_date(as_of)

    def counted_until(self, as_of: datetime) -> date:
        """The last day that counts, to date: `last`, or the day of `as_of`. Refuses a period not begun."""
        day = business_date(as_of)
        if day < self.first:
            raise Refusal("period.not_begun", period=self.text, first=self.first)
        return min(self.last, day)


def parse(text: str) -> Period:
    """A day, ISO week, month, quarter, half-year, nine months or year; no other spelling of them is taken."""
    match = _FORM.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match["year"]) <= LAST_YEAR:
        raise _unknown(text)
    try:
        first, last = _bounds(match)
    except ValueError:  # a month 13, a 30 February, a week 53 in a year of 52
        raise _unknown(text) from None
    return Period(text, first, last)


def _bounds(match: re.Match[str]) -> tuple[date, date]:
    year = int(match["year"])
    if match["day"]:
        day = date(year, int(match["month"]), int(match["day"]))
        return day, day
    if match["week"]:
        monday = date.fromisocalendar(year, int(match["week"]), 1)
        return monday, monday + timedelta(days=6)
    if match["month"]:
        return _months(year, int(match["month"]), 1)
    if match["quarter"]:
        return _months(year, 3 * int(match["quarter"]) - 2, 3)
    if match["half"]:
        return _months(year, 6 * int(match["half"]) - 5, 6)
    return _months(year, 1, 9 if match["nine"] else 12)


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    first, end = date(year, month, 1), month + count - 1
    return first, date(year, end, calendar.monthrange(year, end)[1])


def _unknown(text: str) -> Refusal:
    return Refusal("period.unknown", period=text[:40], first_year=FIRST_YEAR, last_year=LAST_YEAR)
