"""The banks' days: until when a transfer may appear on a statement.

Transfers run at all hours, but a bank may book what comes from 22:00, on weekends and on public holidays on its next
banking day. Nothing is missing from a statement before that day has passed.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from holidays import country_holidays

CLOSING_HOUR = 22
POSTING = f"""
    CASE WHEN extract(hour FROM {{moment}} AT TIME ZONE INTERVAL '7 hours') >= {CLOSING_HOUR}
        THEN {{day}}.late_posting ELSE {{day}}.posting END
""".strip()
"""SQL: the last day on which what came at a `moment` may be booked; `day` is the table of its `BankDay`."""
_DAY = timedelta(days=1)


class BankDay(NamedTuple):
    """A calendar day, the last day on which what came by 22:00 may be booked, and what came later."""

    day: date
    posting: date
    late_posting: date


@cache
def next_banking_day(day: date) -> date:
    """The day itself, where banks book on it: Monday to Friday but for public holidays."""
    while day.weekday() >= 5 or day in _holidays(day.year):
        day += _DAY
    return day


def calendar(first: date, last: date) -> Iterator[BankDay]:
    day = first
    while day <= last:
        yield BankDay(day, next_banking_day(day), next_banking_day(day + _DAY))
        day += _DAY


@cache
def _holidays(year: int) -> frozenset[date]:
    return frozenset(country_holidays("VN", years=year))
