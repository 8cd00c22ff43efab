"""What an applicant fills in: her stall, herself and her account, each read the way a cell of the roll is."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple, TypeVar

from ground.refusal import Refusal
from merchants import bank
from merchants.bank import Bank
from merchants.grid import Cell
from merchants.roll_cell import BadCell, read_account, read_bank, read_number, read_phone, read_text

LONGEST_NAME, LONGEST_STALL = 80, 40

Read = TypeVar("Read")


class Filled(NamedTuple):
    """`bin` is the acquirer BIN; `phone` is in its national form, `account` without separators."""

    stall: str
    name: str
    phone: str
    bin: str
    account: str
    account_name: str


def read(stall: str, name: str, phone: str, bank: str, account: str, account_name: str) -> Filled:
    """The fields of a form. Refuses the first that does not say what it asks for."""
    return Filled(
        _read(_at_most(LONGEST_STALL, read_number), stall, "application.bad_stall"),
        _read(_at_most(LONGEST_NAME, read_text), name, "application.bad_name"),
        _read(read_phone, phone, "application.bad_phone"),
        _read(read_bank, bank, "application.bad_bank"),
        _read(read_account, account, "application.bad_account"),
        _read(_at_most(LONGEST_NAME, read_text), account_name, "application.bad_account_name"),
    )


def _read(reader: Callable[[Cell], Read | None], typed: str, complaint: str) -> Read:
    try:
        found = reader(typed)
    except BadCell:
        found = None
    if found is None:
        raise Refusal(complaint)
    return found


def _at_most(longest: int, reader: Callable[[Cell], str | None]) -> Callable[[Cell], str | None]:
    def read_short(cell: Cell) -> str | None:
        found = reader(cell)
        return found if found is not None and len(found) <= longest else None

    return read_short


@cache
def banks() -> tuple[Bank, ...]:
    """The banks to choose from: those a transfer reaches, each once, in the order of what people call them."""
    known = {each.bin: each for each in bank.banks() if each.transfer_status >= 0 and bank.by_bin(each.bin) == each}
    return tuple(sorted(known.values(), key=lambda each: each.short_name.casefold()))
