"""A payout's line: what a card company paid to our bank in one sum, for all the card sales that it names for it.

A payout goes out under its own number. A line that bears or mentions it confirms the sales the payout was made of,
once all of what it was made of is known and adds up; fees are why their sum is another. Where payout and statement
count in the same money, the amounts are equal too. Several lines for one payout are nobody's.
"""

from sqlalchemy import text
from sqlmodel import Session

_WHOLE = """
    SELECT p.id, p.amount, p.currency, p.names FROM payout p
    WHERE p.status = 'paid' AND p.names <> '{}' AND p.amount = (
        SELECT sum(s.net) FROM settlement s WHERE s.payout_id = p.id AND s.kind <> 'payout')
"""
_NAMES = "(p.names && l.names OR p.names && l.named) AND (p.currency <> 'vnd' OR p.amount = l.amount)"
_PAID_OUT = f"""
    CREATE TEMPORARY TABLE paid_out ON COMMIT DROP AS
    WITH whole AS MATERIALIZED ({_WHOLE}), named AS MATERIALIZED (
        SELECT p.*, l.id AS line_id, l.account_id, l.day, count(*) OVER (PARTITION BY l.id) AS payouts
        FROM whole p JOIN free_stated l ON {_NAMES}
    )
    SELECT DISTINCT s.notice_id, p.line_id, p.account_id, p.day
    FROM named p JOIN settlement s ON s.payout_id = p.id
    WHERE p.payouts = 1 AND s.notice_id IS NOT NULL
        AND (SELECT count(*) FROM statement_line l WHERE l.direction = 'in' AND {_NAMES}) = 1
"""
# A card sale is told of no account: it belongs to the days that are matched only by its payout.
_TOLD = """
    INSERT INTO told (id, account_id, day, low, high, at, amount, ord)
    SELECT n.id, p.account_id, p.day, p.day, p.day, extract(epoch FROM n.occurred_at)::bigint, n.amount, n.id
    FROM paid_out p JOIN notice n ON n.id = p.notice_id
"""
_PAIRED = "INSERT INTO fresh SELECT notice_id, line_id, 'batch' FROM paid_out"
PAYOUT = (_PAID_OUT, _TOLD, _PAIRED)

_LATE = text(f"""
    WITH whole AS MATERIALIZED ({_WHOLE}), seen AS (
        SELECT s.payout_id, s.notice_id, m.line_id FROM settlement s
        LEFT JOIN match m ON m.notice_id = s.notice_id AND m.undone_at IS NULL
        WHERE s.notice_id IS NOT NULL
    ), fresh AS MATERIALIZED (
        SELECT l.* FROM statement t JOIN statement_line l ON (l.account_id, l.statement_id) = (t.account_id, t.id)
            AND l.business_date BETWEEN t.first_line AND t.last_line
        WHERE t.new_lines > 0 AND coalesce(t.reconciled_through, '-infinity') < t.last_line AND l.direction = 'in'
            AND EXISTS (SELECT FROM whole)
    )
    SELECT l.id FROM whole p JOIN statement_line l ON {_NAMES}
    WHERE l.direction = 'in' AND EXISTS (SELECT FROM seen WHERE payout_id = p.id AND line_id IS NULL)
    UNION SELECT line_id FROM seen JOIN payout p ON p.id = payout_id WHERE p.status <> 'paid' AND line_id IS NOT NULL
    UNION SELECT line_id FROM seen JOIN whole p ON p.id = payout_id
    WHERE EXISTS (SELECT FROM fresh l WHERE {_NAMES} AND l.id <> line_id)
""")


def late(session: Session) -> list[int]:
    """Lines to be matched anew although their days were: all is known of their payout only now, or it failed, or
    another line names it too."""
    return list(session.execute(_LATE).scalars())
