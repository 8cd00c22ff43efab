"""Reversals: which debit on a statement takes back which credit.

A debit is one only if it carries the credit's reference, or if the bank marks it as one (MT940's RC and RD, camt's
RvslInd, the layout's own word), and it is never larger than the credit. Anything else is the vendor's own business.
Where the credit is one line for many notices, nothing tells from which of them it takes: somebody is asked.

Debits share credits, and what one took is not there for the next: whoever asks about one of them has to look at every
debit and every credit that hang together with it, however long ago they were.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from payments import posted_line
from payments.posted_line import Off, Taken

REACH_DAYS = 31
"""A bank takes a credit back within this time."""


class Reversal(NamedTuple):
    """A debit and the payment it takes from: a notice, or the credit line where no notice is paired with that."""

    debit_id: int
    amount: int
    credit_id: int
    notice_id: int | None


class Reversals(NamedTuple):
    """What debits take back; notices and lines are also those that such a debit took from once and does not any more.

    unclear: debits that take something back, of which can't be told what.
    """

    found: list[Reversal]
    notices: Taken
    lines: Taken
    unclear: list[Any]


_MEANT = "CREATE TEMPORARY TABLE meant (debit_id bigint, credit_id bigint, may_be boolean) ON COMMIT DROP"
_IN_SCOPE = text(f"""
    SELECT d.id FROM scope s JOIN statement_line d ON d.account_id = s.account_id
        AND d.business_date BETWEEN s.first AND s.last + {REACH_DAYS} AND d.business_date <= :through
    WHERE d.direction = 'out' AND (d.reversal OR d.named <> '{{}}')
""")
# Each credit that these debits could mean, and those that they took from when less was known.
_CREDITS = text(f"""
    WITH debit AS (
        SELECT id, account_id, business_date AS day, occurred_at, amount, reversal, named FROM statement_line
        WHERE id = ANY(:debits)
    ), mentioned AS (
        SELECT DISTINCT d.id AS debit_id, c.id AS credit_id
        FROM (SELECT id, account_id, day, amount, unnest(named) AS mark FROM debit) AS d
        JOIN statement_line c ON c.account_id = d.account_id AND c.direction = 'in' AND NOT c.reversal
            AND d.mark = ANY(c.names) AND c.amount >= d.amount
            AND c.business_date BETWEEN d.day - {REACH_DAYS} AND d.day
    ), same_amount AS (
        SELECT d.id AS debit_id, c.id AS credit_id
        FROM debit d JOIN statement_line c ON c.account_id = d.account_id AND c.direction = 'in' AND NOT c.reversal
            AND c.business_date BETWEEN d.day - {REACH_DAYS} AND d.day AND c.amount = d.amount
            AND (c.occurred_at <= d.occurred_at) IS NOT FALSE
        WHERE d.reversal AND d.id NOT IN (SELECT debit_id FROM mentioned)
    ), took AS (
        SELECT e.by_line_id AS debit_id, coalesce(e.line_id, p.line_id, m.line_id) AS credit_id
        FROM entry e
        LEFT JOIN pair p ON p.notice_id = e.notice_id AND p.rule <> 'batch'
        LEFT JOIN match m ON m.notice_id = e.notice_id AND m.undone_at IS NULL AND m.rule <> 'batch'
        WHERE e.by_line_id = ANY(:debits)
    )
    INSERT INTO meant SELECT debit_id, credit_id, bool_or(may_be) FROM (
        SELECT debit_id, credit_id, true AS may_be FROM mentioned
        UNION ALL SELECT debit_id, credit_id, true FROM same_amount
        UNION ALL SELECT debit_id, credit_id, false FROM took
    ) AS x WHERE credit_id IS NOT NULL GROUP BY 1, 2
    RETURNING credit_id
""")
# Every debit that could mean one of these credits, or more than those.
_DEBITS = text(f"""
    SELECT DISTINCT d.id FROM statement_line c JOIN statement_line d ON d.account_id = c.account_id
        AND d.direction = 'out' AND d.business_date BETWEEN c.business_date AND c.business_date + {REACH_DAYS}
        AND d.business_date <= :through AND d.amount <= c.amount
    WHERE c.id = ANY(:credits) AND (d.named && c.names OR d.reversal AND d.amount = c.amount)
""")
# A debit `d` with each credit it could mean, and the notice `n` that this is, or whether it is a batch of them: of a
# line paired in this scope that of now, of one outside the one it has. Whose a payment was at first counts.
CANDIDATES = """
    SELECT d.id, d.account_id, d.business_date AS day, d.amount, d.reversal, c.id AS credit_id,
        c.business_date AS credit_day, c.amount AS credit_amount, n.id AS notice_id,
        CASE WHEN n.id IS NULL
            THEN (SELECT e.credit FROM entry e WHERE e.kind IN ('sale', 'held') AND e.line_id = c.id)
            ELSE (SELECT e.credit FROM entry e WHERE e.kind IN ('sale', 'held') AND e.notice_id = n.id)
        END AS holder, {batch} AS batch
    FROM {meant}
    LEFT JOIN statement_line c ON c.id = x.credit_id
    {matched}
    WHERE c.id IS NOT NULL OR d.reversal
    ORDER BY d.business_date, d.occurred_at, d.alike, d.nth, c.business_date DESC, c.occurred_at DESC, c.alike, c.nth
