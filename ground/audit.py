"""The audit: who changed what and when, each record hashed over the one before it, so that none is altered unseen."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import rfc8785
from sqlalchemy import BigInteger, Column, Connection, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock
from ground.database import Moment

LOCK = 4_000_004  # an advisory lock: one transaction at a time adds to the chain
DIFFERENCES_SHOWN = 100
ROWS_AT_A_TIME = 5000

Facts = Mapping[str, Any]


class Audit(SQLModel, table=True):
    """One act. `number` counts without a gap; `subject` names what was acted on (`market:cho-a`, `finding:12`).

    `digest` is the SHA-256 of the record in canonical JSON (RFC 8785), the digest before it included.
    """

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = Field(sa_column=Column(Moment, nullable=False))
    who: str
    what: str
    subject: str | None = None
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    previous: bytes
    digest: bytes


class Act(NamedTuple):
    """What is to be written down of an act, by whoever commits it."""

    what: str
    before: Facts | None
    after: Facts | None
    subject: str | None


BEGINNING = bytes(32)
"""What the first record has before it."""


def record(
    session: Session,
    who: str,
    what: str,
    before: Facts | None = None,
    after: Facts | None = None,
    *,
    subject: str | None = None,
    at: datetime | None = None,
) -> Audit:
    """Write an act down, in the transaction that does it.

    Call it last, right before the commit: from here to there nobody else can add to the chain. Neither a payer,
    nor a secret, nor what a stall took may stand in `before` or `after`.
    """
    return record_all(session, who, [Act(what, before, after, subject)], at=at)[0]


def record_all(session: Session, who: str, acts: Sequence[Act], *, at: datetime | None = None) -> list[Audit]:
    """The same for many acts of one person: the chain is held as long as for one."""
    session.flush()
    if not acts:
        return []
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    last = session.execute(text("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1")).first()
    before, previous = (last.number, last.digest) if last else (0, BEGINNING)
    made = []
    for number, act in enumerate(acts, before + 1):
        made.append(_linked(number, previous, who, act, at or clock.now()))
        previous = made[-1].digest
    session.add_all(made)
    session.flush()
    return made


def _linked(number: int, previous: bytes, who: str, act: Act, at: datetime) -> Audit:
    made = Audit(
        number=number,
        at=at,
        who=who,
        what=act.what,
        subject=act.subject,
        before=_plain(act.before),
        after=_plain(act.after),
        previous=previous,
        digest=b"",
    )
    made.digest = digest(made)
    return made


def latest(session: Session, count: int, subject: str | None = None) -> list[Audit]:
    """The last records (about `subject`), the latest first."""
    asked = select(Audit).order_by(col(Audit.number).desc()).limit(count)
    return list(session.exec(asked.where(Audit.subject == subject) if subject else asked))


def digest(told: Any) -> bytes:
    """The SHA-256 over everything a record says and the digest of the one before."""
    said = {
        "number": told.number,
        "at": clock.stamp_exact(told.at),
        "who": told.who,
        "what": told.what,
        "subject": told.subject,
        "before": told.before,
        "after": told.after,
        "previous": told.previous.hex(),
    }
    return hashlib.sha256(rfc8785.dumps(said)).digest()


def walk(connection: Connection) -> list[str]:
    """Where the chain is broken, in words; an empty list proves it whole."""
    query = text("SELECT number, at, who, what, subject, before, after, previous, digest FROM audit ORDER BY number")
    with connection.execute(query.execution_options(yield_per=ROWS_AT_A_TIME)) as rows:
        return [f"the audit is one unbroken chain: {each}" for each in _breaks(rows)]


def _breaks(rows: Iterable[Any]) -> Iterable[str]:
    number, previous, told = 0, BEGINNING, 0
    for row in rows:
        if told == DIFFERENCES_SHOWN:
            return
        wrong = _wrong(row, number, previous)
        if wrong:
            told += 1
            yield wrong
        number, previous = row.number, row.digest


def _wrong(row: Any, number: int, previous: bytes) -> str | None:
    if row.number != number + 1:
        return f"record {number + 1} is missing, the next is {row.number}"
    if bytes(row.previous) != bytes(previous):
        return f"record {row.number} does not follow record {number}"
    if digest(row) != bytes(row.digest):
        return f"record {row.number} is not what was written"
    return None


def _plain(facts: Facts | None) -> dict[str, Any] | None:
    return None if facts is None else {key: _simple(value) for key, value in facts.items()}


def _simple(value: Any) -> Any:
    """What JSON, its canonical form and PostgreSQL's jsonb all write alike. A float is our bug: shares are no acts."""
    if isinstance(value, datetime):
        return clock.stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _simple(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_simple(each) for each in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, str):
        return value.replace("\x00", "")
    assert value is None or isinstance(value, bool | int), f"not for an audit record: {type(value).__name__}"
    return value
