"""The choice of a period on a page: the ones that are offered, and how a period is called."""

from datetime import date, timedelta
from typing import NamedTuple

from ground import words
from payments import period
from payments.period import Period


class Choice(NamedTuple):
    """`key` is the word for the button (`this_month`), `text` the period it asks for."""

    key: str
    text: str


def offered(today: date) -> list[Choice]:
    before = today.replace(day=1) - timedelta(days=1)
    return [
        Choice("this_month", f"{today:%Y-%m}"),
        Choice("last_month", f"{before:%Y-%m}"),
        Choice("this_quarter", f"{today:%Y}-Q{(today.month + 2) // 3}"),
        Choice("this_year", f"{today:%Y}"),
    ]


def read(text: str | None, today: date) -> Period:
    """The period asked for, else the month so far. Refuses what is no period."""
    return period.parse(text or offered(today)[0].text)


def name(asked: Period, language: str) -> str:
    """`2026-Q4` as `Quý IV/2026`."""
    year, _, part = asked.text.partition("-")
    kind, params = _kind(asked, part, language)
    return words.say(f"page.period.{kind}", language, year=year, **params)


def _kind(asked: Period, part: str, language: str) -> tuple[str, dict[str, object]]:
    if not part:
        return "year", {}
    if part.startswith("W"):
        return "week", {"week": part[1:], "first": asked.first, "last": asked.last}
    if part.startswith("Q"):
        return "quarter", {"quarter": words.say(f"page.quarter.{part[1:]}", language)}
    if part.startswith("H"):
        return f"half_{part[1:]}", {}
    if part == "9M":
        return "nine_months", {}
    if "-" in part:
        return "day", {"day": asked.first}
    return "month", {"month": words.say(f"page.month.{asked.first.month}", language)}


def archive(today: date) -> list[str]:
    """What an office looks back to: the last twelve months, four quarters and three years, each as its text."""
    month = f"{today:%Y-%m}"
    quarter = offered(today)[2].text
    return [*run(month, 12), *run(quarter, 4), *run(f"{today:%Y}", 3)]


def run(text: str, count: int) -> list[str]:
    """A month, quarter or year and those before it, the latest first; nothing for another kind of period."""
    year, _, part = text.partition("-")
    if not part:
        return [str(int(year) - back) for back in range(count)]
    if part.startswith("Q"):
        quarters = [int(year) * 4 + int(part[1:]) - 1 - back for back in range(count)]
        return [f"{number // 4}-Q{number % 4 + 1}" for number in quarters]
    if len(part) == 2 and part.isdigit():
        months = [int(year) * 12 + int(part) - 1 - back for back in range(count)]
        return [f"{number // 12}-{number % 12 + 1:02}" for number in months]
    return []
