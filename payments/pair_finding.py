"""What a new pair, or one undone, means for the findings of its two halves."""

from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from merchants import bank
from payments import finding, journal
from payments.finding import HELD, Opened

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
_ENDED = text("""
    UPDATE finding f SET status = 'resolved', decided_at = now(), decided_by = :itself, reason = 'notice'
    FROM made m WHERE f.line_id = m.line_id AND f.status IN ('open', 'closed') AND NOT m.differs
        AND f.detail ->> 'doubt' IS DISTINCT FROM 'alike_lines'
""")
_ARRIVED = text("""
    UPDATE finding f SET status = 'resolved', decided_at = now(), decided_by = :itself, reason = 'statement'
    FROM made m WHERE f.notice_id = m.notice_id AND f.kind = 'not_in_statement' AND f.status IN ('open', 'closed')
""")
_NOT_MISSING = text("""
    UPDATE finding f SET detail = detail - 'missing' FROM made m WHERE f.notice_id = m.notice_id AND detail ? 'missing'
""")
# A person has said whose the money is while only the line was known: it is the same money now.
_CARRIED = text("""
    UPDATE finding f SET status = 'assigned', stall_id = d.stall_id, market_id = d.market_id,
        decided_at = d.decided_at, decided_by = d.decided_by, reason = d.reason,
        detail = f.detail || jsonb_build_object('carried', m.line_id)
    FROM made m JOIN finding d ON d.line_id = m.line_id AND d.status = 'assigned'
    WHERE f.notice_id = m.notice_id AND f.status = 'open' AND f.kind = ANY(:held) AND f.stall_id IS NULL
    RETURNING f.notice_id, f.stall_id
""")
_GIVEN_BACK = text("""
    UPDATE finding f SET status = 'open', stall_id = NULL, decided_at = NULL, decided_by = NULL,
        detail = f.detail - 'carried'
    FROM gone g WHERE f.notice_id = g.notice_id AND f.detail -> 'carried' = to_jsonb(g.line_id)
    RETURNING f.notice_id, 'suspense:' || (SELECT provider FROM notice n WHERE n.id = f.notice_id) AS account
""")


def settle(session: Session) -> tuple[int, int]:
    """After `made`: the findings opened for another amount, and how many resolved because the other half came."""
    _carry(session)
    opened, _ = finding.open_all(session, [_differs(row) for row in session.execute(_DIFFERING)])
    session.execute(_NOT_MISSING)
    resolved = 0
    for statement in (_ENDED, _ARRIVED):
        resolved += session.execute(statement, {"itself": finding.ITSELF}).rowcount  # type: ignore[attr-defined]
    return opened, resolved


def _differs(row: Any) -> Opened:
    detail = {"account": row.account, "bank": bank.short_name(row.bin), "told": row.told, "stated": row.stated}
    where = (row.business_date, row.stated, row.market_id, row.stall_id, ())
    return Opened("amount_differs", None, *where, detail, row.line_id)


def _carry(session: Session) -> None:
    carried = session.execute(_CARRIED, {"held": list(HELD)}).all()
    positions = journal.positions_of_notices(session, [row.notice_id for row in carried])
    movements = [
        journal.move(positions[row.notice_id], journal.stall_account(row.stall_id), "decision", notice_id=row.notice_id)
        for row in carried
        if positions[row.notice_id].amount
    ]
    journal.write(session, movements)


def give_back(session: Session) -> None:
    """After `gone`: what was decided of the line alone is no decision about the notice any more."""
    returned = session.execute(_GIVEN_BACK).all()
    positions = journal.positions_of_notices(session, [row.notice_id for row in returned])
    movements = [
        journal.move(positions[row.notice_id], row.account, "decision", notice_id=row.notice_id)
        for row in returned
        if positions[row.notice_id].amount
    ]
    journal.write(session, movements)
