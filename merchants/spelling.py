"""How people write words in files: folded for comparing, cleaned for keeping."""

import re
import unicodedata
from functools import lru_cache

# Line breaks and tabs are layout; every other control character and what stands for a lost letter is damage.
_DAMAGE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ud800-\udfff\ue000-\uf8ff]")
# Invisible: soft hyphen, zero-width signs, writing direction (phone books add it), byte-order mark.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WORD = re.compile(r"[a-z0-9]+")
_NUMBER = re.compile(r"(\d+)")


def fold(text: str) -> str:
    """Words in small letters without accents and signs, one space between: `Số  Sạp*` is `so sap`."""
    bare = text.casefold().replace("đ", "d").replace("&", " va ")
    if not bare.isascii():
        marked = unicodedata.normalize("NFKD", bare)
        bare = "".join(sign for sign in marked if not unicodedata.combining(sign))
    return " ".join(_WORD.findall(bare))


def squeeze(text: str) -> str:
    """As `fold`, and without spaces: `Số TK`, `số tk:` and `SoTK` are one spelling."""
    return fold(text).replace(" ", "")


def clean(text: str) -> str:
    """NFC, one space between words, nothing invisible, no apostrophe that only told Excel "this is text"."""
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return " ".join(text.split()).removeprefix("'").strip()


def is_damaged(text: str) -> bool:
    """Whether control characters or replacement signs stand in it; look before `clean`."""
    return not (text.isascii() and text.isprintable()) and _DAMAGE.search(text) is not None


@lru_cache(maxsize=8192)
def in_order(name: str) -> tuple[str | int, ...]:
    """A key to sort names by, A2 before A10: words and numbers by turns."""
    return tuple(int(part) if nth % 2 else part.casefold() for nth, part in enumerate(_NUMBER.split(name)))
