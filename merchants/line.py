"""A line of the roll: what it says of its stall, and what it leaves as the books have it."""

from collections.abc import Collection, Mapping
from typing import Any

from merchants.account import Ids
from merchants.chain import Content, Word
from merchants.roll_file import RollRow

_NOBODY = ("vacant", "closed")
_OF_A_MERCHANT = ("account_id", "virtual_account_id", "account_name")


def word(row: RollRow, columns: Collection[str], merchant_id: int | None, accounts: Ids) -> Word:
    """What the row says, its names turned into ids. An empty cell says "none"; an absent column says nothing."""
    cells = {
        "status": ("status", row.status),
        "section": ("section", row.section),
        "goods": ("goods", row.goods),
        "merchant": ("merchant_id", merchant_id),
        "account": ("account_id", accounts.get((row.bin or "", row.account or ""))),
        "virtual_account": ("virtual_account_id", accounts.get((row.bin or "", row.virtual_account or ""))),
        "account_name": ("account_name", row.account_name),
    }
    said = dict(cells[column] for column in cells if column in columns)
    return lambda before: _over(before, said)


def closing(before: Content | None) -> Content:
    """What a stall is that the board no longer lists: the place remains, whoever was there has left."""
    return _over(before, {"status": "closed"})


def _over(before: Content | None, said: Mapping[str, Any]) -> Content:
    """Another merchant doesn't inherit the accounts, nor another account the name that stood on the old one."""
    known = before or Content("trading")
    after = known._replace(**said)
    if "status" not in said and after.status in _NOBODY:
        after = after._replace(status="trading")
    if after.status in _NOBODY:
        return Content(after.status, after.section, after.goods)
    lost: tuple[str, ...] = ()
    if after.merchant_id != known.merchant_id:
        lost = _OF_A_MERCHANT
    elif (after.account_id, after.virtual_account_id) != (known.account_id, known.virtual_account_id):
        lost = ("account_name",)
    nothing: dict[str, Any] = {field: None for field in lost if field not in said}
    return after._replace(**nothing)
