"""The journal: entries that are written once and never changed, each in the same commit as its rollup.

One debit account, one credit account, one positive amount, and a kind that says why. Accounts are `world:sepay`
(money from outside, as one provider told of it; `world:statement` as a statement did), `suspense:sepay` (arrived,
nobody's yet), `stall:81` and `own:81` (the stall's, but no sale). An entry is about one payment: the notice that told
of it, or the statement's line where no notice did.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Column, Identity, SmallInteger, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment
from payments import own_effect, stall_day
from payments.movement import OF_REFUNDS, Movement
from payments.own_effect import Payment, Standing
from payments.stall_day import Change


class Entry(SQLModel, table=True):
    """Kinds, each from its debit to its credit account:

    `sale` world → stall and `held` world → suspense: the first posting of a payment. `attributed` suspense → stall,
    `moved` stall → stall, `returned` stall → suspense: it is another's. `reversal` → world: the bank undid it or we
    corrected ourselves, on the sale's own day; `restored` takes a reversal back. `corrected`: the statement tells
    another amount. `refund` stall → world: the vendor gave money back, on the day it was made; `reinstated` undoes it.
    `not_sale` stall → own: the vendor says that it was none; `sale_again` own → stall undoes it.

    sales: how many sales it takes from the debit to the credit account, 0 or 1. by_line_id: the statement's line
    that it follows from.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str
    debit: str
    credit: str
    amount: int = Field(sa_type=BigInteger)
    business_date: date
    occurred_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    posted_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    notice_id: int | None = Field(default=None, sa_type=BigInteger)
    line_id: int | None = Field(default=None, sa_type=BigInteger)
    by_line_id: int | None = Field(default=None, sa_type=BigInteger)
    sales: int = Field(default=1, sa_type=SmallInteger)
    reason: str | None = None


_WRITE = text("""
    INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id, line_id,
        by_line_id, sales, reason)
    SELECT kind, debit, credit, amount, business_date, occurred_at, :now, notice_id, line_id, by_line_id, sales, reason
    FROM json_to_recordset(CAST(:rows AS json)) AS m(kind text, debit text, credit text, amount bigint,
        business_date date, occurred_at timestamptz, notice_id bigint, line_id bigint, by_line_id bigint,
        sales smallint, reason text)
""")
_CONFIRMED = text("SELECT notice_id FROM match WHERE notice_id = ANY(:ids) AND undone_at IS NULL")


CHANNEL = "journal"
"""On which the database tells, with a commit, whose stalls it has entries of: their ids, or `*` of too many to name."""
_TELL = text("SELECT pg_notify(:channel, :stalls)")
_NAMED_MAX = 500


def write(session: Session, movements: Sequence[Movement]) -> None:
    """Append entries and add them to the rollup, in the caller's transaction; what vendors said of them follows."""
    _append(session, movements)
    # Nobody can have said anything of a payment that was in no book.
    later = [each for each in movements if each.kind not in ("sale", "held")]
    if later:
        follow(
            session,
            [each.notice_id for each in later if each.notice_id is not None],
            [each.line_id for each in later if each.line_id is not None],
        )


def follow(session: Session, notices: Iterable[int], lines: Iterable[int]) -> None:
    """Bring the journal to what vendors say of these payments."""
    _append(session, owed(session, notices, lines))


def owed(session: Session, notices: Iterable[int], lines: Iterable[int]) -> list[Movement]:
    """What the journal lacks of vendors' own words of these payments."""
    told = own_effect.known(session, notices, lines)
    if told is None:
        return []
    payments = [payment for cluster in told.clusters for payment in cluster]
    return own_effect.owed(told, standings(session, payments))


def standings(session: Session, payments: Iterable[Payment]) -> dict[Payment, Standing]:
    """Those of the payments that lie at a stall, with more than nothing."""
    asked = list(payments)
    of_notices = positions_of_notices(session, [each[0] for each in asked if each[0] is not None])
    of_lines = positions_of_lines(session, [each[1] for each in asked if each[1] is not None])
    places: dict[Payment, Position] = {(key, None): place for key, place in of_notices.items()}
    places |= {(None, key): place for key, place in of_lines.items()}
    found = {}
    for payment, place in places.items():
        stall_id = stall_of(place.account)
        if place.amount > 0 and stall_id is not None:
            apart = place.account != stall_account(stall_id)
            found[payment] = Standing(stall_id, apart, place.amount, place.business_date, place.occurred_at)
    return found


def _append(session: Session, movements: Sequence[Movement]) -> None:
    if not movements:
        return
    rows = orjson.dumps([movement._asdict() for movement in movements]).decode()
    session.execute(_WRITE, {"rows": rows, "now": clock.now()})
    # A first posting is never matched yet.
    ids = [each.notice_id for each in movements if each.kind not in ("sale", "held") and each.notice_id is not None]
    confirmed = set(session.execute(_CONFIRMED, {"ids": ids}).scalars()) if ids else set()
    changes = [change for each in movements for change in _changes(each, confirmed)]
    stall_day.add(session, changes)
    stalls = sorted({change.stall_id for change in changes})
    if stalls:
        named = ",".join(map(str, stalls)) if len(stalls) <= _NAMED_MAX else "*"
        session.execute(_TELL, {"channel": CHANNEL, "stalls": named})


