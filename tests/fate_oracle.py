"""What became of sales, from scratch: the rows a sale and its fates leave in the books, one story after another.

Written from docs/indicators.md alone, as the fifth part of rates_oracle.py; it shares no line with the code it judges.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple


class Fate(NamedTuple):
    """What befell the sale of this number later, while it lay at `stall`; the fates of one sale are in their order.

    `stated`: no notice, a statement's line told of it. `confirmed`, `unconfirmed`: a line was paired with it, or that
    was undone. `reversed`, `restored`: the whole of it. `taken`: the bank took `amount` of it back. `corrected`:
    `amount` more, or less. `moved`: it is `to`'s. `refunded`, `reinstated`: `amount` on `day`. `not_sale`: the vendor
    says that it was none, `sale_again` that it was one after all.
    """

    sale: int
    kind: str
    stall: str
    amount: int = 0
    day: date = date.min
    to: str = ""


class Row(NamedTuple):
    """What the books say of a stall's day: net đồng, sales, đồng before refunds, and đồng a statement is sure of."""

    market: str
    stall: str
    day: date
    value: int
    number: int
    gross: int
    confirmed: int


def settle(sales: Sequence[tuple[str, str, date, int]], fates: Sequence[Fate]) -> list[Row]:
    stories: dict[int, list[Fate]] = {}
    for fate in fates:
        stories.setdefault(fate.sale, []).append(fate)
    return [row for number, sale in enumerate(sales) for row in _tell(sale, stories.get(number, []))]


def _tell(sale: tuple[str, str, date, int], story: Sequence[Fate]) -> list[Row]:
    market, stall, day, amount = sale
    whole, sold, sure, rows = True, True, False, []
    for fate in story:
        if fate.kind in ("stated", "confirmed", "unconfirmed"):
            sure = fate.kind != "unconfirmed"
        elif fate.kind in ("reversed", "restored"):
            whole = fate.kind == "restored"
        elif fate.kind in ("not_sale", "sale_again"):
            sold = fate.kind == "sale_again"
        elif fate.kind == "taken":
            amount -= fate.amount
        elif fate.kind == "corrected":
            amount += fate.amount
        elif fate.kind == "moved":
            stall = fate.to
        else:
            back = fate.amount if fate.kind == "refunded" else -fate.amount
            rows.append(Row(market, stall, fate.day, -back, 0, 0, 0))
    if whole and sold:
        rows.append(Row(market, stall, day, amount, 1, amount, amount if sure else 0))
    return rows
