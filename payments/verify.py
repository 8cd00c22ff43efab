"""Verify: prove that every number shown follows from the journal, and the journal from what was told."""

from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import audit
from ground.store import Store
from payments import card, feed, own_word, reversal_proof, seal_proof, stall_day
from payments.movement import OF_REFUNDS


class Verified(NamedTuple):
    ok: bool
    entries: int
    days: int
    seals: int
    differences: list[str]


# Where the money of each payment lies now, refunds aside.
HELD_AT = f"""
    SELECT notice_id, line_id, account, sum(amount) AS amount FROM (
        SELECT notice_id, line_id, credit AS account, amount FROM entry WHERE kind NOT IN {OF_REFUNDS}
        UNION ALL
        SELECT notice_id, line_id, debit, -amount FROM entry WHERE kind NOT IN {OF_REFUNDS}
    ) AS side
    WHERE account NOT LIKE 'world:%' GROUP BY notice_id, line_id, account HAVING sum(amount) <> 0
"""

# Each query returns the rows that break a law, as one text each; an empty answer is the proof.
LAWS = {
    "the rollup is what the journal says": f"""
        SELECT format('stall %s on %s: rollup %s ₫ in %s sales, %s refunded, %s confirmed; journal %s in %s, %s, %s',
            stall_id, business_date, d.sales_value, d.sales_count, d.refunds_value, d.confirmed_value, j.sales_value,
            j.sales_count, j.refunds_value, j.confirmed_value)
        FROM stall_day d FULL JOIN ({stall_day.FROM_JOURNAL}) AS j USING (market_id, business_date, stall_id)
        WHERE (coalesce(d.sales_value, 0), coalesce(d.sales_count, 0), coalesce(d.refunds_value, 0),
                coalesce(d.confirmed_value, 0))
            <> (coalesce(j.sales_value, 0), coalesce(j.sales_count, 0), coalesce(j.refunds_value, 0),
                coalesce(j.confirmed_value, 0))
    """,
    "a notice is posted once, unless it is out of the question": """
        SELECT format('notice %s: posted %s times', n.id, count(e.id))
        FROM notice n LEFT JOIN entry e ON e.notice_id = n.id AND e.kind IN ('sale', 'held')
        LEFT JOIN finding f ON f.notice_id = n.id AND f.kind IN ('implausible', 'repeated')
        WHERE n.handled_at IS NOT NULL
        GROUP BY n.id, n.direction, f.id
        HAVING NOT (n.beside AND count(e.id) <= 1)
            AND count(e.id) <> CASE WHEN n.direction = 'in' AND f.id IS NULL THEN 1 ELSE 0 END
    """,
    "an unposted notice has no entry": """
        SELECT format('entry %s: its notice %s still waits', e.id, n.id)
        FROM entry e JOIN notice n ON n.id = e.notice_id WHERE n.handled_at IS NULL
    """,
    "an entry says what its notice or line says": f"""
        SELECT format('entry %s: %s ₫ on %s, told as %s ₫ on %s', e.id, e.amount, e.business_date,
            coalesce(n.amount, l.amount), coalesce(n.business_date, l.business_date))
        FROM entry e LEFT JOIN notice n ON n.id = e.notice_id LEFT JOIN statement_line l ON l.id = e.line_id
        WHERE (e.kind IN ('sale', 'held') AND (e.amount <> coalesce(n.amount, l.amount)
                OR e.debit <> 'world:' || coalesce(n.provider, 'statement')))
            OR (e.kind NOT IN {OF_REFUNDS} AND (e.business_date, e.occurred_at)
                IS DISTINCT FROM (coalesce(n.business_date, l.business_date), coalesce(n.occurred_at, l.occurred_at)))
    """,
    "a sale is at a stall that its account served": """
        SELECT format('entry %s: %s was never served by the account of notice %s', e.id, e.credit, n.id)
        FROM entry e JOIN notice n ON n.id = e.notice_id
        LEFT JOIN (
            SELECT s.stall_id, s.since, s.until, a.number FROM stall_state s JOIN account a ON a.id = s.account_id
            UNION ALL
            SELECT s.stall_id, s.since, s.until, a.number
            FROM stall_state s JOIN account a ON a.id = s.virtual_account_id
            UNION ALL
            SELECT c.stall_id, c.live_from, NULL, c.serial FROM code c
        ) AS known ON known.stall_id = substr(e.credit, 7)::bigint AND known.number IN (n.account, n.virtual_account)
            AND known.since <= e.business_date AND (known.until IS NULL OR e.business_date < known.until)
        WHERE e.kind = 'sale'
        GROUP BY e.id, e.credit, n.id HAVING count(known.stall_id) = 0
    """,
    "money is taken only from where it lies": f"""
        SELECT format('notice %s, line %s: %s ₫ at %s', notice_id, line_id, amount, account)
        FROM ({HELD_AT}) AS held WHERE amount < 0
    """,
    "a payment lies in one place": f"""
        SELECT format('notice %s, line %s: lies at %s', notice_id, line_id, string_agg(account, ', '))
        FROM ({HELD_AT}) AS held GROUP BY notice_id, line_id HAVING count(*) > 1
    """,
    "what waits in suspense is an undecided or closed finding": f"""
        SELECT format('notice %s, line %s: lies at %s, finding %s', h.notice_id, h.line_id, h.account,
            coalesce(f.status, 'none'))
        FROM ({HELD_AT}) AS h
        LEFT JOIN finding n ON n.notice_id = h.notice_id
        LEFT JOIN finding l ON l.line_id = h.line_id
        CROSS JOIN LATERAL (SELECT coalesce(n.status, l.status) AS status) AS f
        WHERE h.account LIKE 'suspense:%' AND f.status IS DISTINCT FROM 'open' AND f.status IS DISTINCT FROM 'closed'
    """,
    "every đồng told of is at a stall, a sale or not, in suspense, or taken off again": f"""
        SELECT format('told %s ₫, at stalls %s ₫, no sales %s ₫, in suspense %s ₫, off %s ₫', told, at_stalls, apart,
            in_suspense, off)
        FROM (SELECT
            (SELECT coalesce(sum(n.amount), 0) FROM notice n
             LEFT JOIN finding f ON f.notice_id = n.id AND f.kind IN ('implausible', 'repeated')
             WHERE n.handled_at IS NOT NULL AND n.direction = 'in' AND f.id IS NULL
                AND (NOT n.beside OR EXISTS (
                    SELECT FROM entry e WHERE e.notice_id = n.id AND e.kind IN ('sale', 'held'))))
            + (SELECT coalesce(sum(l.amount), 0) FROM entry e JOIN statement_line l ON l.id = e.line_id
               WHERE e.kind IN ('sale', 'held')) AS told,
            (SELECT coalesce(sum(sales_value), 0) FROM stall_day) AS at_stalls,
            (SELECT coalesce(sum(amount), 0) FROM ({HELD_AT}) AS h WHERE account LIKE 'suspense:%') AS in_suspense,
            (SELECT coalesce(sum(amount), 0) FROM ({HELD_AT}) AS h WHERE account LIKE 'own:%') AS apart,
            (SELECT coalesce(sum(CASE WHEN credit LIKE 'world:%' THEN amount ELSE -amount END), 0) FROM entry
             WHERE debit LIKE 'world:%' AND kind NOT IN ('sale', 'held') OR credit LIKE 'world:%') AS off) AS sums
        WHERE told <> at_stalls + apart + in_suspense + off
    """,
    "what another feed told is neither in the books nor waiting": f"""
        SELECT format('notice %s of %s: %s ₫ at %s, finding %s', n.id, n.provider, h.amount, h.account, f.status)
        FROM notice n LEFT JOIN ({HELD_AT}) AS h ON h.notice_id = n.id
        LEFT JOIN finding f ON f.notice_id = n.id AND f.status = 'open'
        WHERE n.beside AND (h.notice_id IS NOT NULL OR f.id IS NOT NULL OR n.handled_at IS NULL)
    """,
    "an account has one feed's sales a day": f"""
        SELECT format('account %s of %s on %s: %s', number, bin, day, string_agg(DISTINCT provider, ', '))
        FROM ({feed.KEYED}) AS k JOIN ({HELD_AT}) AS h ON h.notice_id = k.id AND h.account ~ '^(stall|own):'
        WHERE NOT EXISTS (SELECT FROM feed f WHERE (f.number, f.bin) = (k.number, k.bin) AND f.superseded_at IS NULL
            AND f.since BETWEEN k.day AND k.day + 1)
        GROUP BY number, bin, day HAVING count(DISTINCT provider) > 1
    """,
    "a match is of a line and a notice that are there": """
        SELECT format('match %s: line %s, notice %s', m.id, m.line_id, m.notice_id) FROM match m
        LEFT JOIN statement_line l ON l.id = m.line_id LEFT JOIN notice n ON n.id = m.notice_id
        WHERE l.id IS NULL OR n.id IS NULL OR l.direction <> 'in' OR n.direction <> 'in'
    """,
    "a line is one notice's, or all of a batch's": """
        SELECT format('line %s: %s notices', line_id, count(*)) FROM match WHERE undone_at IS NULL
        GROUP BY line_id HAVING count(*) > 1 AND bool_or(rule <> 'batch')
    """,
    "a notice stands with the amount of its line": """
        SELECT format('notice %s: stands with %s ₫, its line %s ₫', m.notice_id, sum(b.amount), l.amount)
        FROM match m JOIN statement_line l ON l.id = m.line_id JOIN notice n ON n.id = m.notice_id
        JOIN (
            SELECT notice_id, amount * CASE WHEN debit LIKE 'world:%' THEN 1 ELSE -1 END AS amount FROM entry
            WHERE notice_id IS NOT NULL AND (debit LIKE 'world:%' OR credit LIKE 'world:%')
                AND kind IN ('sale', 'held', 'corrected')
        ) AS b ON b.notice_id = m.notice_id
        WHERE m.undone_at IS NULL AND m.rule <> 'batch'
            AND NOT EXISTS (SELECT FROM entry r WHERE r.notice_id = m.notice_id AND r.kind IN ('reversal', 'restored'))
        GROUP BY m.notice_id, l.id, l.amount HAVING sum(b.amount) <> l.amount
    """,
    "a line that was taken is matched, posted or a finding": f"""
        SELECT format('line %s: matched %s, posted %s', l.id, m.line_id IS NOT NULL, h.line_id IS NOT NULL)
        FROM statement_line l
        JOIN statement s ON s.id = l.statement_id AND l.business_date <= s.reconciled_through
        LEFT JOIN (SELECT DISTINCT line_id FROM match WHERE undone_at IS NULL) AS m ON m.line_id = l.id
        LEFT JOIN ({HELD_AT}) AS h ON h.line_id = l.id
        LEFT JOIN finding f ON f.line_id = l.id
        LEFT JOIN (SELECT DISTINCT line_id FROM entry WHERE kind = 'reversal') AS e ON e.line_id = l.id
        WHERE l.direction = 'in' AND NOT l.reversal AND (m.line_id IS NULL) = (h.line_id IS NULL)
            AND f.id IS NULL AND e.line_id IS NULL
    """,
    "what undoes a debit is no sale": f"""
        SELECT format('line %s: %s ₫ at %s', l.id, h.amount, h.account) FROM statement_line l
        JOIN (
            SELECT line_id, amount, account FROM ({HELD_AT}) AS posted
            UNION ALL
            SELECT m.line_id, told.amount, told.account FROM ({HELD_AT}) AS told
            JOIN match m ON m.notice_id = told.notice_id AND m.undone_at IS NULL
        ) AS h ON h.line_id = l.id
        WHERE l.direction = 'in' AND l.reversal
    """,
    "how many alike lines there were is for a person to say": """
        SELECT format('finding %s of line %s: resolved by itself', id, line_id) FROM finding
        WHERE status = 'resolved' AND detail ? 'alike'
    """,
    "what is posted from a line is not matched as well": f"""
        SELECT format('line %s: %s ₫ at %s beside its notice', h.line_id, h.amount, h.account)
        FROM ({HELD_AT}) AS h JOIN match m ON m.line_id = h.line_id AND m.undone_at IS NULL
    """,
}
DIFFERENCES_SHOWN = 100


def verify(store: Store) -> Verified:
    """Every law, over one snapshot of the books, while payments go on arriving."""
    differences: list[str] = []
    with store.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        # Each law looks at all of the books: going through them one by one for each other would take for ever.
        connection.execute(text("SET LOCAL enable_nestloop = off"))
        for law, breaches in LAWS.items():
            query = text(f"SELECT * FROM ({breaches}) AS b LIMIT {DIFFERENCES_SHOWN}")
            differences += [f"{law}: {row[0]}" for row in connection.execute(query)]
        differences += audit.walk(connection)
        differences += [f"a refund is what was told of it: {each}" for each in card.differences(Session(connection))]
        differences += own_word.differences(Session(connection))
        taken_back = reversal_proof.differences(Session(connection))
        differences += [f"what was taken back stays off: {each}" for each in taken_back]
        seals, broken = seal_proof.prove(connection)
        differences += broken
        entries = connection.execute(text("SELECT count(*) FROM entry")).scalar_one()
        days = connection.execute(text("SELECT count(*) FROM stall_day")).scalar_one()
        connection.rollback()
    return Verified(not differences, entries, days, seals, differences)
