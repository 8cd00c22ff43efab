"""The banks a VietQR can name: NAPAS BIN, names, and who is meant by what people write."""

import csv
import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from merchants.spelling import fold, squeeze

REFERENCE = Path(__file__).parent / "reference"
LONGEST = 200  # characters; no bank's name is longer, and a provider may send anything
# What may stand round a bank's own name and doesn't tell it from another.
_BEFORE = re.compile(
    r"^(ngan hang( so)?|nhtmcp|nhtm|nh|thuong mai( co phan)?|tmcp|tm cp|tnhh( mtv| mot thanh vien)?)\b ?"
)
_AFTER = re.compile(r" (viet nam|vietnam|vn)$")
_BRANCH = re.compile(r"[\s,(–-]+(chi nhánh|chi nhanh|cn|pgd|phòng giao dịch|phong giao dich|branch)\b.*", re.I | re.S)
_PART = re.compile(r"[()\[\],;:/|\n]| [-–] ")


@dataclass(frozen=True)
class Bank:
    """A row of banks.csv. `transfer_status`: 1 sends and receives, 0 receives only, -1 neither."""

    bin: str
    key: str
    code: str
    short_name: str
    name: str
    swift: str | None
    transfer_status: int


@cache
def banks() -> tuple[Bank, ...]:
    """Every bank, in the order of their BIN; three BINs stand twice, under an old and a new name."""
    with (REFERENCE / "banks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Bank(
            row["bin"],
            row["key"],
            row["code"],
            row["short_name"],
            row["name"],
            row["swift"] or None,
            int(row["transfer_status"]),
        )
        for row in rows
    )


def by_bin(bin: str) -> Bank | None:
    """The bank that goes by this BIN today."""
    return _by_bin().get(bin)


def short_name(bin: str) -> str:
    """What people call the bank; the BIN itself when nobody goes by it."""
    found = by_bin(bin)
    return found.short_name if found else bin


@lru_cache(maxsize=4096)
def find(text: str) -> Bank | None:
    """The bank meant by a BIN, code, key, short or full name or a common spelling; None when in doubt.

    Accents, capitals, spaces and signs don't matter, a branch after the name neither. `VCB - Vietcombank`
    is one bank said twice; two banks in one text are nobody.
    """
    if len(text) > LONGEST:
        return None
    found = _named(text) or _named(_BRANCH.sub("", text))
    if found:
        return found
    parts = [_named(part) for part in _PART.split(text)]
    bins = {part.bin for part in parts if part}
    return parts[0] if len(bins) == 1 else None


def spellings() -> dict[str, set[Bank]]:
    """Every known spelling, folded, with the banks that claim it: all of one BIN, a test sees to it."""
    claims: dict[str, set[Bank]] = {}
    further: dict[str, list[str]] = _words()["spellings"]
    for bank in banks():
        own = [bank.bin, bank.key, bank.code, bank.short_name, bank.name, *further.get(bank.key, [])]
        for spelling in own:
            for form in {squeeze(spelling), _core(spelling)}:
                claims.setdefault(form, set()).add(bank)
    exact = {squeeze(bank.name) for bank in banks()}
    for word in _words()["ambiguous"]["words"]:
        if squeeze(word) not in exact:
            claims.pop(squeeze(word), None)
    return claims


def _named(text: str) -> Bank | None:
    known = _spelled()
    return known.get(squeeze(text)) or known.get(_core(text))


def _core(text: str) -> str:
    """The folded text without "Ngân hàng TMCP …" before the name and "… Việt Nam" after it."""
    rest, before = fold(text), None
    while rest != before:
        before, rest = rest, _BEFORE.sub("", rest)
    return _AFTER.sub("", rest).replace(" ", "")


@cache
def _spelled() -> dict[str, Bank]:
    """Where old and new name of one BIN share a spelling, today's bank has it."""
    return {
        form: claimants.pop() if len(claimants) == 1 else _by_bin()[next(iter(claimants)).bin]
        for form, claimants in spellings().items()
    }


@cache
def _by_bin() -> dict[str, Bank]:
    current: dict[str, str] = _words()["current"]
    return {bank.bin: bank for bank in banks() if current.get(bank.bin, bank.key) == bank.key}


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((REFERENCE / "bank_spellings.toml").read_text("utf-8"))
