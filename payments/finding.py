"""A finding: something about a payment that somebody should look into, and what was decided."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ARRAY, BigInteger, Column, Identity, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Session, SQLModel

from ground import clock, money, words
from ground.database import Moment

HELD = ("unattributed", "ambiguous", "unknown_account")
KINDS = (*HELD, "implausible", "repeated", "not_in_statement", "not_notified", "amount_differs")
ITSELF = "market40"
"""Who decided what resolved by itself."""
STEPS = {
    "open": ("assigned", "closed", "resolved"),
    "assigned": ("assigned", "open"),  # the wrong stall at first; or taken back
    "closed": ("assigned", "open", "resolved"),  # its owner or its other half turned up after all
    "resolved": ("assigned", "open"),
}
"""What may become of a finding that stands so."""


class Finding(SQLModel, table=True):
    """About one notice or one statement line. Kinds and statuses: docs/commands.md.

    candidates: ids of the stalls that could be meant. detail: what its sentence names; `pair` where it is the
    matching that could not tell which notice a line belongs to; `alike` where downloads may have cut between lines, or
    ("layout") where a file of another layout told all of the day without it.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str
    notice_id: int | None = Field(default=None, sa_type=BigInteger, unique=True)
    line_id: int | None = Field(default=None, sa_type=BigInteger, unique=True)
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
    """A finding as it is opened. `detail` holds what its sentence names: account, bank, tokens.

    resolved: why it needs nobody; None leaves it open.
    """

    kind: str
    notice_id: int | None
    business_date: date
    amount: int
    market_id: int | None
    stall_id: int | None
    candidates: Sequence[int]
    detail: dict[str, Any]
    line_id: int | None = None
    resolved: str | None = None


# What is known already is seen anew, unless a person has decided it, or only a person can (alike lines cut apart).
_OPEN = """
    INSERT INTO finding AS f (kind, notice_id, line_id, business_date, amount, market_id, stall_id, candidates, detail,
        status, opened_at, decided_at, decided_by, reason)
    SELECT kind, notice_id, line_id, business_date, amount, market_id, stall_id, candidates, detail,
        CASE WHEN resolved IS NULL THEN 'open' ELSE 'resolved' END, :now,
        CASE WHEN resolved IS NOT NULL THEN CAST(:now AS timestamptz) END,
        CASE WHEN resolved IS NOT NULL THEN :itself END, resolved
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(kind text, notice_id bigint, line_id bigint,
        business_date date, amount bigint, market_id bigint, stall_id bigint, candidates bigint[], detail jsonb,
        resolved text)
    ON CONFLICT ({subject}) DO UPDATE SET
        kind = excluded.kind, business_date = excluded.business_date, amount = excluded.amount,
        market_id = excluded.market_id, stall_id = excluded.stall_id, candidates = excluded.candidates,
        detail = excluded.detail || CASE WHEN f.detail ? 'alike' THEN jsonb_build_object('alike', f.detail -> 'alike')
            ELSE '{{}}' END,
        status = excluded.status, decided_at = excluded.decided_at,
        decided_by = excluded.decided_by, reason = excluded.reason
    WHERE f.status IN ('open', 'resolved')
    RETURNING xmax = 0 AS is_new, status
"""
_OPEN_BY = {column: text(_OPEN.format(subject=column)) for column in ("notice_id", "line_id")}


DOUBTED = """
    UPDATE finding SET kind = 'ambiguous', status = 'open', decided_at = NULL, decided_by = NULL, reason = NULL,
        detail = (detail - '{pair,notices}'::text[]) || '{"doubt": "alike_lines"}'
    WHERE status = 'resolved' AND detail ? 'alike'
"""


def keep_doubts(session: Session) -> None:
    """Whatever else was asked about it and has answered itself: how many alike lines there were has not."""
    session.execute(text(DOUBTED))


