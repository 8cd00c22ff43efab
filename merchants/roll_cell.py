"""One cell of a roll: read into what it says, or refused with the reason."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Literal, cast

from merchants import bank
from merchants.grid import Cell
from merchants.roll_layout import is_blank, roll_words
from merchants.spelling import clean, is_damaged, squeeze

Status = Literal["trading", "vacant", "suspended", "closed"]

LONGEST_TEXT = 200
LONGEST_ACCOUNT = 19
# A cell that says 2026 is the 2026th day of Excel's calendar, in 1905: no stall's day.
EARLIEST, LATEST = date(1950, 1, 1), date(2100, 12, 31)
_DAY_ZERO = date(1899, 12, 30)
# Excel keeps 15 digits of a number; of the others it makes zeros.
_FIRST_ROUNDED = 10**15

_FAILED = re.compile(r"=.*|#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA|FIELD!)", re.S)
_SCIENTIFIC = re.compile(r"[0-9]([.,][0-9]+)?[eE]\+[0-9]+")
_DAY_FIRST = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})")
_SHORT_YEAR = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})([/.-])([0-9]{1,2})\2([0-9]{1,2})")
_CLOCK = re.compile(r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?Z?$")
_SERIAL = re.compile(r"[0-9]{5}([.,][0-9]+)?")
_PHONE = re.compile(r"\(?(\+?)[0-9 .()–-]+")
_NATIONAL = re.compile(r"[35789][0-9]{8}|2[0-9]{9}")
_SEPARATORS = re.compile(r"[\s.–_-]")
_ACCOUNT = re.compile(r"[0-9A-Z]{1,19}")


class BadCell(Exception):
    """A cell that doesn't say what its column asks for; `code` is a key of the word files."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def read_text(cell: Cell) -> str | None:
    """NFC, one space between words; None when blank. The number 12.0 is the text `12`."""
    if cell is None:
        return None
    if isinstance(cell, str):
        return _written(cell)
    if isinstance(cell, bool):
        raise BadCell("roll.truth_value")
    if isinstance(cell, date):
        raise BadCell("roll.date_in_text", shown=show(cell))
    return _plain(cell)


def read_number(cell: Cell) -> str | None:
    """As `read_text`, for what Excel likes to take for a quantity: refused where it has rounded it."""
    text = read_text(cell)
    if text and _SCIENTIFIC.fullmatch(text):
        raise BadCell("roll.rounded")
    return text


def read_phone(cell: Cell) -> str | None:
    """A Vietnamese mobile (0 and 9 digits) or landline (02 and 9 digits), however it is usually written."""
    text = _unless_none(read_number(cell))
    if text is None:
        return None
    written = _PHONE.fullmatch(text)
    if not written or _is_fraction(cell):
        raise BadCell("roll.bad_phone")
    digits = re.sub("[^0-9]", "", text)
    if written[1] or digits.startswith("0084") or (digits.startswith("84") and len(digits) > 10):
        country, digits = digits.removeprefix("00")[:2], digits.removeprefix("00")[2:]
        if country != "84":
            raise BadCell("roll.bad_phone")
    national = digits.removeprefix("0")
    if not _NATIONAL.fullmatch(national):
        raise BadCell("roll.bad_phone")
    return "0" + national


def read_status(cell: Cell) -> Status:
    """What the stall is; trading where nothing is said."""
    text = read_text(cell)
    if text is None:
        return "trading"
    status = _status(text)
    if status is None:
        raise BadCell("roll.bad_status", text=text)
    return status


