"""A stall's chain: what holds of it from one day to another, and how a newer word is laid in."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import NamedTuple


class Content(NamedTuple):
    """What a row of the roll says of a stall, apart from when; ids instead of names."""

    status: str
    section: str | None = None
    goods: str | None = None
    merchant_id: int | None = None
    account_id: int | None = None
    virtual_account_id: int | None = None
    account_name: str | None = None


class Dated(NamedTuple):
    """`content` holds from `since` up to, not including, `until`; None: for good."""

    since: date
    until: date | None
    content: Content

    def holds_on(self, day: date) -> bool:
        return self.since <= day and (self.until is None or day < self.until)


Word = Callable[[Content | None], Content]
"""What is newly said of a stall, given what the books have there (None: nothing)."""


def on_day(chain: Sequence[Dated], day: date) -> Content | None:
    return next((row.content for row in chain if row.holds_on(day)), None)


def lay(chain: Sequence[Dated], since: date, word: Word) -> list[Dated]:
    """The chain with `word` holding from `since` on, for good: every later row is said anew, none before it.

    What the chain begins with reaches back to an earlier `since`. Equal neighbours become one row.
    """
    before = [row._replace(until=min(row.until or since, since)) for row in chain if row.since < since]
    later = [row for row in chain if row.until is None or since < row.until]
    starts = [since, *(row.since for row in later[1:])]
    contents = [word(row.content) for row in later] or [word(None)]
    after = map(Dated, starts, [*starts[1:], None], contents)
    return _joined([*before, *after])


def _joined(rows: Iterable[Dated]) -> list[Dated]:
    joined: list[Dated] = []
    for row in rows:
        if joined and (joined[-1].until, joined[-1].content) == (row.since, row.content):
            joined[-1] = joined[-1]._replace(until=row.until)
        else:
            joined.append(row)
    return joined
