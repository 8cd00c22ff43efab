"""The choice of a period on a page: the ones that are offered, and which come before them."""

from datetime import date, timedelta
from typing import NamedTuple

from payments import period, period_name
from payments.period import Period

name = period_name.name


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