class Position(NamedTuple):
    """Where the money of a payment lies: `account` is the last it lay on, with amount 0 where it was taken off again.

    Refunds are left out: they are the stall's own doing afterwards.
    """

    account: str
    business_date: date
    amount: int
    occurred_at: datetime | None


_POSITIONS = """
    WITH e AS ({entries}), side AS (
        SELECT subject, id, credit AS account, business_date, occurred_at, amount, 1 AS sign FROM e
        UNION ALL
        SELECT subject, id, debit, business_date, occurred_at, -amount, -1 FROM e
    ), held AS (
        SELECT *, sum(amount) OVER (PARTITION BY subject, account, business_date) AS balance
        FROM side WHERE account NOT LIKE 'world:%'
    )
    SELECT DISTINCT ON (subject) subject, account, business_date, balance::bigint AS amount, occurred_at
    FROM held ORDER BY subject, balance > 0 DESC, id DESC, sign DESC
"""
# In two halves, because each has an index of its own: what posted a payment, and what moved its money on.
_ENTRIES = """
    SELECT {column} AS subject, id, debit, credit, amount, business_date, occurred_at FROM entry
    WHERE {column} = ANY(:ids) AND kind IN ('sale', 'held')
    UNION ALL
    SELECT {column}, id, debit, credit, amount, business_date, occurred_at FROM entry
    WHERE {column} = ANY(:ids) AND kind NOT IN ('sale', 'held', 'refund', 'reinstated')
"""
_POSITIONS_OF = {
    column: text(_POSITIONS.format(entries=_ENTRIES.format(column=column))) for column in ("notice_id", "line_id")
}


def positions_of_notices(session: Session, ids: Iterable[int]) -> dict[int, Position]:
    """By notice; those never posted are left out."""
    return _positions(session, "notice_id", ids)


def positions_of_lines(session: Session, ids: Iterable[int]) -> dict[int, Position]:
    """By statement line; those never posted are left out."""
    return _positions(session, "line_id", ids)


def _positions(session: Session, column: str, ids: Iterable[int]) -> dict[int, Position]:
    wanted = list(ids)
    rows: Iterable[Any] = session.execute(_POSITIONS_OF[column], {"ids": wanted}) if wanted else ()
    return {row.subject: Position(row.account, row.business_date, row.amount, row.occurred_at) for row in rows}


def move(
    position: Position, target: str, reason: str, *, notice_id: int | None = None, line_id: int | None = None
) -> Movement:
    """The entry that gives a payment's money to another account, on the day it came, whenever that is decided."""
    kind = "moved"
    if position.account.startswith("suspense:"):
        kind = "attributed"
    elif target.startswith("suspense:"):
        kind = "returned"
    day, moment = position.business_date, position.occurred_at
    return Movement(kind, position.account, target, position.amount, day, moment, notice_id, reason, line_id)


def right(
    position: Position,
    wanted: int,
    world: str,
    *,
    by: int | None,
    taken: bool,
    notice_id: int | None = None,
    line_id: int | None = None,
) -> list[Movement]:
    """The entry that brings a payment's money to `wanted`, on its own day.

    taken: a debit took part of it back, which is no correction.
    """
    difference = wanted - position.amount
    if difference == 0:
        return []
    whole = wanted == 0 or position.amount == 0
    kind = "corrected"
    if whole or taken:
        kind = "restored" if difference > 0 else "reversal"
    debit, credit = (world, position.account) if difference > 0 else (position.account, world)
    day, moment = position.business_date, position.occurred_at
    sales = 1 if whole else 0
    amount = abs(difference)
    return [Movement(kind, debit, credit, amount, day, moment, notice_id, "statement", line_id, by, sales)]


def stall_account(stall_id: int) -> str:
    return f"stall:{stall_id}"


def stall_of(account: str) -> int | None:
    """The stall whose account it is, of sales or of what was none; None for suspense and the world."""
    room, _, number = account.partition(":")
    return int(number) if room in ("stall", "own") else None


def lies_there(position: Position, target: str) -> bool:
    """Whether the money is where it belongs. A stall's that was no sale is the stall's all the same."""
    return position.account == target or stall_of(position.account) == stall_of(target) is not None


def _changes(movement: Movement, confirmed: set[int]) -> list[Change]:
    """What it adds to the credit's and takes from the debit's stall and day."""
    sure = movement.line_id is not None or movement.notice_id in confirmed
    refunded = movement.kind in OF_REFUNDS
    changes = []
    for account, sign in ((movement.credit, 1), (movement.debit, -1)):
        stall_id = stall_of(account)
        if stall_id is not None and account == stall_account(stall_id):
            value = sign * movement.amount
            changes.append(
                Change(
                    stall_id,
                    movement.business_date,
                    value,
                    sign * movement.sales,
                    -value if refunded else 0,
                    value if sure and not refunded else 0,
                )
            )
    return changes