def end_all(session: Session, ending: str, which: Mapping[str, object]) -> int:
    """Resolve findings by themselves, by an UPDATE of `finding f`; how many somebody need not be asked about any more:
    of cut alike lines one is asked still, see `keep_doubts`."""
    count = f"WITH ended AS ({ending} RETURNING f.detail ? 'alike' AS asked) SELECT count(*) FROM ended WHERE NOT asked"
    ended: int = session.execute(text(count), {**which, "itself": ITSELF}).scalar_one()
    return ended


def open_all(session: Session, opened: Sequence[Opened]) -> tuple[int, int]:
    """Open findings; one that is there already is seen anew unless a person has decided it.

    Returns how many were new, and how many of those need nobody.
    """
    new: list[str] = []
    for column in ("notice_id", "line_id"):
        rows = [each._asdict() for each in opened if getattr(each, column) is not None]
        if rows:
            parameters = {"rows": orjson.dumps(rows).decode(), "now": clock.now(), "itself": ITSELF}
            new += [row.status for row in session.execute(_OPEN_BY[column], parameters) if row.is_new]
    return len(new), new.count("resolved")


_LIST = text("""
    SELECT f.id, f.kind, f.business_date, f.amount, m.code AS market, s.number AS stall,
        coalesce(n.provider, 'statement') AS provider, coalesce(n.external_id, l.reference) AS external_id,
        f.status, f.detail, f.opened_at, f.decided_at, f.decided_by, f.reason, coalesce(p.rule, q.rule) AS rule,
        ARRAY(SELECT cm.code || '/' || c.number FROM stall c JOIN market cm ON cm.id = c.market_id
              WHERE c.id = ANY(f.candidates) ORDER BY 1) AS candidates
    FROM finding f
    LEFT JOIN statement_line l ON l.id = f.line_id
    LEFT JOIN match p ON p.line_id = f.line_id AND p.undone_at IS NULL AND p.rule <> 'batch'
    LEFT JOIN match q ON q.notice_id = f.notice_id AND q.undone_at IS NULL
    LEFT JOIN notice n ON n.id = coalesce(f.notice_id, p.notice_id)
    LEFT JOIN market m ON m.id = f.market_id
    LEFT JOIN stall s ON s.id = f.stall_id
    WHERE (CAST(:market AS text) IS NULL OR m.code = :market)
        AND (CAST(:status AS text) IS NULL OR f.status = :status)
    ORDER BY f.business_date, f.id
""")


def every(
    session: Session, *, market: str | None = None, status: str | None = None, language: str = "vi"
) -> list[dict[str, Any]]:
    """All findings, the document of docs/commands.md, `detail` said in words."""
    rows = session.execute(_LIST, {"market": market, "status": status})
    return [_shown(dict(row._mapping), language) for row in rows]


def _shown(row: dict[str, Any], language: str) -> dict[str, Any]:
    moments = {name: row[name] and clock.stamp(row[name]) for name in ("opened_at", "decided_at")}
    day = row["business_date"].isoformat()
    return {**row, **moments, "business_date": day, "detail": say(row, row["candidates"], language)}


def say(row: dict[str, Any], candidates: Sequence[str], language: str) -> str:
    """What a finding is about, as a sentence or two."""
    facts = row["detail"]
    named = {**facts, "bank": facts.get("bank") or "?"}
    named |= {name: money.show(facts[name], language) for name in ("told", "stated") if name in facts}
    alike = "other_layout" if facts.get("alike") == "layout" else "alike_lines"
    asked = facts.get("doubt", row["kind"])
    sentence = words.say(f"finding.{alike if asked == 'alike_lines' else asked}", language, **named)
    if facts.get("tokens"):
        sentence += " " + words.say("finding.tokens", language, tokens=", ".join(facts["tokens"]))
    if facts.get("alike") and facts.get("doubt") != "alike_lines":
        sentence += " " + words.say(f"finding.{alike}", language, **named)
    if facts.get("missing"):
        sentence += " " + words.say("finding.missing", language)
    if candidates:
        sentence += " " + words.say("finding.candidates", language, stalls=", ".join(candidates))
    return sentence
