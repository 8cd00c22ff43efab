"""The proof of the reversals: over all the lines there are at once, what debits take back is off, and nothing else."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from payments import journal, posted_line, reversal
from payments.journal import Position
from payments.posted_line import Taken
from payments.reversal import REACH_DAYS

# Accounts of which a line still waits may differ until that is taken to the books.
_TAKEN = """
    SELECT id FROM account WHERE id NOT IN (
        SELECT account_id FROM statement WHERE first_line <= (SELECT through FROM reconciliation)
            AND coalesce(reconciled_through, '-infinity') < least(last_line, (SELECT through FROM reconciliation)))
"""
_MEANT = text(f"""
    WITH debit AS MATERIALIZED (
        SELECT id, account_id, business_date AS day, occurred_at, amount, reversal, named FROM statement_line
        WHERE direction = 'out' AND (reversal OR named <> '{{}}') AND account_id IN ({_TAKEN})
            AND business_date <= (SELECT through FROM reconciliation)
    ), credit AS (
        SELECT id, account_id, business_date AS day, occurred_at, amount, names FROM statement_line
        WHERE direction = 'in' AND NOT reversal AND account_id IN (SELECT account_id FROM debit)
    ), mentioned AS (
        SELECT DISTINCT d.id AS debit_id, c.id AS credit_id
        FROM (SELECT id, account_id, day, amount, unnest(named) AS mark FROM debit) AS d
        JOIN (SELECT id, account_id, day, amount, unnest(names) AS mark FROM credit) AS c USING (account_id, mark)
        WHERE c.day BETWEEN d.day - {REACH_DAYS} AND d.day AND c.amount >= d.amount
    )
    SELECT debit_id, credit_id FROM mentioned
    UNION ALL
    SELECT d.id, c.id FROM debit d JOIN credit c USING (account_id, amount)
    WHERE d.reversal AND d.id NOT IN (SELECT debit_id FROM mentioned)
        AND c.day BETWEEN d.day - {REACH_DAYS} AND d.day AND (c.occurred_at <= d.occurred_at) IS NOT FALSE
""")
_CANDIDATES = text(
    reversal.CANDIDATES.format(
        meant="""
            unnest(CAST(:debits AS bigint[]), CAST(:credits AS bigint[])) AS x(debit_id, credit_id)
            JOIN statement_line d ON d.id = x.debit_id
        """,
        matched="""
            LEFT JOIN match m ON m.line_id = c.id AND m.undone_at IS NULL AND m.rule <> 'batch'
            LEFT JOIN notice n ON n.id = m.notice_id
        """,
        batch="EXISTS (SELECT FROM match q WHERE q.line_id = c.id AND q.rule = 'batch' AND q.undone_at IS NULL)",
    )
)
_ONCE_TAKEN = text(f"""
    SELECT DISTINCT e.notice_id, e.line_id FROM entry e JOIN statement_line d ON d.id = e.by_line_id
    WHERE d.direction = 'out' AND d.account_id IN ({_TAKEN})
""")
_NOTICES = text("""
    SELECT n.id, CASE WHEN l.reversal THEN 0 ELSE coalesce(l.amount, n.amount) END AS amount FROM notice n
    LEFT JOIN match m ON m.notice_id = n.id AND m.undone_at IS NULL AND m.rule <> 'batch'
    LEFT JOIN statement_line l ON l.id = m.line_id
    WHERE n.id = ANY(:ids) AND NOT n.beside ORDER BY n.id
""")
# A line that is paired or tied stands for nothing itself.
_LINES = text(f"""
    SELECT l.id, CASE WHEN {posted_line.SETTLED} THEN 0 ELSE l.amount END AS amount
    FROM statement_line l WHERE l.id = ANY(:ids) ORDER BY l.id
""")


def differences(session: Session) -> list[str]:
    """Payments that stand with another amount than their debits leave of them; nothing is written."""
    meant = session.execute(_MEANT).all()
    pairs = {"debits": [row.debit_id for row in meant], "credits": [row.credit_id for row in meant]}
    found, _ = reversal.choose(session.execute(_CANDIDATES, pairs) if meant else (), {})
    once = session.execute(_ONCE_TAKEN).all()
    notices, lines = (reversal.sums(found, notified) for notified in (True, False))
    of_notices = sorted({*notices, *(row.notice_id for row in once if row.notice_id is not None)})
    of_lines = sorted({*lines, *(row.line_id for row in once if row.line_id is not None)})
    told = session.execute(_NOTICES, {"ids": of_notices})
    stated = session.execute(_LINES, {"ids": of_lines})
    return [
        *_amiss("notice", told, journal.positions_of_notices(session, of_notices), notices),
        *_amiss("line", stated, journal.positions_of_lines(session, of_lines), lines),
    ]


def _amiss(name: str, rows: Iterable[Any], positions: Mapping[int, Position], taken: Taken) -> Iterator[str]:
    for row in rows:
        off, _ = taken.get(row.id, (0, None))
        position = positions.get(row.id)
        if position is not None and position.amount != max(row.amount - off, 0):
            yield f"{name} {row.id}: stands with {position.amount} ₫, {off} ₫ of {row.amount} ₫ were taken back"
