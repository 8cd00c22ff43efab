"""What a genuine placard says, by its serial: for anybody who stands before one and wonders."""

import re
from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground.refusal import Refusal
from merchants import account, bank
from merchants.merchant import NAMELESS
from merchants.token import ALPHABET

# As people type what they read: the serials' alphabet has no I, L, O and U.
_READ_AS = str.maketrans("ILOU", "110V")
_SERIAL = re.compile(f"C[{ALPHABET}]{{7}}")
_PERSON_WORDS = range(3, 5)


class Truth(NamedTuple):
    """`state`: live, coming or revoked on the day asked; `holder` is whom a bank app names, where that is known."""

    serial: str
    market_code: str
    market: str
    stall: str
    vendor: str
    bank: str
    tail: str
    holder: str | None
    live_from: date
    revoked_on: date | None
    state: str


_TRUTH = text("""
    SELECT c.serial, m.code AS market_code, m.name AS market, s.number AS stall, t.name AS vendor, a.bin, a.number,
        CASE WHEN state.account_id = c.account_id THEN state.account_name END AS holder, c.live_from, c.revoked_on
    FROM code c
    JOIN stall s ON s.id = c.stall_id
    JOIN market m ON m.id = s.market_id
    JOIN merchant t ON t.id = c.merchant_id
    JOIN account a ON a.id = c.account_id
    LEFT JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= greatest(:day, c.live_from)
        AND (state.until IS NULL OR greatest(:day, c.live_from) < state.until)
    WHERE c.serial = :serial
""")


def read_serial(typed: str) -> str:
    """The serial meant by what somebody typed; Refusal (404) when it can't be one."""
    plain = "".join(letter for letter in typed.upper() if letter.isalnum()).translate(_READ_AS)
    if not _SERIAL.fullmatch(plain):
        raise Refusal("truth.unknown", serial=typed.strip()[:20], status=404)
    return plain


def tell(session: Session, serial: str, day: date) -> Truth:
    """What the placard of this serial must say; Refusal (404) when there is none."""
    row = session.execute(_TRUTH, {"serial": serial, "day": day}).one_or_none()
    if row is None:
        raise Refusal("truth.unknown", serial=serial, status=404)
    return Truth(
        row.serial,
        row.market_code,
        row.market,
        row.stall,
        shorten(row.vendor),
        bank.short_name(row.bin),
        account.tail(row.number),
        row.holder and shorten(row.holder),
        row.live_from,
        row.revoked_on,
        _state(row.live_from, row.revoked_on, day),
    )


def shorten(name: str) -> str:
    """`NGUYEN THI BA` as `NGUYEN T. BA`: enough to compare with what one sees, less than one could collect.

    Longer names are a shop's, and stand on its sign.
    """
    words = name.split()
    if len(words) not in _PERSON_WORDS or name == NAMELESS:
        return name
    return " ".join([words[0], *(f"{word[0]}." for word in words[1:-1]), words[-1]])


def _state(live_from: date, revoked_on: date | None, day: date) -> str:
    if revoked_on is not None and revoked_on <= day:
        return "revoked"
    return "live" if live_from <= day else "coming"
