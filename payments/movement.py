"""An entry that is about to be written in the journal."""

from datetime import date, datetime
from typing import NamedTuple

OF_REFUNDS = ("refund", "reinstated")
"""Kinds that change what a stall has, never what it sold. Its text is SQL's too: `kind IN {OF_REFUNDS}`."""


class Movement(NamedTuple):
    """amount: whole đồng, above 0. occurred_at None: only the day is known. sales: 0 or 1."""

    kind: str
    debit: str
    credit: str
    amount: int
    business_date: date
    occurred_at: datetime | None
    notice_id: int | None
    reason: str | None = None
    line_id: int | None = None
    by_line_id: int | None = None
    sales: int = 1
