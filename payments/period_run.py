"""A run of periods: one after the other, all of the same kind."""

from collections.abc import Iterator
from datetime import date, timedelta

from ground.refusal import Refusal
from payments import period
from payments.period import FIRST_YEAR, LAST_YEAR, Period

DAY = timedelta(days=1)


def kind(asked: Period) -> str:
    """`day`, `week`, `month`, `quarter`, `half`, `nine` or `year`."""
    part = asked.text.partition("-")[2]
    if not part:
        return "year"
    return {"W": "week", "Q": "quarter", "H": "half"}.get(part[0]) or (
        "nine" if part == "9M" else "day" if "-" in part else "month"
    )


def at(day: date, kind_: str) -> Period:
    """The period of a kind that a day is in; of nine months the one of its year."""
    year, week, _ = day.isocalendar()
    return period.parse(
        {
            "day": f"{day}",
            "week": f"{year:04}-W{week:02}",
            "month": f"{day:%Y-%m}",
            "quarter": f"{day:%Y}-Q{(day.month + 2) // 3}",
            "half": f"{day:%Y}-H{(day.month + 5) // 6}",
            "nine": f"{day:%Y}-9M",
            "year": f"{day:%Y}",
        }[kind_]
    )


def between(first_text: str, last_text: str) -> Iterator[Period]:
    """Every period from one to another. Refuses two kinds, and a last one before the first."""
    first, last = period.parse(first_text), period.parse(last_text)
    if kind(first) != kind(last):
        raise Refusal("series.two_kinds", first=first.text, last=last.text)
    if last.first < first.first:
        raise Refusal("series.backwards", first=first.text, last=last.text)
    return _follow(first, last)


def _follow(first: Period, last: Period) -> Iterator[Period]:
    asked = first
    while asked.first <= last.first:
        yield asked
        if asked.first == last.first:
            return
        after = asked.last + DAY
        asked = at(after.replace(year=after.year + 1, month=1) if kind(asked) == "nine" else after, kind(asked))


def back(last: Period, count: int) -> list[Period]:
    """`count` periods that end with this one, the earliest first; fewer where the calendar of periods begins."""
    found = [last]
    while len(found) < count:
        before = found[-1].first - DAY
        if (before.isocalendar().year if kind(last) == "week" else before.year) < FIRST_YEAR:
            break
        found.append(at(before, kind(last)))
    return found[::-1]


def months_until(day: date, count: int) -> list[Period]:
    """The month of a day and those before it, the earliest first."""
    assert FIRST_YEAR <= day.year <= LAST_YEAR
    return back(at(day, "month"), count)
