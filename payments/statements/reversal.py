"""Which lines a bank itself marks as undoing an earlier one, and the transaction numbers a text names."""

import re
from functools import cache

from merchants.spelling import fold
from payments.statements.heading import statement_words

MOST_NAMED = 8
_NUMBER = re.compile(r"[A-Za-z0-9]*[0-9][A-Za-z0-9]*(?:[._/-][A-Za-z0-9]+)*")
_PIECE = re.compile(r"[._/-]+")
_DIGITS = 6
_LONGEST = 64


def is_reversal(memo: str, kind: str | None = None) -> bool:
    """Whether the bank's own text begins with a word of reversal, or the column of kinds says so.

    Only for money going out: what a payer writes before a payment is no word of the bank.
    """
    if kind and fold(kind).startswith(_kinds()):
        return True
    begun = _beginning().match(fold(memo[:200]))
    return begun is not None and (begun["word"] is not None or begun["number"] is not None)


def named(text: str) -> tuple[str, ...]:
    """What could be a transaction's number in a text: at least six digits in one piece, whole and in its pieces."""
    found: dict[str, None] = {}
    for match in _NUMBER.finditer(text[:500]):
        whole = match[0]
        for piece in (whole, *_PIECE.split(whole)):
            if len(piece) <= _LONGEST and sum(sign.isdigit() for sign in piece) >= _DIGITS:
                found[piece] = None
    return tuple(found)[:MOST_NAMED]


@cache
def _beginning() -> re.Pattern[str]:
    words: dict[str, list[str]] = statement_words()["reversal"]
    sure, numbered = ("|".join(map(fold, words[key])) for key in ("words", "numbered"))
    number = r"(?:gd |so |ref |cua )*(?P<number>[a-z]{0,6}[0-9]{6,}[a-z0-9]*)\b"
    return re.compile(rf"(?:(?P<word>{sure})\b|(?:{numbered})\b (?:giao dich )?{number})")


@cache
def _kinds() -> tuple[str, ...]:
    return tuple(fold(word) for word in statement_words()["reversal"]["kinds"])
