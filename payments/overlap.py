"""Two sources of the same days, a provider's list or another of a bank's layouts: a payment is one line all the same.

Two files of one layout say the same of a line. Another source may cut its memo, number it anew, or know its minute or
its day only, and a line that both tell, taken twice, would be money counted twice. So of the lines of one account, day,
direction and amount that no equal words hold together, one is the other where (in this order) the reference is the
same, the balance after it, the second and the stall's token, or, as many as there are, the time within ten minutes or
unknown to one of them; but never where both name tokens, and others.

A bank's layouts with times and without them are two sources as well; the bilingual CSV tells either, row by row. What
one layout tells of a day that another one told all of is taken, but asked about: the second may only name another day.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from typing import Any

from psycopg import Cursor

from payments import pairing
from payments.pairing import MIXED_MAX, Fact

PROVIDER = "sepay"
"""What `statement.bank` says of a list fetched from a provider; anything else is the layout of a bank's file."""
MIXED = "csv"
SECONDS_APART = 600

# Lines `l` of another source than the file coming in.
_OTHER = f"""
    (s.bank <> %(source)s OR s.bank <> '{MIXED}'
        AND (l.occurred_at IS NULL) = (SELECT count(occurred_at) > 0 FROM incoming))
"""
_DAYS = """
    l.business_date BETWEEN (SELECT min(business_date) FROM incoming) AND (SELECT max(business_date) FROM incoming)
"""
_ANY = "SELECT EXISTS (SELECT FROM statement WHERE account_id = %(account)s AND id <> %(statement)s)"
# What equal words hold together is as many lines as both sides tell; the rest of the larger side may be the other
# source's in other words.
_ELSEWHERE = f"""
    CREATE TEMPORARY TABLE elsewhere ON COMMIT DROP AS
    SELECT l.id AS place, l.business_date, l.direction, l.amount, upper(btrim(l.reference)) AS reference, l.balance,
        l.occurred_at, l.tokens
    FROM statement_line l JOIN statement s ON s.id = l.statement_id
    LEFT JOIN (SELECT alike, count(*) AS told FROM incoming GROUP BY alike) AS i ON i.alike = l.alike
    WHERE l.account_id = %(account)s AND {_OTHER} AND {_DAYS} AND l.nth > coalesce(i.told, 0)
"""
_HERE = """
    CREATE TEMPORARY TABLE here ON COMMIT DROP AS
    SELECT place, business_date, direction, amount, upper(btrim(reference)) AS reference, balance, occurred_at, tokens
    FROM (
        SELECT i.*, i.ctid AS place, row_number() OVER (PARTITION BY i.alike ORDER BY i.row) AS k FROM incoming i
        WHERE EXISTS (SELECT FROM elsewhere e
                      WHERE (e.business_date, e.direction, e.amount) = (i.business_date, i.direction, i.amount))
    ) AS i
    WHERE k > (SELECT count(*) FROM statement_line l WHERE l.account_id = %(account)s AND l.alike = i.alike)
"""
_KEYS = ("reference", "balance::text", "occurred_at::text || tokens::text")
# The k-th here of a key is the k-th there.
_SAME = """
    WITH ours AS (
        SELECT place, business_date, direction, amount, {key} AS key,
            row_number() OVER (PARTITION BY business_date, direction, amount, {key} ORDER BY place) AS k
        FROM here WHERE {key} IS NOT NULL
    ), theirs AS (
        SELECT place, business_date, direction, amount, {key} AS key,
            row_number() OVER (PARTITION BY business_date, direction, amount, {key} ORDER BY place) AS k
        FROM elsewhere WHERE {key} IS NOT NULL
    ), same AS (
        SELECT o.place AS ours, t.place AS theirs
        FROM ours o JOIN theirs t USING (business_date, direction, amount, key, k)
    ), gone AS (
        DELETE FROM elsewhere USING same WHERE place = theirs
    ), left_out AS (
        DELETE FROM here USING same WHERE place = ours
    )
    DELETE FROM incoming USING same WHERE incoming.ctid = ours
"""
_REST = """
    SELECT place::text, business_date, direction, amount, extract(epoch FROM occurred_at)::bigint, tokens FROM {side}
    WHERE (business_date, direction, amount) IN (SELECT business_date, direction, amount FROM {other})
    ORDER BY business_date, direction, amount, occurred_at NULLS LAST, place
"""
_LEAVE_OUT = "DELETE FROM incoming WHERE ctid = ANY(CAST(%s AS tid[]))"

