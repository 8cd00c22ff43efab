"""A bank statement of one account, brought in whole or not at all; a line that is known is not taken twice."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, Identity, Text, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment
from ground.refusal import Refusal
from ground.vault import Vault
from payments import incoming
from payments.crew import Crew
from payments.statements.line import Watcher, nobody
from payments.statements.section import Section


class Statement(SQLModel, table=True):
    """What a file told of an account from `first_day` to `last_day`; amounts in đồng.

    first_line, last_line: the days of its new lines, which may lie outside: a bank lists by the day on which it booked.
    reconciled_through: up to which day its new lines have been taken to the books.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    account_id: int = Field(sa_type=BigInteger)
    bank: str
    imported_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    imported_by: str
    first_day: date
    last_day: date
    lines: int
    new_lines: int
    credits: int = Field(sa_type=BigInteger)
    debits: int = Field(sa_type=BigInteger)
    opening: int | None = Field(default=None, sa_type=BigInteger)
    closing: int | None = Field(default=None, sa_type=BigInteger)
    balanced: bool | None = None
    first_line: date | None = None
    last_line: date | None = None
    reconciled_through: date | None = None


class StatementLine(SQLModel, table=True):
    """One movement. `alike`: a hash of time, amount, reference and memo; `nth`: which of the alike lines it is.

    `names` and `named`: keyed hashes of what its reference is called, and of the references it mentions.
    """

    __tablename__ = "statement_line"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    statement_id: int = Field(sa_type=BigInteger)
    account_id: int = Field(sa_type=BigInteger)
    row: int
    occurred_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    business_date: date
    direction: str
    amount: int = Field(sa_type=BigInteger)
    reference: str | None = None
    virtual_account: str | None = None
    tokens: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    memo_hash: bytes | None = None
    payer_hash: bytes | None = None
    memo: bytes | None = None
    balance: int | None = Field(default=None, sa_type=BigInteger)
    reversal: bool
    names: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    named: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    alike: bytes
    nth: int


COVERED_THROUGH = "least(s.last_day, (s.imported_at AT TIME ZONE INTERVAL '7 hours')::date - 1)"
"""SQL: the last day that a statement `s` tells all of. A file may name days that were yet to come when it was brought
in, and of the day itself it tells only in part."""

_LOCK = text("SELECT number FROM account WHERE id = :id FOR UPDATE")

_DAYS = text("""
    SELECT min(business_date), max(business_date) FROM statement_line
    WHERE account_id = :account AND statement_id = :id AND business_date BETWEEN :first AND :last
""")


def take_in(
    session: Session,
    vault: Vault,
    account_id: int,
    section: Section,
    *,
    bank: str,
    by: str,
    seen: Watcher = nobody,
    crew: Crew | None = None,
) -> Statement:
    """Store a read and balanced section in the caller's transaction. Overlapping files are welcome, in any order.

    `seen` hears now and then how many lines are on their way into the books. `crew`: the account's, if it has begun to
    seal the section's lines; the caller closes it.
    """
    number = session.execute(_LOCK, {"id": account_id}).scalar_one()
    if section.first is None or section.last is None:
        raise Refusal("statement.without_days")
    statement = Statement(
        account_id=account_id,
        bank=bank,
        imported_at=clock.now(),
        imported_by=by,
        first_day=section.first,
        last_day=section.last,
        lines=len(section.lines),
        new_lines=0,
        credits=section.credits,
        debits=section.debits,
        opening=section.opening,
        closing=section.closing,
        balanced=section.balanced,
    )
    session.add(statement)
    session.flush()
    assert statement.id is not None
    connection = session.connection().connection.driver_connection
    assert connection is not None
    with connection.cursor() as cursor, Crew(vault, number) as own_crew:
        rows = (crew or own_crew).seal(section.lines, seen)
        new_lines = incoming.take_lines(cursor, account_id, statement.id, section.lines, rows, source=bank)
    if new_lines:
        first, last = _new_days(session, statement, section, new_lines)
        statement.new_lines, statement.first_line, statement.last_line = new_lines, first, last
    session.add(statement)
    session.flush()
    return statement


def _new_days(session: Session, taken: Statement, section: Section, new_lines: int) -> tuple[date, date]:
    """The first and the last day of any of its new lines."""
    first, last = section.lines.days()
    if new_lines < taken.lines:
        days = {"account": taken.account_id, "id": taken.id, "first": first, "last": last}
        first, last = session.execute(_DAYS, days).one()
    return first, last


def shown(taken: Statement) -> dict[str, Any]:
    """The document of docs/commands.md, "Statements and findings"."""
    return {
        "statement": taken.id,
        "bank": taken.bank,
        "from": taken.first_day.isoformat(),
        "to": taken.last_day.isoformat(),
        "lines": taken.lines,
        "new_lines": taken.new_lines,
        "known_lines": taken.lines - taken.new_lines,
        "credits": taken.credits,
        "debits": taken.debits,
        "opening": taken.opening,
        "closing": taken.closing,
        "balanced": taken.balanced,
    }