"""
_CANDIDATES = text(
    CANDIDATES.format(
        meant="""
            unnest(CAST(:debits AS bigint[])) AS a(id) JOIN statement_line d USING (id)
            LEFT JOIN meant x ON x.debit_id = d.id AND x.may_be
        """,
        matched="""
            LEFT JOIN pair p ON p.line_id = c.id AND p.rule <> 'batch'
            LEFT JOIN match m ON m.line_id = c.id AND m.undone_at IS NULL AND m.rule <> 'batch'
                AND NOT EXISTS (SELECT FROM stated s WHERE s.id = c.id)
            LEFT JOIN notice n ON n.id = coalesce(p.notice_id, m.notice_id)
        """,
        batch="""
            CASE WHEN EXISTS (SELECT FROM stated s WHERE s.id = c.id)
                THEN EXISTS (SELECT FROM pair q WHERE q.line_id = c.id AND q.rule = 'batch')
                ELSE EXISTS (
                    SELECT FROM match q WHERE q.line_id = c.id AND q.rule = 'batch' AND q.undone_at IS NULL) END
        """,
    )
)
_TAKEN_FROM = text("SELECT DISTINCT notice_id, line_id FROM entry WHERE by_line_id = ANY(:debits)")


def find(session: Session, through: date) -> Reversals:
    """What the debits take back that could mean a credit in the scope of `matching.pair_up`, and all that hang together
    with them."""
    debits = list(session.execute(_IN_SCOPE, {"through": through}).scalars())
    if not debits:
        return Reversals([], {}, {}, [])
    session.execute(text("DROP TABLE IF EXISTS meant"))
    session.execute(text(_MEANT))
    debits = _gather(session, debits, through)
    rows = session.execute(_CANDIDATES, {"debits": debits}).all()
    unposted = {row.credit_id for row in rows if row.credit_id and row.notice_id is None and row.holder is None}
    found, unclear = choose(rows, posted_line.owners(session, unposted))
    before = session.execute(_TAKEN_FROM, {"debits": debits}).all()
    notices: Taken = {row.notice_id: (0, None) for row in before if row.notice_id is not None}
    lines: Taken = {row.line_id: (0, None) for row in before if row.line_id is not None}
    return Reversals(found, {**notices, **sums(found, True)}, {**lines, **sums(found, False)}, unclear)


def _gather(session: Session, debits: Iterable[int], through: date) -> list[int]:
    """These debits and all that hang together with them, with `meant` filled for them all."""
    known: set[int] = set()
    seen: set[int] = set()
    fresh = set(debits)
    while fresh:
        known |= fresh
        credits = set(session.execute(_CREDITS, {"debits": list(fresh)}).scalars()) - seen
        seen |= credits
        fresh = set(session.execute(_DEBITS, {"credits": list(credits), "through": through}).scalars()) - known
    return sorted(known)


def choose(rows: Iterable[Any], owners: dict[int, str]) -> tuple[list[Reversal], list[Any]]:
    """Of candidates in the order of their debits: what each debit takes, and the debits of which that can't be told.

    owners: to whom lines will go that are not posted yet.
    """
    left: dict[int, int] = {}
    found, unclear = [], []
    for _, several in groupby(rows, key=lambda row: row.id):
        candidates = list(several)
        fitting = [row for row in candidates if row.amount <= left.get(row.credit_id, row.credit_amount or 0)]
        chosen = _choose(fitting, owners)
        if chosen is not None and not chosen.batch:
            left[chosen.credit_id] = left.get(chosen.credit_id, chosen.credit_amount) - chosen.amount
            found.append(Reversal(chosen.id, chosen.amount, chosen.credit_id, chosen.notice_id))
        elif chosen is not None or candidates[0].reversal:
            unclear.append(candidates[0])
    return found, unclear


def _choose(candidates: Sequence[Any], owners: dict[int, str]) -> Any | None:
    """The only one; of several that lie on one day at one stall, the latest."""
    if len({(row.credit_day, row.holder or owners.get(row.credit_id)) for row in candidates}) == 1:
        return candidates[0]
    return None


def sums(found: Sequence[Reversal], notified: bool) -> Taken:
    """By notice, or by credit where there is none."""
    taken: dict[int, Off] = {}
    for each in found:
        if (each.notice_id is not None) == notified:
            subject = each.credit_id if each.notice_id is None else each.notice_id
            taken[subject] = (taken.get(subject, (0, None))[0] + each.amount, each.debit_id)
    return taken
