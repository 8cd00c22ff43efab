"""A bank statement of one account, brought in whole or not at all; a line that is known is not taken twice."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from psycopg import Cursor
from sqlalchemy import ARRAY, BigInteger, Column, Identity, Text, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment
from ground.refusal import Refusal
from ground.vault import Vault
from merchants import token
from payments import reference
from payments.statements.line import Line
from payments.statements.section import Section


class Statement(SQLModel, table=True):
    """What a file told of an account from `first_day` to `last_day`; amounts in đồng.

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


_INCOMING = """
    CREATE TEMPORARY TABLE incoming (row integer, occurred_at timestamptz, business_date date, direction text,
        amount bigint, reference text, virtual_account text, tokens text[], memo_hash bytea, payer_hash bytea,
        memo bytea, balance bigint, reversal boolean, names bigint[], named bigint[], alike bytea) ON COMMIT DROP
"""
_COPY = """
    COPY incoming (row, occurred_at, business_date, direction, amount, reference, virtual_account, tokens, memo_hash,
        payer_hash, memo, balance, reversal, names, named, alike) FROM STDIN
"""
# A file's k-th alike line is another file's k-th. Where both tell the running balance, that tells alike lines
# apart: the k-th of a balance is the k-th of that balance. Where one does not, the larger count in one file stands.
_TAKE = """
    WITH known AS (
        SELECT alike, count(*) AS lines, count(balance) AS balances FROM statement_line
        WHERE account_id = %(account)s AND alike IN (SELECT alike FROM incoming) GROUP BY alike
    ), ranked AS (
        SELECT i.*, coalesce(k.lines, 0) AS known_lines,
            k.lines IS NOT NULL AND k.balances = k.lines
                AND count(i.balance) OVER same = count(*) OVER same AS by_balance,
            row_number() OVER (PARTITION BY i.alike ORDER BY i.row) AS nth_alike,
            row_number() OVER (PARTITION BY i.alike, i.balance ORDER BY i.row) AS nth_balance
        FROM incoming i LEFT JOIN known k USING (alike)
        WINDOW same AS (PARTITION BY i.alike)
    ), fresh AS (
        SELECT r.* FROM ranked r
        WHERE CASE WHEN by_balance THEN nth_balance > (
                SELECT count(*) FROM statement_line l
                WHERE l.account_id = %(account)s AND l.alike = r.alike AND l.balance = r.balance)
            ELSE nth_alike > known_lines END
    )
    INSERT INTO statement_line (statement_id, account_id, row, occurred_at, business_date, direction, amount,
        reference, virtual_account, tokens, memo_hash, payer_hash, memo, balance, reversal, names, named, alike, nth)
    SELECT %(statement)s, %(account)s, row, occurred_at, business_date, direction, amount, reference, virtual_account,
        tokens, memo_hash, payer_hash, memo, balance, reversal, names, named, alike,
        known_lines + row_number() OVER (PARTITION BY alike ORDER BY row)
    FROM fresh ORDER BY row
"""
_LOCK = text("SELECT id FROM account WHERE id = :id FOR UPDATE")


def take_in(
    session: Session,
    vault: Vault,
    account_id: int,
    section: Section,
    lines: Iterable[Line],
    *,
    bank: str,
    by: str,
) -> Statement:
    """Store a read and balanced section in the caller's transaction. Overlapping files are welcome, in any order.

    `lines` are the section's, perhaps on their way past a progress bar.
    """
    session.execute(_LOCK, {"id": account_id})
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
    with connection.cursor() as cursor:
        statement.new_lines = _take_lines(cursor, vault, account_id, statement.id, lines)
    session.add(statement)
    session.flush()
    return statement


def _take_lines(cursor: Cursor[Any], vault: Vault, account_id: int, statement_id: int, lines: Iterable[Line]) -> int:
    cursor.execute(_INCOMING)
    with cursor.copy(_COPY) as copy:
        for row in _rows(vault, lines):
            copy.write_row(row)
    cursor.execute("ANALYZE incoming")
    cursor.execute(_TAKE, {"account": account_id, "statement": statement_id})
    taken = cursor.rowcount
    cursor.execute("DROP TABLE incoming")
    return taken


def _rows(vault: Vault, lines: Iterable[Line]) -> Iterator[tuple[Any, ...]]:
    """The memo encrypted, memo and payer hashed, the tokens in clear: as for notices."""
    for line in lines:
        memo, payer = line.memo, line.payer
        yield (
            line.row,
            line.occurred_at,
            line.business_date,
            line.direction,
            line.amount,
            line.reference,
            line.virtual_account,
            token.find(memo),
            vault.hash(memo) if memo else None,
            vault.hash(payer) if payer else None,
            vault.seal(memo.encode()) if memo else None,
            line.balance,
            line.reversal,
            *_references(vault, line),
            _alike(vault, line),
        )


def _references(vault: Vault, line: Line) -> tuple[list[int], list[int]]:
    """What a line is called and what it mentions; money going out has no name, its references are all mentions."""
    if line.direction == "out":
        return [], reference.named(vault, "", (*line.named, line.reference or ""), ())
    mentions = reference.named(vault, line.memo, line.named, (line.virtual_account,))
    return reference.names(vault, line.reference), mentions


def _alike(vault: Vault, line: Line) -> bytes:
    """Same time, amount, reference and memo: the same bytes, and nothing to be learnt from them without the key."""
    moment = line.occurred_at or line.business_date
    told = (moment.isoformat(), line.direction, str(line.amount), line.reference or "", line.memo, *line.named)
    return vault.hash("\x1f".join(told))


def shown(taken: Statement) -> dict[str, Any]:
    """The document of CONTRACT.md, "Statements and reconciliation"."""
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
