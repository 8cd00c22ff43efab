"""The journal: entries that are written once and never changed, each in the same commit as its rollup.

One debit account, one credit account, one positive amount, and a kind that says why. Accounts are `world:sepay`
(money from outside, as one provider told of it), `suspense:sepay` (arrived, nobody's yet) and `stall:81`.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import orjson
from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment
from payments import stall_day
from payments.stall_day import Change


class Entry(SQLModel, table=True):
    """`sale`: world → stall. `held`: world → suspense. `attributed`: suspense → stall. `moved`: stall → stall."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str
    debit: str
    credit: str
    amount: int = Field(sa_type=BigInteger)
    business_date: date
    occurred_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    posted_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    notice_id: int = Field(sa_type=BigInteger)
    reason: str | None = None


class Movement(NamedTuple):
    """An entry to be written. amount: whole đồng, above 0."""

    kind: str
    debit: str
    credit: str
    amount: int
    business_date: date
    occurred_at: datetime
    notice_id: int
    reason: str | None = None


_WRITE = text("""
    INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id, reason)
    SELECT kind, debit, credit, amount, business_date, occurred_at, :now, notice_id, reason
    FROM json_to_recordset(CAST(:rows AS json)) AS m(kind text, debit text, credit text, amount bigint,
        business_date date, occurred_at timestamptz, notice_id bigint, reason text)
""")


def write(session: Session, movements: Sequence[Movement]) -> None:
    """Append entries and add them to the rollup, in the caller's transaction."""
    if not movements:
        return
    rows = orjson.dumps([movement._asdict() for movement in movements]).decode()
    session.execute(_WRITE, {"rows": rows, "now": clock.now()})
    stall_day.add(session, [change for movement in movements for change in _changes(movement)])


# In two halves, because each has an index of its own: what posted a notice, and what moved its money on.
_HOLDER = text("""
    SELECT credit FROM (
        SELECT id, credit FROM entry WHERE notice_id = :id AND kind IN ('sale', 'held')
        UNION ALL
        SELECT id, credit FROM entry WHERE notice_id = :id AND kind NOT IN ('sale', 'held')
    ) AS e ORDER BY id DESC LIMIT 1
""")


def holder(session: Session, notice_id: int) -> str | None:
    """The account on which the money of a notice lies now; None if it was never posted."""
    found: str | None = session.execute(_HOLDER, {"id": notice_id}).scalar_one_or_none()
    return found


def stall_account(stall_id: int) -> str:
    return f"stall:{stall_id}"


def _changes(movement: Movement) -> list[Change]:
    """Money in adds value and count to the stall's day; money moved on to another stall takes both away."""
    changes = []
    for account, sign in ((movement.credit, 1), (movement.debit, -1)):
        room, _, number = account.partition(":")
        if room == "stall":
            changes.append(Change(int(number), movement.business_date, sign * movement.amount, sign))
    return changes
