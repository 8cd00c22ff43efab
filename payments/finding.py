"""A finding: something about a payment that somebody should look into, and what was decided."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ARRAY, BigInteger, Column, Identity, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Session, SQLModel

from ground import clock, words
from ground.database import Moment
from ground.refusal import Refusal
from payments import journal
from payments.journal import Movement

HELD = ("unattributed", "ambiguous", "unknown_account")
STEPS = {
    "open": ("assigned", "closed", "resolved"),
    "assigned": ("assigned",),  # the wrong stall at first
    "closed": ("assigned",),  # its owner turned up after all
    "resolved": ("assigned",),
}
"""What may be decided of a finding that stands so."""


class Finding(SQLModel, table=True):
    """Kinds and statuses are CONTRACT.md's. `candidates`: ids of the stalls that could be meant."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str
    notice_id: int = Field(sa_type=BigInteger, unique=True)
    business_date: date
    amount: int = Field(sa_type=BigInteger)
    market_id: int | None = Field(default=None, sa_type=BigInteger, index=True)
    stall_id: int | None = Field(default=None, sa_type=BigInteger)
    candidates: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    detail: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    status: str
    opened_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    decided_by: str | None = None
    reason: str | None = None


class Opened(NamedTuple):
    """A finding to be opened. `detail` holds what its sentence names: account, bank, tokens."""

    kind: str
    notice_id: int
    business_date: date
    amount: int
    market_id: int | None
    stall_id: int | None
    candidates: Sequence[int]
    detail: dict[str, Any]


_OPEN = text("""
    INSERT INTO finding (kind, notice_id, business_date, amount, market_id, stall_id, candidates, detail, status,
        opened_at)
    SELECT kind, notice_id, business_date, amount, market_id, stall_id, candidates, detail, 'open', :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(kind text, notice_id bigint, business_date date,
        amount bigint, market_id bigint, stall_id bigint, candidates bigint[], detail jsonb)
""")


def open_all(session: Session, opened: Sequence[Opened]) -> None:
    if opened:
        rows = orjson.dumps([finding._asdict() for finding in opened]).decode()
        session.execute(_OPEN, {"rows": rows, "now": clock.now()})


def candidate_markets(session: Session, finding_id: int) -> list[int]:
    """The markets of the stalls that could be meant; Refusal (404) when there is no such finding."""
    among = text("SELECT s.market_id FROM finding f LEFT JOIN stall s ON s.id = ANY(f.candidates) WHERE f.id = :id")
    found = set(session.execute(among, {"id": finding_id}).scalars())
    if not found:
        raise Refusal("finding.unknown", id=finding_id, status=404)
    return sorted(found - {None})


def assign(session: Session, finding_id: int, stall_id: int, *, by: str, reason: str) -> None:
    """Give a payment's money to a stall: out of suspense, or from the stall that has it to another one."""
    finding = _to_decide(session, finding_id, "assigned", reason)
    held_by = journal.holder(session, finding.notice_id)
    if held_by is None:
        raise Refusal("finding.no_money", id=finding_id, status=409)
    target = journal.stall_account(stall_id)
    _on_the_roll(session, stall_id, finding.business_date)
    if held_by != target:
        kind = "moved" if held_by.startswith("stall:") else "attributed"
        journal.write(session, [_movement(session, finding, kind, held_by, target, reason)])
    _decide(session, finding, "assigned", by, reason)
    finding.stall_id = stall_id
    owner = session.execute(text("SELECT market_id FROM stall WHERE id = :id"), {"id": stall_id})
    finding.market_id = owner.scalar_one()
    session.flush()


def close(session: Session, finding_id: int, *, by: str, reason: str) -> None:
    """Nothing more is to be done; money in suspense stays there."""
    finding = _to_decide(session, finding_id, "closed", reason)
    _decide(session, finding, "closed", by, reason)
    session.flush()


def settle(session: Session, finding_id: int, seen: Opened | None, stall_id: int, market_id: int) -> None:
    """The registry has since been completed and names the owner: the money goes there by itself.

    `seen` is what remains doubtful all the same; without it the finding is resolved.
    """
    finding = session.get(Finding, finding_id)
    assert finding is not None and finding.status == "open"
    held_by = journal.holder(session, finding.notice_id)
    assert held_by is not None and held_by.startswith("suspense:")
    target = journal.stall_account(stall_id)
    journal.write(session, [_movement(session, finding, "attributed", held_by, target, "registry")])
    finding.stall_id, finding.market_id = stall_id, market_id
    if seen is None:
        _decide(session, finding, "resolved", "market40", "registry")
        session.flush()
    else:
        see_anew(session, finding_id, seen)


