"""Builders: what a bank's statement says of an account, and the books brought to it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from ground import clock
from ground.store import Store
from merchants import account
from payments import reconciliation, statement, verify
from payments.reconciliation import Reconciled
from payments.statements.line import Lines, Movement
from payments.statements.section import Section
from tests.world import VIETCOMBANK

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stated(NamedTuple):
    """A line: `at` is local, `2026-10-05 08:30:00` or only the day; amount below 0 for money going out."""

    at: str
    amount: int
    reference: str | None = None
    memo: str = ""
    virtual: str | None = None
    reversal: bool = False
    named: tuple[str, ...] = ()
    balance: int | None = None

    @property
    def moment(self) -> datetime | None:
        return clock.read_local(self.at) if len(self.at) > 10 else None

    @property
    def day(self) -> date:
        return date.fromisoformat(self.at[:10])


def section(lines: Iterable[Stated], first: str | None = None, last: str | None = None) -> Section:
    """A file of these lines over the days `first` to `last`, without balances unless the lines tell them."""
    told = list(lines)
    kept = Lines()
    for row, line in enumerate(told, 2):
        second = None if line.moment is None else int((line.moment - EPOCH) / timedelta(seconds=1))
        kept.add(
            Movement(
                row,
                second,
                line.day.toordinal(),
                line.amount,
                line.reference,
                line.memo,
                None,
                line.virtual,
                line.balance,
                line.reversal,
                None,
                line.named,
            )
        )
    days = [line.day for line in told]
    begin = date.fromisoformat(first) if first else min(days)
    end = date.fromisoformat(last) if last else max(days)
    credits = sum(line.amount for line in told if line.amount > 0)
    debits = -sum(line.amount for line in told if line.amount < 0)
    return Section(None, kept, None, None, None, begin, end, credits, debits)


def state(
    books: Store,
    lines: Iterable[Stated],
    *,
    number: str = "1000001",
    bin: str = VIETCOMBANK,
    first: str | None = None,
    last: str | None = None,
) -> int:
    """Import the lines as a statement of an account; returns how many were new."""
    with books.session() as session:
        key = account.take_up(session, [(bin, number)])[bin, number]
        told = section(lines, first, last)
        taken = statement.take_in(session, books.vault, key, told, bank="csv", by="test")
        session.commit()
        return taken.new_lines


def reconcile(books: Store, through: str = "2026-10-31") -> Reconciled:
    """And prove the books afterwards."""
    done = reconciliation.reconcile(books, date.fromisoformat(through))
    proven = verify.verify(books)
    assert proven.differences == []
    return done


def sales(books: Store) -> list[tuple[Any, ...]]:
    """(stall, day, value, count, confirmed) of every stall-day with something on it."""
    with books.engine.connect() as connection:
        rows = connection.execute(
            text("""
                SELECT s.number, d.business_date::text, d.sales_value, d.sales_count, d.confirmed_value
                FROM stall_day d JOIN stall s ON s.id = d.stall_id
                WHERE (d.sales_value, d.sales_count, d.confirmed_value) <> (0, 0, 0) ORDER BY 1, 2
            """)
        )
        return [tuple(row) for row in rows]


def pairs(books: Store) -> list[tuple[Any, ...]]:
    """(external id, the line's time or day, rule) of every live match."""
    with books.engine.connect() as connection:
        rows = connection.execute(
            text("""
                SELECT n.external_id, coalesce((l.occurred_at AT TIME ZONE INTERVAL '7 hours')::text,
                    l.business_date::text), m.rule
                FROM match m JOIN notice n ON n.id = m.notice_id JOIN statement_line l ON l.id = m.line_id
                WHERE m.undone_at IS NULL ORDER BY n.external_id, l.nth
            """)
        )
        return [tuple(row) for row in rows]


def findings(books: Store) -> list[tuple[Any, ...]]:
    """(kind, stall, amount, status) of every finding."""
    with books.engine.connect() as connection:
        rows = connection.execute(
            text("""
                SELECT f.kind, s.number, f.amount, f.status FROM finding f LEFT JOIN stall s ON s.id = f.stall_id
                ORDER BY f.business_date, f.kind, f.amount, f.id
            """)
        )
        return [tuple(row) for row in rows]
