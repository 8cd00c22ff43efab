"""The stall token: what a payer's memo carries, drawn, checked, and found again in what banks made of it."""

import random as randomness
import re
import secrets
from functools import lru_cache

from merchants.vietqr import fold

PREFIX = "ZCH"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which are read as 1, 1, 0 and V."""

_DIGITS = ALPHABET[:10]
# Digit, letter, digit, two of either: words do not go on with a digit after "…Z CH", numbers not with a
# letter after their first digit, flat and shop numbers ("CH 2B 5") hardly with one of these letters, and a
# random reference fits 25 times more rarely than with any five characters. 1.3 million tokens are left.
_BODY = (_DIGITS, "GHJNPQRSVWXYZ", _DIGITS, ALPHABET, ALPHABET)
_SHAPE = f"{PREFIX}{''.join(f'[{letters}]' for letters in _BODY)}[{ALPHABET}]"
_TOKEN = re.compile(_SHAPE)
_LENGTH = len(PREFIX) + len(_BODY) + 1
_SPLIT_PREFIX = re.compile("[^a-zA-Z0-9]*+".join(f"[{letter}{letter.lower()}]" for letter in PREFIX))
_SEPARATOR = re.compile(r"[^A-Z0-9]+")
_UPPER = bytes(range(256)).upper()
_ASCII_SEPARATORS = bytes(sign for sign in range(128) if not chr(sign).isalnum())
# Multiplication by the primitive element of GF(32) = GF(2)[x]/(x⁵ + x² + 1).
_TIMES_X = [(value << 1) ^ (0b100101 if value & 16 else 0) for value in range(32)]
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}


def draw(random: randomness.Random | None = None) -> str:
    """A token nobody can foretell; a seeded `random` makes a demo repeatable. Uniqueness is the caller's."""
    source = random or secrets.SystemRandom()
    while True:
        body = "".join(source.choice(letters) for letters in _BODY)
        token = PREFIX + body + _check_character(body)
        if is_token(token):
            return token


@lru_cache(4096)
def is_token(text: str) -> bool:
    """Whether this is a token exactly as it is drawn. One that ended like a prefix could overlap with the next token of
    a joined memo."""
    return (
        _TOKEN.fullmatch(text) is not None
        and _check_character(text[len(PREFIX) : -1]) == text[-1]
        and not text.endswith(PREFIX)
    )


def find(memo: str) -> list[str]:
    """The distinct tokens in a memo in order of appearance, however it was prefixed, joined, split, re-cased.

    A candidate whose check character fails is none: it is never mended. A token that was cut is lost; if text
    joined to its stump has the right shape, one in 32 passes for a token, which is why the receiving account,
    never the token alone, says whose money it is.
    """
    squeezed = _squeeze(memo)
    found: dict[str, None] = {}
    at = squeezed.find(PREFIX)
    while at >= 0:  # from each prefix on, because the end of one that fails may be the beginning of a true one
        candidate = squeezed[at : at + _LENGTH]
        if is_token(candidate):
            found[candidate] = None
        at = squeezed.find(PREFIX, at + 1)
    return list(found)


def _squeeze(memo: str) -> str:
    """Capitals and digits alone. This runs for every notice and line: nearly all are ASCII, and hardly any has a Z."""
    if memo.isascii():
        return memo.encode().translate(_UPPER, _ASCII_SEPARATORS).decode()
    if _SPLIT_PREFIX.search(memo) is None:
        return ""
    return _SEPARATOR.sub("", fold(memo))


def _check_character(body: str) -> str:
    """Makes Σ xⁱ·cᵢ = 0 over GF(32), the check character being c₀.

    No weight is zero and no two are equal, so any one wrong character and any two exchanged ones are noticed.
    """
    check = 0
    for letter in body:
        check = _TIMES_X[check ^ _VALUE[letter]]
    return ALPHABET[check]
