"""Which lines a bank itself marks as undoing an earlier one, and the transaction numbers a text names."""

import re
from functools import cache

from merchants.spelling import fold
from payments.statements.heading import statement_words

MOST_NAMED = 8
_NUMBER = re.compile(r"[A-Za-z0-9]+(?:[._/-]+[A-Za-z0-9]+)*")
_PIECE = re.compile(r"[._/-]+")
_ENOUGH_DIGITS = re.compile(r"(?:[^0-9]*+[0-9]){6}")
_LONGEST = 64


def is_reversal(memo: str, kind: str | None = None) -> bool:
    """Whether the bank's own text begins with a word of reversal, or the column of kinds says so.

    Only for money going out: what a payer writes before a payment is no word of the bank.
    """
    if kind and fold(kind).startswith(_kinds()):
        return True
    return _beginning().match(fold(memo[:200])) is not None


def references_of_debit(memo: str, reference: str | None, undoes: bool) -> tuple[str | None, tuple[str, ...]]:
    """A debit's reference and the further ones it carries.

    What it reverses stands in its text; its own number is only its own.
    """
    names = named(memo)
    if not (undoes and names):
        return reference, names
    undone, *others = sorted(names, key=lambda name: not name.isalnum())
    return undone, (*others, *filter(None, (reference,)))


def named(text: str) -> tuple[str, ...]:
    """What could be a transaction's number in a text: at least six digits, alone or joined to what stands beside it."""
    found: dict[str, None] = {}
    for match in _NUMBER.finditer(text[:500]):
        whole = match[0]
        pieces = _PIECE.split(whole)
        # `MBVCB.3278907687` is one number with its channel, `FT26278000000001.MBVCB` one with something behind it.
        for piece in (*pieces, whole) if _is_number(pieces[0]) else (whole, *pieces):
            if _is_number(piece):
                found[piece] = None
    return tuple(found)[:MOST_NAMED]


def _is_number(piece: str) -> bool:
    return len(piece) <= _LONGEST and _ENOUGH_DIGITS.match(piece) is not None


@cache
def _beginning() -> re.Pattern[str]:
    words: dict[str, list[str]] = statement_words()["reversal"]
    sure, numbered = ("|".join(map(fold, words[key])) for key in ("words", "numbered"))
    number = r"(?:gd |so |ref |cua )*(?:[a-z]{0,6}[0-9]{6,}[a-z0-9]*)\b"
    return re.compile(rf"(?:{sure})\b|(?:{numbered}) {number}")


@cache
def _kinds() -> tuple[str, ...]:
    return tuple(fold(word) for word in statement_words()["reversal"]["kinds"])
