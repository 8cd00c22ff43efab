"""What a provider tells and what a bank states, in plain values, for worlds of a handful of payments."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

A_DAY = timedelta(days=1)
HOLIDAYS = {date(2026, 2, day) for day in range(16, 21)}  # Tết Bính Ngọ, the banks' days off that these worlds touch


class Told(NamedTuple):
    """A notice. stall: whose it would be by itself, None for nobody's."""

    name: str
    at: datetime
    amount: int
    reference: str | None = None
    tokens: frozenset[str] = frozenset()
    virtual: str | None = None
    mentions: frozenset[str] = frozenset()
    stall: str | None = None

    @property
    def owner(self) -> str | None:
        return self.stall

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def last_day(self) -> date:
        """Until when its bank may book it: the next banking day, from 22:00 on that after midnight."""
        day = self.day + A_DAY if self.at.hour >= 22 else self.day
        while day.weekday() >= 5 or day in HOLIDAYS:
            day += A_DAY
        return day


class Stated(NamedTuple):
    """A line of the statement. stall: whose it would be by itself; given: whose a person has said that it is."""

    name: str
    day: date
    at: datetime | None
    amount: int
    reference: str | None = None
    tokens: frozenset[str] = frozenset()
    virtual: str | None = None
    mentions: frozenset[str] = frozenset()
    stall: str | None = None
    given: str | None = None

    @property
    def owner(self) -> str | None:
        return self.given or self.stall
