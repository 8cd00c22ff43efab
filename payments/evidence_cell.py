"""One cell of a file of evidence: a date, an amount, a number or a source, read or refused with the reason."""

import re
import tomllib
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ground import money
from merchants.grid import Cell
from merchants.roll_cell import BadCell, read_number, read_since, read_text, show
from merchants.roll_layout import roll_words
from merchants.spelling import squeeze

MOST_SALES = 100_000  # a day: one a second for longer than a market is open
_NEGATIVE = re.compile(r"[-−–(] ?[0-9][0-9.,]*\)? ?[₫đ]?")


@cache
def evidence_words() -> dict[str, Any]:
    """The words of evidence_words.toml, and what the roll calls a stall."""
    path = Path(__file__).with_name("evidence_words.toml")
    words = tomllib.loads(path.read_text("utf-8"))
    words["headings"]["stall"] = roll_words()["headings"]["stall"]
    return words


def read_amount(cell: Cell) -> int | None:
    """Whole đồng, not below 0 and not above 10¹²; None when blank."""
    amount = _whole(cell)
    if amount is not None and amount > money.DONG_MAX:
        raise BadCell("evidence.too_much")
    return amount


def read_count(cell: Cell) -> int | None:
    """A number of sales on one day; None when blank."""
    count = _whole(cell)
    if count is not None and count > MOST_SALES:
        raise BadCell("evidence.too_many", most=MOST_SALES)
    return count


def read_source(cell: Cell) -> str | None:
    text = read_text(cell)
    if text is None:
        return None
    source = _sources().get(squeeze(text))
    if source is None:
        raise BadCell("evidence.bad_source", text=text)
    return source


READERS: dict[str, Callable[[Cell], object]] = {
    "stall": read_number,
    "date": read_since,
    "amount": read_amount,
    "count": read_count,
    "source": read_source,
    "cashless": read_count,
    "total": read_count,
}


def _whole(cell: Cell) -> int | None:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _not_negative(cell)
    if isinstance(cell, date):
        raise BadCell("evidence.bad_amount", text=show(cell))
    text = read_text(cell)
    if text is None:
        return None
    if _NEGATIVE.fullmatch(text):
        raise BadCell("evidence.negative")
    try:
        return money.read(text)
    except ValueError:
        raise BadCell("evidence.bad_amount", text=text) from None


def _not_negative(number: float) -> int:
    if number < 0:
        raise BadCell("evidence.negative")
    if not number < money.DONG_MAX * 10:  # so that infinity and "not a number" end here too
        raise BadCell("evidence.too_much")
    if number != int(number):
        raise BadCell("evidence.not_whole")
    return int(number)


@cache
def _sources() -> dict[str, str]:
    return {squeeze(word): source for source, words in evidence_words()["sources"].items() for word in words}
