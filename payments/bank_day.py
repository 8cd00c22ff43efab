"""The banks' days: until when a transfer may appear on a statement.

Transfers run at all hours, but a bank may book what comes from 22:00, on weekends and on public holidays on its next
banking day. Nothing is missing from a statement before that day has passed.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from typing import NamedTuple

from holidays import country_holidays

from ground import clock

CLOSING_HOUR = 22
_DAY = timedelta(days=1)


class BankDay(NamedTuple):
    """A calendar day, the last day on which what came by 22:00 may be booked, and what came later."""

    day: date
    posting: date
    late_posting: date


def posting_day(moment: datetime) -> date:
    """The last business day on which a transfer of this moment may appear on a statement."""
    local = moment.astimezone(clock.ZONE)
    day = local.date()
    return next_banking_day(day + _DAY if local.hour >= CLOSING_HOUR else day)


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
