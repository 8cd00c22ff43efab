"""The journal: entries that are written once and never changed, each in the same commit as its rollup.

One debit account, one credit account, one positive amount, and a kind that says why. Accounts are `world:sepay`
(money from outside, as one provider told of it), `suspense:sepay` (arrived, nobody's yet) and `stall:81`.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel, col, select

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
    FROM unnest(CAST(:kinds AS text[]), CAST(:debits AS text[]), CAST(:credits AS text[]),
        CAST(:amounts AS bigint[]), CAST(:days AS date[]), CAST(:moments AS timestamptz[]),
        CAST(:notices AS bigint[]), CAST(:reasons AS text[]))
        AS m(kind, debit, credit, amount, business_date, occurred_at, notice_id, reason)
""")


def write(session: Session, movements: Sequence[Movement]) -> None:
    """Append entries and add them to the rollup, in the caller's transaction."""
    if not movements:
        return
    columns = list(zip(*movements, strict=True))
    names = ("kinds", "debits", "credits", "amounts", "days", "moments", "notices", "reasons")
    parameters = {name: list(values) for name, values in zip(names, columns, strict=True)}
    session.execute(_WRITE, {**parameters, "now": clock.now()})
    stall_day.add(session, [change for movement in movements for change in _changes(movement)])


def holder(session: Session, notice_id: int) -> str | None:
    """The account on which the money of a notice lies now; None if it was never posted."""
    latest = select(Entry.credit).where(Entry.notice_id == notice_id).order_by(col(Entry.id).desc())
    return session.exec(latest).first()


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
