"""What a statement says outside its list: whose account, in which currency, from when to when, which balances."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache, lru_cache

from merchants.grid import Cell
from merchants.spelling import clean, fold
from payments.statements.cell import Unreadable, read_amount
from payments.statements.heading import statement_words
from payments.statements.moment import read_when
from payments.statements.section import normal

_BRACKETED = re.compile(r"\([^()0-9]*\)")
_AMOUNT_BEHIND = re.compile(r"[-+(]?[0-9][0-9.,\s]*\)?\s*(?:vnd|vnđ|đ|₫|đồng)?$", re.I)
_ACCOUNT = re.compile(r"[A-Z]{0,8}[0-9*][0-9A-Z* .–-]{2,40}")
_DAY = r"([0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2})"
_PERIOD = re.compile(rf"\b(?:từ|tu|from)\b[^0-9]{{0,40}}{_DAY}[^0-9]{{0,40}}\b(?:đến|den|to)\b[^0-9]{{0,40}}{_DAY}")
_DASHED = re.compile(rf"\b(?:kỳ|ky|period)\b[^0-9]{{0,40}}{_DAY}\s*[-–]\s*{_DAY}")
_CURRENCY = re.compile(
    r"\b(?:loại tiền(?: tệ)?|loai tien(?: te)?|đơn vị tiền(?: tệ)?|tiền tệ|currency|ccy)\b[\s:/()]*"
    r"(?:(?:currency|ccy|loại tiền)[\s:/()]*)*(usd|eur|jpy|gbp|aud|cad|chf|sgd|hkd|cny|thb|krw|twd|myr|lak|khr|xau)\b"
)


def read_labels(row: Sequence[Cell]) -> Iterator[tuple[str, Cell]]:
    """Each label in the row with what it tells: `account`, `opening`, `closing`, `carried`, `debit`, `credit`."""
    for at, cell in enumerate(row):
        if not isinstance(cell, str) or not cell or len(cell) > 200:
            continue
        kind, value = _split(cell)
        if kind:
            yield kind, value or next((other for other in row[at + 1 :] if other not in (None, "", ":")), None)


def list_labels(row: Sequence[Cell]) -> dict[int, str]:
    """The places of labels, where a row has at least two and nothing else: their values stand in the row below."""
    kinds = {at: _split(cell) if isinstance(cell, str) else (None, "") for at, cell in enumerate(row) if cell}
    bare = {at: kind for at, (kind, behind) in kinds.items() if kind and not behind}
    return bare if len(bare) == len(kinds) > 1 else {}


def read_account(value: Cell) -> str | None:
    """`0123 456 789 - NGUYEN THI LAN` as `0123456789`."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    match = _ACCOUNT.match(clean(str(value)).upper()) if value is not None else None
    if match is None:
        return None
    number = match[0]
    # What follows a blank belongs to the number only as long as it is digits.
    parts = number.split(" ")
    kept = [re.split(r"[–-](?=[A-Z])", parts[0])[0]]
    for part in parts[1:]:
        if not re.fullmatch(r"[0-9*.]+", part):
            break
        kept.append(part)
    return normal("".join(kept)) or None


def read_balance(value: Cell) -> int | None:
    """None where no amount stands behind the label after all."""
    try:
        return read_amount(value)
    except Unreadable as failure:
        if failure.code in ("statement.bad_amount", "statement.foreign_amount") and not _has_digit(value):
            return None
        raise


def read_period(text: str) -> tuple[date, date] | None:
    """`Từ ngày 01/10/2026 đến ngày 31/10/2026`, also in English or both."""
    match = _PERIOD.search(text.casefold()) or _DASHED.search(text.casefold())
    if match is None:
        return None
    try:
        first, last = read_when(match[1]), read_when(match[2])
    except Unreadable:
        return None
    assert first and last
    return date.fromordinal(first.day), date.fromordinal(last.day)


def read_currency(text: str) -> str | None:
    """The currency that is told, in capitals, if it is another than đồng."""
    match = _CURRENCY.search(text.casefold())
    return match[1].upper() if match else None


def is_total(row: Sequence[Cell]) -> bool:
    """Whether the row's first text begins like a row of sums, and doesn't say it counts."""
    first = next((cell for cell in row if isinstance(cell, str) and cell.strip()), "")
    words = fold(first[:200]) + " "
    return words.startswith(_beginnings()) and not any(word in words for word in _counting())


@lru_cache(maxsize=4096)
def _split(text: str) -> tuple[str | None, str]:
    """The label in a cell and what stands behind it in the same cell."""
    head, colon, tail = text.partition(":")
    if colon:
        return _kind(head), tail.strip()
    behind = _AMOUNT_BEHIND.search(text)
    if behind and behind.start():
        return _kind(text[: behind.start()]), behind[0]
    return _kind(text), ""


def _kind(text: str) -> str | None:
    """The one kind whose words make up all of the text."""
    words = tuple(fold(_BRACKETED.sub(" ", text)).split())
    for kind, phrases in _labels().items():
        if words and _made_of(words, phrases):
            return kind
    return None


def _made_of(words: tuple[str, ...], phrases: frozenset[tuple[str, ...]]) -> bool:
    if not words:
        return True
    return any(words[:length] in phrases and _made_of(words[length:], phrases) for length in range(len(words), 0, -1))


def _has_digit(value: Cell) -> bool:
    return any(sign.isdigit() for sign in str(value))


@cache
def _labels() -> dict[str, frozenset[tuple[str, ...]]]:
    labels: dict[str, list[str]] = statement_words()["labels"]
    return {kind: frozenset(tuple(fold(word).split()) for word in words) for kind, words in labels.items()}


@cache
def _beginnings() -> tuple[str, ...]:
    return tuple(fold(word) + " " for word in statement_words()["rows"]["total"])


@cache
def _counting() -> tuple[str, ...]:
    return tuple(fold(word) + " " for word in statement_words()["rows"]["count"])
