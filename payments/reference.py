"""References: what a bank or provider calls a payment, and which of them a memo mentions.

A name is compared by a keyed hash of 64 bits, so that a memo's words need not be kept to be found again.
"""

import re
from collections.abc import Collection, Iterable
from hashlib import sha256

from ground.vault import Vault

# A bank's number for a transfer is a run of so many letters and digits. Shorter ones, and days, name too much.
_RUN_MIN, _DIGITS_MIN = 8, 6
_LETTERS = bytes(range(ord("A"), ord("Z") + 1))
_RUN_SIGNS = b"0123456789" + _LETTERS
_BLANKED = bytes(sign if sign in _RUN_SIGNS else ord(" ") for sign in bytes(range(256)).upper())
KEPT_MAX = 200
"""Letters of a name or an id that are kept; an index takes 2,700 bytes, and no bank or provider uses a hundred."""
_DAY = re.compile(rb"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])|([0-2]\d|3[01])(0[1-9]|1[0-2])(19|20)\d\d")


def bounded(name: str) -> str:
    """What is kept of a name or an id: all of it, or of one that is too long the beginning and a digest.

    So whatever a provider calls a payment, it is kept, and known when it is told again.
    """
    if len(name) <= KEPT_MAX:
        return name
    digest = sha256(name.encode()).hexdigest()
    return f"{name[: KEPT_MAX - len(digest) - 1]}~{digest}"


def plain(*told: str | None) -> list[bytes]:
    """As they are compared: upper case, without blanks at the ends and what is nothing then."""
    return [word for each in told if each and (word := each.strip().upper().encode())]


def runs(text: bytes, own: Collection[bytes] = ()) -> list[bytes]:
    """The words of a text that can be a bank's number: at least 8 letters and digits, at least 6 of them digits.

    Without `own`, the numbers of the accounts that the money came to.
    """
    found = [
        word
        for word in text.translate(_BLANKED).split()
        if len(word) >= _RUN_MIN
        and word not in own
        and (word.isdigit() or len(word.translate(None, _LETTERS)) >= _DIGITS_MIN)
        and (len(word) > _RUN_MIN or _DAY.fullmatch(word) is None)
    ]
    return list(dict.fromkeys(found)) if len(found) > 1 else found


def called(reference: str | None) -> list[bytes]:
    """What a payment with this reference answers to: the whole of it, and its longest run (Vietcombank's
    `MBVCB.3278907687` stands in memos as `MBVCB.3278907687.577023.…`)."""
    whole = reference.strip().upper().encode() if reference else b""
    if not whole or whole.isalnum():  # one run, or none
        return [whole] if whole else []
    return list({whole, max(runs(whole), key=len, default=whole)})


def mentioned(memo: bytes, references: Collection[str | None], own: Collection[bytes]) -> list[bytes]:
    """What a memo and further references mention, without the accounts that the money came to (`own`)."""
    words = runs(memo, own)
    if references:
        words = list(dict.fromkeys([*words, *(word for word in plain(*references) if word not in own)]))
    return words


def marks(vault: Vault, words: Iterable[bytes]) -> list[bytes]:
    """By which words are compared: the 8 bytes of a bigint for each."""
    return [hashed[:8] for hashed in vault.hash_all(words, b"reference:")]


def names(vault: Vault, reference: str | None) -> list[int]:
    return _numbers(vault, called(reference))


def named(vault: Vault, memo: str, own: Iterable[str | None]) -> list[int]:
    return _numbers(vault, mentioned(memo.encode(errors="replace"), (), plain(*own)))


def _numbers(vault: Vault, words: Iterable[bytes]) -> list[int]:
    return sorted(int.from_bytes(mark, "big", signed=True) for mark in marks(vault, words))
