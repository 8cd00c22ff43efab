"""A statement's row of headings: which column is what, in whichever words and languages a bank says it."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ground.refusal import Refusal
from merchants.grid import Cell
from merchants.spelling import clean, fold

# The day that counts, best first: the transaction's, then whatever day the layout has.
DAYS = ("transaction", "date", "value", "posting", "requested")
# Told twice, these would be guessed at; of the others the first is taken.
_DECISIVE = (*DAYS, "debit", "credit", "amount", "balance")
_LONGEST = 120
_BRACKETED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_FOOTNOTE = re.compile(r"(?<=[a-z])[0-9]\b")
_FOREIGN = re.compile(r"\b(USD|EUR|JPY|GBP|AUD|SGD|CNY|THB|KRW|HKD)\b")


@dataclass(frozen=True)
class Header:
    """Where each column stands and what the file calls it. A cell of two columns (`Ngày GD / Số CT`) is `stacked`."""

    places: dict[str, int]
    headings: dict[str, str]
    stacked: bool

    @property
    def day(self) -> str:
        return next(column for column in DAYS if column in self.places)

    @property
    def account(self) -> int | None:
        """The column of the account each line belongs to; beside a payer's name or bank it is the payer's."""
        return None if self.places.keys() & {"payer_name", "payer_bank"} else self.places.get("account")

    @property
    def payer(self) -> list[int]:
        """The columns that tell who paid."""
        columns = (
            ["payer_account", "payer_name"] if self.account is not None else ["payer_account", "account", "payer_name"]
        )
        return [self.places[column] for column in columns if column in self.places]

    @property
    def spellings(self) -> set[str]:
        return {fold(_BRACKETED.sub(" ", heading)) for heading in self.headings.values()}


@cache
def statement_words() -> dict[str, Any]:
    """The words of statement_words.toml."""
    return tomllib.loads((Path(__file__).parent / "statement_words.toml").read_text("utf-8"))


def find_header(row: Sequence[Cell], below: Sequence[Cell], name: str, number: int) -> Header | None:
    """The header in this row, or in this row and the one below it where headings are merged over both."""
    alone, lower = _columns(row), _columns(below)
    told = {column for columns in alone for column in columns}
    # `Số tiền` over `Nợ` and `Có`: what stands below says more.
    split = "amount" in told and {"debit", "credit"} <= {column for columns in lower for column in columns}
    if _suffices(told) and not split:
        return _header(row, alone, name, number)
    if len(told) < 2:
        return None
    width = max(len(alone), len(lower))
    alone += [frozenset()] * (width - len(alone))
    lower += [frozenset()] * (width - len(lower))
    joined = [low or high for high, low in zip(alone, lower, strict=True)]
    titles = [_title(row, at) if not lower[at] else _title(below, at) for at in range(width)]
    if not any(lower) or not _suffices({column for columns in joined for column in columns}):
        return None
    return _header(titles, joined, name, number)


def repeats_header(row: Sequence[Cell]) -> bool:
    """Whether every text in the row is a heading, as on each printed page or in a second language below."""
    texts = [cell for cell in row if isinstance(cell, str) and cell.strip()]
    others = any(cell not in (None, "") and not isinstance(cell, str) for cell in row)
    return len(texts) >= 2 and not others and all(recognise(text) for text in texts)


@lru_cache(maxsize=4096)
def recognise(text: str) -> frozenset[str]:
    """The columns a heading means; empty unless all of it is made of headings, brackets and footnote marks aside."""
    if len(text) > _LONGEST:
        return frozenset()
    if clean(text) in ("+/-", "(+/-)", "±", "-/+"):
        return frozenset(["sign"])
    for form in (text, _BRACKETED.sub(" ", text)):
        words = tuple(_FOOTNOTE.sub("", fold(form)).split())
        columns = _segment(words) if words else None
        if columns:
            return _told(columns, text)
    return frozenset()


def _told(columns: frozenset[str], text: str) -> frozenset[str]:
    """`Nợ/Có` is a sign; and `No.` is a number where `Nợ` is the debit, which fold alike."""
    if columns == {"debit", "credit"}:
        return frozenset(["sign"])
    if columns == {"debit"} and fold(text) == "no" and "ợ" not in clean(text).casefold():
        return frozenset(["number"])
    return columns


def _segment(words: tuple[str, ...]) -> frozenset[str] | None:
    """The columns of the phrases these words fall into, longest first; None where some word belongs to none."""
    if not words:
        return frozenset()
    known, longest = _phrases()
    for length in range(min(longest, len(words)), 0, -1):
        column = known.get(words[:length])
        rest = _segment(words[length:]) if column else None
        if column and rest is not None:
            return rest | {column}
    return None


@cache
def _phrases() -> tuple[dict[tuple[str, ...], str], int]:
    columns: dict[str, list[str]] = statement_words()["columns"]
    known = {tuple(fold(word).split()): column for column, words in columns.items() for word in words}
    # `No` alone is found as the debit and told apart by its accent.
    known["no",] = "debit"
    return known, max(map(len, known))


def _columns(row: Sequence[Cell]) -> list[frozenset[str]]:
    found = [_one_column(recognise(cell)) if isinstance(cell, str) and cell else frozenset[str]() for cell in row]
    if not any("debit" in columns for columns in found):  # an unaccented `No` beside `Co`
        at = [place for place, columns in enumerate(found) if columns == {"number"} and _title(row, place) == "No"]
        if len(at) == 1 and any(columns == {"credit"} for columns in found):
            found[at[0]] = frozenset(["debit"])
    told = {column for columns in found for column in columns}
    if "amount" in told and told.isdisjoint({"sign", "debit", "credit"}):
        # Vietcombank's older form: + or - stands in a column without a heading.
        at = [place for place, columns in enumerate(found) if columns == {"amount"}]
        if at[:1] and at[0] and not _title(row, at[0] - 1):
            found[at[0] - 1] = frozenset(["sign"])
    return found


def _one_column(columns: frozenset[str]) -> frozenset[str]:
    """Nothing where a cell names several, except a day over a transaction's number."""
    stacked = len(columns) == 2 and "reference" in columns and not columns.isdisjoint(DAYS)
    return columns if len(columns) == 1 or stacked else frozenset()


def _suffices(columns: set[str]) -> bool:
    # An amount alone doesn't tell in from out; a balance beside it proves its sign.
    has_amounts = {"debit", "credit"} <= columns or (
        "amount" in columns and not columns.isdisjoint({"sign", "balance"})
    )
    return has_amounts and not columns.isdisjoint(DAYS) and not columns.isdisjoint({"memo", "reference", "balance"})


def _header(row: Sequence[Cell], found: list[frozenset[str]], name: str, number: int) -> Header:
    places: dict[str, int] = {}
    headings: dict[str, str] = {}
    for at, columns in enumerate(found):
        title = _title(row, at)
        if columns & {"debit", "credit", "amount", "balance"} and (foreign := _FOREIGN.search(title)):
            raise Refusal("statement.foreign", name=name, currency=foreign[0])
        for column in columns:
            if column not in places:
                places[column], headings[column] = at, title
            elif column in _DECISIVE:
                first = headings[column]
                raise Refusal("statement.heading_twice", name=name, row=number, first=first, second=title)
    day = next(column for column in DAYS if column in places)
    return Header(places, headings, places.get("reference") == places[day])


def _title(row: Sequence[Cell], at: int) -> str:
    return clean(str(row[at])) if at < len(row) and row[at] is not None else ""
