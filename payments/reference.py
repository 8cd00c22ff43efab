"""References: what a bank or provider calls a payment, and which of them a memo mentions.

A name is compared by a keyed hash of 64 bits, so that a memo's words need not be kept to be found again.
"""

import re
from collections.abc import Iterable
from hashlib import sha256

from ground.vault import Vault

# A run of letters and digits that can be a bank's number for a transfer. Shorter ones, and days, name too much.
_RUN_MAX = 40
_RUN = re.compile(rf"[A-Z0-9]{{8,{_RUN_MAX}}}")
_ENOUGH_DIGITS = re.compile(r"(?:[A-Z]*[0-9]){6}")
KEPT_MAX = 200
"""Letters of a name or an id that are kept; an index takes 2,700 bytes, and no bank or provider uses a hundred."""
_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])|([0-2]\d|3[01])(0[1-9]|1[0-2])(19|20)\d\d")


def bounded(name: str) -> str:
    """What is kept of a name or an id: all of it, or of one that is too long the beginning and a digest.

    So whatever a provider calls a payment, it is kept, and known when it is told again.
    """
    if len(name) <= KEPT_MAX:
        return name
    digest = sha256(name.encode()).hexdigest()
    return f"{name[: KEPT_MAX - len(digest) - 1]}~{digest}"


def plain(reference: str | None) -> str | None:
    """As references are compared: upper case, no blanks at the ends; None when nothing is left."""
    return (reference or "").strip().upper() or None


def runs(text: str) -> list[str]:
    """The words of a text that can be a bank's number: at least 8 letters and digits, at least 6 of them digits."""
    enough, day = _ENOUGH_DIGITS.match, _DAY.fullmatch
    found = dict.fromkeys(_RUN.findall(text.upper()))
    return [run for run in found if enough(run) and not (len(run) == 8 and day(run))]


def names(vault: Vault, reference: str | None) -> list[int]:
    """What a payment with this reference answers to: the whole of it, and its longest run (Vietcombank's
    `MBVCB.3278907687` stands in memos as `MBVCB.3278907687.577023.…`)."""
    whole = plain(reference)
    if whole is None:
        return []
    if whole.isalnum() and whole.isascii() and len(whole) <= _RUN_MAX:  # one run, or none
        return [mark(vault, whole)]
    longest = max(runs(whole), key=len, default=whole)
    return sorted(mark(vault, name) for name in {whole, longest})


def named(vault: Vault, memo: str, references: Iterable[str], own: Iterable[str | None]) -> list[int]:
    """What a memo and further references mention, without the accounts that the money came to (`own`)."""
    words = runs(memo)
    if references:
        words = list(dict.fromkeys([*words, *filter(None, map(plain, references))]))
    known = [plain(each) for each in own if each]
    return sorted([vault.number(f"reference:{word}") for word in words if word not in known])


def mark(vault: Vault, name: str) -> int:
    return vault.number(f"reference:{name}")