def read_since(cell: Cell) -> date | None:
    """dd/mm/yyyy, yyyy-mm-dd (also with . or -), an Excel date or its serial number; four-digit years."""
    if isinstance(cell, datetime):
        return _likely(cell.date())
    if isinstance(cell, date):
        return _likely(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _serial(cell)
    text = read_text(cell)
    return None if text is None else _dated(_CLOCK.sub("", text))


def read_bank(cell: Cell) -> str | None:
    """The acquirer BIN of the bank that is named."""
    text = _unless_none(read_text(cell))
    if text is None:
        return None
    found = bank.find(text)
    if found is None:
        raise BadCell("roll.unknown_bank", text=text)
    return found.bin


def read_account(cell: Cell) -> str | None:
    """1–19 letters and digits in capitals; spaces, dots and dashes are only for the eye."""
    text = _unless_none(read_number(cell))
    if text is None:
        return None
    number = _SEPARATORS.sub("", text).upper()
    if _is_fraction(cell) or not _ACCOUNT.fullmatch(number):
        raise BadCell("roll.bad_account", most=LONGEST_ACCOUNT)
    return number


READERS: dict[str, Callable[[Cell], object]] = {
    "stall": read_number,
    "section": read_text,
    "goods": read_text,
    "merchant": read_text,
    "phone": read_phone,
    "status": read_status,
    "since": read_since,
    "bank": read_bank,
    "account": read_account,
    "account_name": read_text,
    "virtual_account": read_account,
}


def show(cell: Cell) -> str:
    """A cell's value as an error quotes it, at most 80 characters and none of them unprintable."""
    if cell is None:
        return ""
    if isinstance(cell, date):
        return f"{cell:%d/%m/%Y}"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = " ".join(str(cell).split())
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in text[:80])
    return shown + ("…" if len(text) > 80 else "")


def _written(cell: str) -> str | None:
    if is_blank(cell):
        return None
    if is_damaged(cell):
        raise BadCell("roll.control_character")
    text = clean(cell)
    if text[0] in "=#" and _FAILED.fullmatch(text):
        raise BadCell("roll.failed_formula")
    if len(text) > LONGEST_TEXT:
        raise BadCell("roll.too_long", most=LONGEST_TEXT, length=len(text))
    return text


def _plain(number: float) -> str:
    if not abs(number) < _FIRST_ROUNDED:  # so that infinity and "not a number" end here too
        raise BadCell("roll.rounded")
    return str(int(number)) if number == int(number) else repr(number)


def _is_fraction(cell: Cell) -> bool:
    """A quantity that is no phone or account: its dot or minus must not be taken for a separator."""
    return isinstance(cell, int | float) and (cell < 0 or cell != int(cell))


def _unless_none(text: str | None) -> str | None:
    """None for "không có", "0" and the like."""
    return None if text is None or (len(text) < 20 and squeeze(text) in _blanks()) else text


@cache
def _blanks() -> frozenset[str]:
    return frozenset(squeeze(word) for word in roll_words()["blanks"]["words"])


@lru_cache(maxsize=1024)
def _status(text: str) -> Status | None:
    """By the whole text, else by what stands before a bracket: `Trống (chưa cho thuê)`."""
    return _statuses().get(squeeze(text)) or _statuses().get(squeeze(text.partition("(")[0]))


@cache
def _statuses() -> dict[str, Status]:
    return {squeeze(word): cast(Status, status) for status, words in roll_words()["statuses"].items() for word in words}


def _dated(text: str) -> date:
    if _SERIAL.fullmatch(text):
        return _serial(float(text.replace(",", ".")))
    if _SHORT_YEAR.fullmatch(text):
        raise BadCell("roll.short_year", text=text)
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year = match[1], match[3], match[4]
    elif match := _YEAR_FIRST.fullmatch(text):
        year, month, day = match[1], match[3], match[4]
    else:
        raise BadCell("roll.bad_date", text=text)
    try:
        return _likely(date(int(year), int(month), int(day)))
    except ValueError as error:
        raise BadCell("roll.no_such_date", text=text) from error


def _serial(number: float) -> date:
    """Days since 30 December 1899; the time of day is dropped."""
    if not 0 <= number <= (LATEST - _DAY_ZERO).days:
        raise BadCell("roll.bad_date", text=f"{number:.15g}")
    return _likely(_DAY_ZERO + timedelta(days=int(number)))


def _likely(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise BadCell("roll.unlikely_date", text=show(day), earliest=show(EARLIEST), latest=show(LATEST))
    return day
