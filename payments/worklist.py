"""The work list: findings as those see them who work them off, the operator all of it, a board what is its business.

A board sees the amount only of money that is nobody's yet. Once a payment has an owner, its amount is the owner's.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import record_number, words
from merchants.market import Market
from payments import concern, finding, match_reason
from payments.finding import HELD

PAGE_ROWS = 100


class Item(NamedTuple):
    """A finding to be shown. amount None: it is not the reader's business. age: days since it was opened.

    decided_by: of a person the name, without the door she came in by.
    """

    id: int
    kind: str
    status: str
    business_date: date
    age: int
    market: str | None
    section: str | None
    stall: str | None
    amount: int | None
    provider: str
    sentence: str
    candidates: tuple[str, ...]
    opened_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    can_be_assigned: bool


class Half(NamedTuple):
    """One side of what could belong together: a line, or a notice with its stall; `why` it is the line's, if it is."""

    is_line: bool
    moment: datetime | None
    business_date: date
    stall: str | None
    amount: int | None
    reference: str | None
    why: str | None


# Money lies with nobody while it waits in suspense; an undecided pair is somebody's among the candidates.
_NOBODYS = "f.stall_id IS NULL AND f.kind = ANY(:held) AND f.status IN ('open', 'closed') AND NOT f.detail ? 'doubt'"
_ITEMS = f"""
    SELECT f.id, f.kind, f.status, f.business_date, m.code AS market, st.section, s.number AS stall, f.amount,
        (CAST(:today AS date) - (f.opened_at AT TIME ZONE INTERVAL '7 hours')::date) AS age, {_NOBODYS} AS nobodys,
        coalesce(n.provider, 'statement') AS provider, f.detail, f.opened_at, f.decided_at, f.decided_by, f.reason,
        ARRAY(SELECT cm.code || '/' || c.number FROM stall c JOIN market cm ON cm.id = c.market_id
              WHERE c.id = ANY(f.candidates) ORDER BY 1) AS candidates
    FROM finding f
    LEFT JOIN notice n ON n.id = f.notice_id
    LEFT JOIN market m ON m.id = f.market_id
    LEFT JOIN stall s ON s.id = f.stall_id
    LEFT JOIN stall_state st ON st.stall_id = s.id AND st.superseded_at IS NULL
        AND st.since <= f.business_date AND (st.until IS NULL OR f.business_date < st.until)
    WHERE {concern.OF_MARKET}
"""
_PAGE = text(
    f"{_ITEMS} AND (CAST(:status AS text) IS NULL OR f.status = :status)"
    f" ORDER BY f.status <> 'open', f.business_date, f.id LIMIT {PAGE_ROWS} OFFSET :offset"
)
_ONE = text(f"{_ITEMS} AND f.id = :id")
_ALL_OPEN = text(f"{_ITEMS} AND f.status = 'open' ORDER BY f.business_date, f.id")
_COUNTS = text(f"SELECT status, count(*) FROM ({_ITEMS}) AS f GROUP BY status")


def page(
    session: Session, market: Market | None, today: date, language: str, *, status: str | None = None, number: int = 1
) -> list[Item]:
    """PAGE_ROWS findings, the open ones first, the oldest day first. market None: all of them, with their amounts."""
    asked = {**_asked(market, today), "status": status, "offset": (number - 1) * PAGE_ROWS}
    return [_item(row, market, language) for row in session.execute(_PAGE, asked)]


def every_open(session: Session, market: Market | None, today: date, language: str) -> list[Item]:
    return [_item(row, market, language) for row in session.execute(_ALL_OPEN, _asked(market, today))]


def counts(session: Session, market: Market | None, today: date) -> dict[str, int]:
    """How many there are, by status."""
    found = {row[0]: row[1] for row in session.execute(_COUNTS, _asked(market, today))}
    return {status: found.get(status, 0) for status in finding.STEPS}


def one(session: Session, market: Market | None, id: int, today: date, language: str) -> Item:
    """Refusal (404) when there is none, or it is not this market's."""
    known = record_number.is_one(id)
    row = session.execute(_ONE, {**_asked(market, today), "id": id}).first() if known else None
    if row is None:
        raise concern.unknown(market, id)
    return _item(row, market, language)


_HALVES = text("""
    SELECT false AS is_line, n.occurred_at AS moment, n.business_date, s.number AS stall, n.amount, n.reference,
        s.market_id, (SELECT m.rule FROM match m WHERE m.notice_id = n.id AND m.undone_at IS NULL
            AND (m.line_id = f.line_id OR m.notice_id = f.notice_id)) AS rule
    FROM finding f
    JOIN notice n ON n.id = f.notice_id OR f.detail -> 'notices' @> to_jsonb(n.id) OR n.id = (
        SELECT notice_id FROM match m WHERE m.line_id = f.line_id AND m.undone_at IS NULL AND m.rule <> 'batch')
    LEFT JOIN entry e ON e.notice_id = n.id AND e.kind = 'sale'
    LEFT JOIN stall s ON 'stall:' || s.id = e.credit
    WHERE f.id = :id
    UNION ALL
    SELECT true, l.occurred_at, l.business_date, NULL, l.amount, l.reference, NULL, NULL
    FROM finding f JOIN statement_line l ON l.id = f.line_id OR l.id = (
        SELECT line_id FROM match m WHERE m.notice_id = f.notice_id AND m.undone_at IS NULL)
    WHERE f.id = :id
    ORDER BY is_line DESC, moment, stall
""")


def halves(session: Session, market: Market | None, item: Item, language: str) -> list[Half]:
    """The line and the notices that a finding is about, side by side, and why they are a pair, if they are.

    A board sees its own stalls': the time only as long as it has to say whose it is, the amount only of nobody's money.
    """
    found = []
    for row in session.execute(_HALVES, {"id": item.id}):
        if market is not None and row.market_id not in (None, market.key):
            continue
        shown = market is None or item.amount is not None
        amount, reference = (row.amount, row.reference) if shown else (None, None)
        moment = row.moment if market is None or item.stall is None else None
        why = match_reason.say(row.rule, language) if row.rule else None
        found.append(Half(row.is_line, moment, row.business_date, row.stall, amount, reference, why))
    return found


def _asked(market: Market | None, today: date) -> dict[str, Any]:
    return {"market": None if market is None else market.key, "today": today, "held": list(HELD)}


def _item(row: Any, market: Market | None, language: str) -> Item:
    candidates = _own(row.candidates, market)
    plain = market is not None and not row.nobodys
    return Item(
        row.id,
        row.kind,
        row.status,
        row.business_date,
        row.age,
        row.market,
        row.section,
        row.stall,
        None if plain else row.amount,
        row.provider,
        _sentence(row, candidates, language, plain=plain),
        candidates,
        row.opened_at,
        row.decided_at,
        row.decided_by and row.decided_by.removeprefix("staff:").removeprefix("command:"),
        row.reason,
        row.kind in HELD or row.kind == "not_in_statement",
    )


def _own(candidates: Sequence[str], market: Market | None) -> tuple[str, ...]:
    """Of another market's stalls a board learns nothing."""
    return tuple(name for name in candidates if market is None or name.startswith(f"{market.code}/"))


def _sentence(row: Any, candidates: Sequence[str], language: str, *, plain: bool) -> str:
    if plain and "told" in row.detail:
        return words.say("worklist.differs", language)
    return finding.say({"kind": row.kind, "detail": row.detail}, candidates, language)