def see_anew(session: Session, finding_id: int, seen: Opened) -> None:
    """The registry changed and the question with it: other candidates, or another kind of doubt."""
    finding = session.get(Finding, finding_id)
    assert finding is not None
    finding.kind, finding.market_id, finding.stall_id = seen.kind, seen.market_id, seen.stall_id
    finding.candidates, finding.detail = list(seen.candidates), seen.detail
    session.flush()


def _to_decide(session: Session, finding_id: int, status: str, reason: str) -> Finding:
    if not reason.strip():
        raise Refusal("finding.no_reason")
    known = finding_id < 2**63  # a BIGINT's end
    finding = session.get(Finding, finding_id, with_for_update=True) if known else None
    if finding is None:
        raise Refusal("finding.unknown", id=finding_id, status=404)
    if status not in STEPS[finding.status]:
        raise Refusal("finding.decided", id=finding_id, status=409)
    return finding


def _decide(session: Session, finding: Finding, status: str, by: str, reason: str) -> None:
    finding.status, finding.decided_at, finding.decided_by, finding.reason = status, clock.now(), by, reason.strip()
    session.add(finding)


def _movement(session: Session, finding: Finding, kind: str, debit: str, credit: str, reason: str) -> Movement:
    """On the day the money came, whenever it is decided."""
    came = session.execute(text("SELECT occurred_at FROM notice WHERE id = :id"), {"id": finding.notice_id})
    return Movement(
        kind, debit, credit, finding.amount, finding.business_date, came.scalar_one(), finding.notice_id, reason
    )


def _on_the_roll(session: Session, stall_id: int, day: date) -> None:
    held = text(
        "SELECT 1 FROM stall_state WHERE stall_id = :stall AND superseded_at IS NULL AND merchant_id IS NOT NULL"
        " AND since <= :day AND (until IS NULL OR :day < until)"
    )
    if session.execute(held, {"stall": stall_id, "day": day}).first() is None:
        raise Refusal("finding.nobody_traded_there", day=day)


_LIST = text("""
    SELECT f.id, f.kind, f.business_date, f.amount, m.code AS market, s.number AS stall, n.provider, n.external_id,
        f.status, f.detail, f.opened_at, f.decided_at, f.decided_by, f.reason,
        ARRAY(SELECT cm.code || '/' || c.number FROM stall c JOIN market cm ON cm.id = c.market_id
              WHERE c.id = ANY(f.candidates) ORDER BY 1) AS candidates
    FROM finding f
    JOIN notice n ON n.id = f.notice_id
    LEFT JOIN market m ON m.id = f.market_id
    LEFT JOIN stall s ON s.id = f.stall_id
    WHERE (CAST(:market AS text) IS NULL OR m.code = :market)
        AND (CAST(:status AS text) IS NULL OR f.status = :status)
    ORDER BY f.business_date, f.id
""")


def every(
    session: Session, *, market: str | None = None, status: str | None = None, language: str = "vi"
) -> list[dict[str, Any]]:
    """All findings as CONTRACT.md's JSON shows them, `detail` said in words."""
    rows = session.execute(_LIST, {"market": market, "status": status})
    return [_shown(dict(row._mapping), language) for row in rows]


def _shown(row: dict[str, Any], language: str) -> dict[str, Any]:
    facts = row["detail"]
    sentence = words.say(f"finding.{row['kind']}", language, **{**facts, "bank": facts["bank"] or "?"})
    if facts["tokens"]:
        sentence += " " + words.say("finding.tokens", language, tokens=", ".join(facts["tokens"]))
    if row["candidates"]:
        sentence += " " + words.say("finding.candidates", language, stalls=", ".join(row["candidates"]))
    moments = {name: row[name] and clock.stamp(row[name]) for name in ("opened_at", "decided_at")}
    return {**row, **moments, "business_date": row["business_date"].isoformat(), "detail": sentence}
