"""Verify: prove that every number shown follows from the journal, and the journal from what was told."""

from typing import NamedTuple

from sqlalchemy import text

from ground import audit
from ground.store import Store
from payments import stall_day


class Verified(NamedTuple):
    ok: bool
    entries: int
    days: int
    seals: int
    differences: list[str]


# Each query returns the rows that break a law, as one text each; an empty answer is the proof.
LAWS = {
    "the rollup is what the journal says": f"""
        SELECT format('stall %s on %s: rollup %s ₫ in %s sales, journal %s ₫ in %s', stall_id, business_date,
            d.sales_value, d.sales_count, j.sales_value, j.sales_count)
        FROM stall_day d FULL JOIN ({stall_day.FROM_JOURNAL}) AS j USING (market_id, business_date, stall_id)
        WHERE (d.sales_value, d.sales_count) IS DISTINCT FROM (j.sales_value, j.sales_count)
    """,
    "a notice is posted once, unless it is out of the question": """
        SELECT format('notice %s: posted %s times', n.id, count(e.id))
        FROM notice n LEFT JOIN entry e ON e.notice_id = n.id AND e.kind IN ('sale', 'held')
        LEFT JOIN finding f ON f.notice_id = n.id AND f.kind IN ('implausible', 'repeated')
        WHERE n.handled_at IS NOT NULL
        GROUP BY n.id, n.direction, f.id
        HAVING count(e.id) <> CASE WHEN n.direction = 'in' AND f.id IS NULL THEN 1 ELSE 0 END
    """,
    "an unposted notice has no entry": """
        SELECT format('entry %s: its notice %s still waits', e.id, n.id)
        FROM entry e JOIN notice n ON n.id = e.notice_id WHERE n.handled_at IS NULL
    """,
    "an entry says what its notice says": """
        SELECT format('entry %s: %s ₫ on %s, its notice %s ₫ on %s', e.id, e.amount, e.business_date, n.amount,
            n.business_date)
        FROM entry e JOIN notice n ON n.id = e.notice_id
        WHERE (e.amount, e.business_date, e.occurred_at)
            IS DISTINCT FROM (n.amount, n.business_date, n.occurred_at)
            OR (e.kind IN ('sale', 'held') AND e.debit <> 'world:' || n.provider)
    """,
    "a sale is at a stall that its account served": """
        SELECT format('entry %s: %s was never served by the account of notice %s', e.id, e.credit, n.id)
        FROM entry e JOIN notice n ON n.id = e.notice_id
        LEFT JOIN (
            SELECT s.stall_id, s.since, s.until, a.number FROM stall_state s JOIN account a ON a.id = s.account_id
            UNION ALL
            SELECT s.stall_id, s.since, s.until, a.number
            FROM stall_state s JOIN account a ON a.id = s.virtual_account_id
        ) AS known ON known.stall_id = substr(e.credit, 7)::bigint AND known.number IN (n.account, n.virtual_account)
            AND known.since <= e.business_date AND (known.until IS NULL OR e.business_date < known.until)
        WHERE e.kind = 'sale'
        GROUP BY e.id, e.credit, n.id HAVING count(known.stall_id) = 0
    """,
    "money is moved on only from where it lies": """
        SELECT format('entry %s: takes from %s what lies at %s', id, debit, was)
        FROM (SELECT id, debit, kind, lag(credit) OVER (PARTITION BY notice_id ORDER BY id) AS was FROM entry) AS e
        WHERE kind NOT IN ('sale', 'held') AND debit IS DISTINCT FROM was
    """,
    "what waits in suspense is an undecided or closed finding": """
        SELECT format('notice %s: lies at %s, finding %s', e.notice_id, e.credit, coalesce(f.status, 'none'))
        FROM (SELECT DISTINCT ON (notice_id) notice_id, credit FROM entry ORDER BY notice_id, id DESC) AS e
        LEFT JOIN finding f ON f.notice_id = e.notice_id
        WHERE e.credit LIKE 'suspense:%' AND f.status IS DISTINCT FROM 'open' AND f.status IS DISTINCT FROM 'closed'
    """,
    "every đồng told of is at a stall or in suspense": """
        SELECT format('told %s ₫, at stalls %s ₫, in suspense %s ₫', told, at_stalls, in_suspense)
        FROM (SELECT
            (SELECT coalesce(sum(n.amount), 0) FROM notice n
             LEFT JOIN finding f ON f.notice_id = n.id AND f.kind IN ('implausible', 'repeated')
             WHERE n.handled_at IS NOT NULL AND n.direction = 'in' AND f.id IS NULL) AS told,
            (SELECT coalesce(sum(sales_value), 0) FROM stall_day) AS at_stalls,
            (SELECT coalesce(sum(amount), 0) FROM finding WHERE stall_id IS NULL
             AND kind IN ('unattributed', 'ambiguous', 'unknown_account')) AS in_suspense) AS sums
        WHERE told <> at_stalls + in_suspense
    """,
}
DIFFERENCES_SHOWN = 100


def verify(store: Store) -> Verified:
    """Every law, over one snapshot of the books, while payments go on arriving."""
    differences: list[str] = []
    with store.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        for law, breaches in LAWS.items():
            query = text(f"SELECT * FROM ({breaches}) AS b LIMIT {DIFFERENCES_SHOWN}")
            differences += [f"{law}: {row[0]}" for row in connection.execute(query)]
        differences += audit.walk(connection)
        entries = connection.execute(text("SELECT count(*) FROM entry")).scalar_one()
        days = connection.execute(text("SELECT count(*) FROM stall_day")).scalar_one()
        connection.rollback()
    return Verified(not differences, entries, days, 0, differences)
