"""One cell of a statement: an amount in whole đồng, a text, a number; or the reason why it can't be read."""

import re

from merchants.grid import Cell
from merchants.spelling import clean, is_damaged

# BIGINT ends at 9.2·10^18, and nothing near it is money.
AMOUNT_MAX = 10**18
# A float keeps 15 digits for sure; what has more was rounded by Excel.
_FIRST_ROUNDED = 10**15
_REMEMBERED = 100_000

_CURRENCY = re.compile(r"(?:vnd|vnđ|đồng|dong|đ|₫)\.?", re.I)
_FOREIGN = re.compile(r"[A-Z]{3}|[$€£¥]")
_BLANK = re.compile(r"[-–—.\s]*")
# Groups of three, commas or dots or spaces throughout, then at most two decimals after the other sign.
_WRITTEN = re.compile(
    r"(?P<whole>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|)"
    r"(?:[.,](?P<fraction>[0-9]{1,2}))?"
)
_COMMON = re.compile(r"[0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,4}")
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_amounts: dict[str, int | None] = {}


class Unreadable(Exception):
    """A cell that doesn't say what its column asks for; `code` is a key of the word files."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def read_amount(cell: Cell) -> int | None:
    """Whole đồng, negative where the bank says so (`-1,000`, `(1,000)`, `1,000-`); None when blank."""
    if cell is None or cell == "":
        return None
    if type(cell) is str:
        known = _amounts.get(cell)
        if known is not None:
            return known
        amount = int(cell.replace(",", "")) if _COMMON.fullmatch(cell) else _written(cell)
        if len(_amounts) < _REMEMBERED:
            _amounts[cell] = amount
        return amount
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise Unreadable("statement.bad_amount", text=show(cell))
    return _plain(cell)


def read_text(cell: Cell) -> str | None:
    """NFC, one space between words; None when blank. The number 12.0 is the text `12`."""
    if cell is None or cell == "":
        return None
    if type(cell) is not str:
        if isinstance(cell, float) and cell.is_integer():
            if abs(cell) >= _FIRST_ROUNDED:
                raise Unreadable("statement.rounded", text=show(cell))
            return str(int(cell))
        return show(cell)
    if cell.isascii():
        text = " ".join(cell.split())
        return (clean(unwrap(text)) or None) if text[:1] in ("=", "'") else text or None
    return clean(unwrap(cell)) or None


def read_memo(cell: Cell) -> str:
    """As `read_text`, and control characters are damage."""
    text = read_text(cell)
    if text is None:
        return ""
    if not text.isprintable() and is_damaged(text):
        raise Unreadable("statement.control_character")
    return text


def read_whole(cell: Cell) -> int | None:
    """A line number; None when it is anything else, for it is only a help."""
    if type(cell) is str:
        if not (cell.isascii() and cell.isdecimal()):
            cell = cell.strip()
        return int(cell) if cell.isascii() and cell.isdecimal() and len(cell) < 16 else None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _FIRST_ROUNDED:
        return int(cell)
    return None


def unwrap(text: str) -> str:
    """`="0123"`, which keeps Excel from taking a text for a number, as `0123`."""
    kept = _TEXT_FORMULA.fullmatch(text)
    return kept[1] if kept else text


def show(cell: Cell) -> str:
    """A cell's value as an error quotes it, at most 60 characters and none of them unprintable."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = " ".join(str(cell).split())
    shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in text[:60])
    return shown + ("…" if len(text) > 60 else "")


def _written(cell: str) -> int | None:
    text = clean(unwrap(cell.strip()).replace("−", "-"))
    if _BLANK.fullmatch(text):
        return None
    bare = _CURRENCY.sub("", text).strip()
    if _FOREIGN.search(bare):
        raise Unreadable("statement.foreign_amount", text=show(cell))
    negative = True
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1]
    elif bare.startswith("-"):
        bare = bare[1:]
    elif bare.endswith("-"):
        bare = bare[:-1]
    else:
        negative, bare = False, bare.removeprefix("+")
    bare = bare.strip()
    written = _WRITTEN.fullmatch(bare)
    if not written or not bare:
        raise Unreadable("statement.bad_amount", text=show(cell))
    if (written["fraction"] or "0").strip("0"):
        raise Unreadable("statement.fraction", text=show(cell))
    amount = int(re.sub("[^0-9]", "", written["whole"]) or 0)
    return _believable(-amount if negative else amount, cell)


def _plain(number: float) -> int:
    if not abs(number) < _FIRST_ROUNDED:  # so that infinity and "not a number" end here too
        raise Unreadable("statement.rounded", text=str(number))
    if number != int(number):
        raise Unreadable("statement.fraction", text=str(number))
    return int(number)


def _believable(amount: int, cell: str) -> int:
    if abs(amount) >= AMOUNT_MAX:
        raise Unreadable("statement.huge", text=show(cell))
    return amount
