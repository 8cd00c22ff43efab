"""A staff password: strong enough, kept as argon2id, compared in the same time whoever asks."""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from zxcvbn import zxcvbn  # type: ignore[import-untyped]

from ground.refusal import Refusal

LENGTH_MIN, LENGTH_MAX = 10, 200
# zxcvbn's 0 to 4: 3 is "safely unguessable", about 10^8 guesses (Wheeler, USENIX Security 2016).
SCORE_MIN = 3
JUDGED_MAX = 72  # characters zxcvbn looks at: it slows with the square of them
_OWN_WORDS = ["market", "market40", "cho40", "chotruyenthong", "tieuthuong", "banquanly", "ubnd", "phuong", "vietnam"]
# RFC 9106's second choice (64 MiB), two at a time: a crowd of guesses must not take the memory.
_HASHER = PasswordHasher()
_TWO_AT_A_TIME = threading.BoundedSemaphore(2)
# Few may wait for their turn: the threads that answer pages must not all stand in this queue.
_SEATS = threading.BoundedSemaphore(8)


def seal(password: str, name: str) -> str:
    """The hash to keep. Refuses a password that is too short, too long or easily guessed, knowing whose it is."""
    told = _normal(password)
    if len(told) < LENGTH_MIN:
        raise Refusal("password.short", least=LENGTH_MIN)
    if len(told) > LENGTH_MAX:
        raise Refusal("password.long", most=LENGTH_MAX)
    if zxcvbn(told[:JUDGED_MAX], user_inputs=[*_parts(name), *_OWN_WORDS])["score"] < SCORE_MIN:
        raise Refusal("password.weak")
    with _turn():
        return _HASHER.hash(told)


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the password that was kept; without one it takes as long, and is wrong."""
    told = _normal(password[: LENGTH_MAX * 4])
    with _turn():
        try:
            _HASHER.verify(kept or _nobodys(), told)
        except VerifyMismatchError:
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether it was sealed with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def reseal(password: str) -> str:
    """The same password, known to be right, under today's parameters."""
    with _turn():
        return _HASHER.hash(_normal(password))


@contextmanager
def _turn() -> Iterator[None]:
    """Refuses (503) when too many are being judged already."""
    if not _SEATS.acquire(blocking=False):
        raise Refusal("password.busy", status=503)
    try:
        with _TWO_AT_A_TIME:
            yield
    finally:
        _SEATS.release()


def _normal(password: str) -> str:
    """Keyboards write the same Vietnamese letter in two ways; composed (RFC 8265, OpaqueString) they are one."""
    return unicodedata.normalize("NFC", password)


def _parts(name: str) -> list[str]:
    """The name as people write it into passwords: whole, in parts, without spaces and without marks."""
    told = _normal(name).casefold().replace("đ", "d")
    bare = "".join(c for c in unicodedata.normalize("NFD", told) if not unicodedata.combining(c))
    return [part for each in (told, bare) for part in (each, each.replace(" ", ""), *each.split())]


@cache
def _nobodys() -> str:
    return _HASHER.hash("nobody's password")
