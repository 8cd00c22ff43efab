"""Cuts: downloads that meet between alike lines, with nothing to tell how many there really were.

A file's k-th alike line is another file's k-th, and the larger number seen in one file stands. That is sure as long as
both files saw the lines from the same side. Where one file ends with them and the other begins with them, each may
have seen another part; without running balances or references nobody can say, so somebody should look. A file that
begins and ends where the other does is the same once more.
"""

from typing import Any

from psycopg import Cursor

from payments import finding

# Seconds where they are told, else the day; only ever compared within a layout.
_AT = "coalesce(extract(epoch FROM occurred_at)::bigint, business_date - DATE '0001-01-01')"
_NOTE = f"""
    WITH here AS (
        SELECT alike, count(*) AS lines, min({_AT}) AS at, bool_and(occurred_at IS NOT NULL) AS timed
        FROM incoming WHERE direction = 'in' AND reference IS NULL AND alike IN (SELECT alike FROM twin)
        GROUP BY alike HAVING count(balance) < count(*)
    ), window_ AS (
        SELECT min({_AT}) AS first, max({_AT}) AS last FROM incoming
    ), known AS (
        SELECT alike, statement_id, count(*) AS lines FROM statement_line
        WHERE account_id = %(account)s AND statement_id <> %(statement)s AND alike IN (SELECT alike FROM here)
        GROUP BY alike, statement_id
    ), edge AS (
        SELECT s.id AS statement_id, min({_AT}) AS first, max({_AT}) AS last
        FROM statement s JOIN statement_line l ON (l.account_id, l.statement_id) = (s.account_id, s.id)
            AND l.business_date BETWEEN s.first_line AND s.last_line
        WHERE s.id IN (SELECT statement_id FROM known) GROUP BY s.id
    ), cut AS (
        SELECT h.alike FROM here h CROSS JOIN window_ w JOIN known k USING (alike) JOIN edge e USING (statement_id)
        WHERE ((h.at = w.first AND h.at = e.last) OR (h.at = w.last AND h.at = e.first))
            AND (w.first, w.last) <> (e.first, e.last) AND (h.timed OR h.lines <> k.lines)
    )
    INSERT INTO finding (kind, line_id, business_date, amount, candidates, detail, status, opened_at)
    SELECT DISTINCT ON (l.alike) 'ambiguous', l.id, l.business_date, l.amount, '{{}}',
        jsonb_build_object('account', a.number, 'bank', s.bank, 'tokens', '[]'::jsonb, 'doubt', 'alike_lines',
            'alike', true),
        'open', now()
    FROM statement_line l JOIN account a ON a.id = l.account_id JOIN statement s ON s.id = l.statement_id
    WHERE l.account_id = %(account)s AND l.alike IN (SELECT alike FROM cut)
    ORDER BY l.alike, l.nth DESC
    ON CONFLICT (line_id) DO UPDATE SET detail = finding.detail || '{{"alike": true}}'
"""


def note(cursor: Cursor[Any], account_id: int, statement_id: int) -> int:
    """Open a finding for each group of alike lines that two downloads may have cut; how many there are."""
    cursor.execute(_NOTE, {"account": account_id, "statement": statement_id})
    noted = cursor.rowcount
    cursor.execute(finding.DOUBTED)
    return noted
