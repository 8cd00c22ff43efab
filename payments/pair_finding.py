"""What a new pair, or one undone, means for the findings of its two halves."""

from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from merchants import bank
from payments import finding
from payments.finding import Opened

_DIFFERING = text("""
    SELECT m.line_id, n.business_date, n.amount AS told, l.amount AS stated, a.number AS account, a.bin,
        s.id AS stall_id, s.market_id
    FROM made m
    JOIN notice n ON n.id = m.notice_id
    JOIN statement_line l ON l.id = m.line_id
    JOIN account a ON a.id = l.account_id
    LEFT JOIN entry e ON e.notice_id = n.id AND e.kind = 'sale'
    LEFT JOIN stall s ON 'stall:' || s.id = e.credit
    WHERE m.differs ORDER BY m.line_id
""")
_ENDED = """
    UPDATE finding f SET status = 'resolved', decided_at = now(), decided_by = :itself, reason = 'notice'
    FROM made m WHERE f.line_id = m.line_id AND NOT m.differs
        AND (f.status = 'open' OR f.status = 'closed' AND NOT f.detail ? 'alike')
"""
_ARRIVED = """
    UPDATE finding f SET status = 'resolved', decided_at = now(), decided_by = :itself, reason = 'statement'
    FROM made m WHERE f.notice_id = m.notice_id AND f.kind = 'not_in_statement' AND f.status IN ('open', 'closed')
"""
_NOT_MISSING = text("""
    UPDATE finding f SET detail = detail - 'missing' FROM made m WHERE f.notice_id = m.notice_id AND detail ? 'missing'
""")


def settle(session: Session) -> tuple[int, int]:
    """After `made`: the findings opened for another amount, and how many resolved because the other half came."""
    opened, _ = finding.open_all(session, [_differs(row) for row in session.execute(_DIFFERING)])
    session.execute(_NOT_MISSING)
    return opened, finding.end_all(session, _ENDED, {}) + finding.end_all(session, _ARRIVED, {})


def _differs(row: Any) -> Opened:
    detail = {"account": row.account, "bank": bank.short_name(row.bin), "told": row.told, "stated": row.stated}
    where = (row.business_date, row.stated, row.market_id, row.stall_id, ())
    return Opened("amount_differs", None, *where, detail, row.line_id)