Kind = tuple[date, str, int]


def leave_out(cursor: Cursor[Any], account_id: int, statement_id: int, *, source: str) -> None:
    """Take out of the table `incoming` what another source has told already; `source`: this one's `statement.bank`."""
    named = {"account": account_id, "statement": statement_id, "source": source}
    for query in (_ELSEWHERE, _HERE):
        cursor.execute(query, named)
    for table in ("elsewhere", "here"):
        cursor.execute(f"ANALYZE {table}")
    for key in _KEYS:
        cursor.execute(_SAME.format(key=key))
    ours, theirs = (_rest(cursor, *sides) for sides in (("here", "elsewhere"), ("elsewhere", "here")))
    told = [place for kind in ours for place in _pair(ours[kind], theirs[kind])]
    if told:
        cursor.execute(_LEAVE_OUT, (told,))
    cursor.execute("DROP TABLE elsewhere, here")


_DOUBT = f"""
    INSERT INTO finding (kind, line_id, business_date, amount, candidates, detail, status, opened_at)
    SELECT 'ambiguous', l.id, l.business_date, l.amount, '{{}}',
        jsonb_build_object('account', a.number, 'bank', CAST(%(source)s AS text), 'tokens', '[]'::jsonb,
            'doubt', 'alike_lines', 'alike', 'layout'),
        'open', now()
    FROM statement_line l JOIN account a ON a.id = l.account_id
    WHERE l.account_id = %(account)s AND l.statement_id = %(statement)s
        AND l.business_date BETWEEN %(first)s AND %(last)s AND l.direction = 'in' AND NOT l.reversal AND EXISTS (
        SELECT FROM statement s
        WHERE s.account_id = l.account_id AND s.id <> l.statement_id AND s.bank <> '{PROVIDER}'
            AND l.business_date BETWEEN s.first_day
                AND least(s.last_day, (s.imported_at AT TIME ZONE INTERVAL '7 hours')::date - 1)
            AND (s.bank <> %(source)s OR s.bank <> '{MIXED}' AND EXISTS (
                SELECT FROM statement_line o
                WHERE (o.account_id, o.statement_id) = (s.account_id, s.id)
                    AND o.business_date BETWEEN s.first_line AND s.last_line
                    AND (o.occurred_at IS NULL) <> (l.occurred_at IS NULL))))
    ON CONFLICT (line_id) DO UPDATE SET detail = finding.detail || '{{"alike": "layout"}}'
"""


def note(cursor: Cursor[Any], account_id: int, statement_id: int, first: date, last: date, *, source: str) -> None:
    """Ask about what was taken from a bank's file, `first` to `last`, of days that another layout told all of."""
    named = {"account": account_id, "statement": statement_id, "source": source, "first": first, "last": last}
    cursor.execute(_ANY, named)
    if source != PROVIDER and cursor.fetchone() == (True,):
        cursor.execute(_DOUBT, named)


def _rest(cursor: Cursor[Any], side: str, other: str) -> dict[Kind, list[tuple[str, Fact]]]:
    cursor.execute(_REST.format(side=side, other=other))
    return {kind: list(_facts(rows)) for kind, rows in groupby(cursor.fetchall(), key=lambda row: row[1:4])}


def _facts(rows: Iterable[Any]) -> Iterator[tuple[str, Fact]]:
    for number, (place, _, _, _, second, tokens) in enumerate(rows):
        yield place, Fact(number, second, (), frozenset(tokens))


def _pair(ours: list[tuple[str, Fact]], theirs: list[tuple[str, Fact]]) -> list[str]:
    """The places of ours that are one of theirs. Of hundreds alike on a day only their number is told."""
    if len(ours) * len(theirs) > MIXED_MAX:
        return [place for (place, _), _ in zip(ours, theirs, strict=False)]
    here, there = [fact for _, fact in ours], [fact for _, fact in theirs]
    return [ours[at][0] for at, _ in pairing.pair(here, there, _may_be_same, uniform=False).pairs]


def _may_be_same(one: Fact, other: Fact) -> bool:
    if one.marks and other.marks and one.marks != other.marks:
        return False
    return one.at is None or other.at is None or abs(one.at - other.at) <= SECONDS_APART
