"""Reversals: which debit on a statement takes back which credit.

A debit is one only if it carries the credit's reference, or if the bank marks it as one (MT940's RC and RD, camt's
RvslInd, the layout's own word), and it is never larger than the credit. Anything else is the vendor's own business.
"""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

REACH_DAYS = 31
"""A bank takes a credit back within this time."""


class Reversal(NamedTuple):
    """A debit and the payment it takes from: a notice, or the credit line where no notice is paired with that."""

    debit_id: int
    amount: int
    notice_id: int | None
    line_id: int | None


class Reversals(NamedTuple):
    """unclear: debits that the bank marks, of which can't be told what they take back."""

    found: list[Reversal]
    unclear: list[Any]


# Debits that could take from the scope's credits, each with every credit it could mean. A line paired in this scope
# is its notice now; one outside has the match it has.
_CANDIDATES = text(f"""
    WITH debit AS (
        SELECT d.id, d.account_id, d.business_date AS day, d.occurred_at, d.amount, d.reversal, d.named, d.nth, d.alike
        FROM scope s JOIN statement_line d ON d.account_id = s.account_id
            AND d.business_date BETWEEN s.first - {REACH_DAYS} AND s.last + {REACH_DAYS} AND d.business_date <= :through
        WHERE d.direction = 'out' AND (d.reversal OR d.named <> '{{}}')
    ), mentioned AS (
        SELECT DISTINCT d.id AS debit_id, c.id AS credit_id
        FROM (SELECT id, account_id, day, amount, unnest(named) AS mark FROM debit) AS d
        JOIN statement_line c ON c.account_id = d.account_id AND c.direction = 'in' AND d.mark = ANY(c.names)
            AND c.business_date BETWEEN d.day - {REACH_DAYS} AND d.day AND c.amount >= d.amount
    ), same_amount AS (
        SELECT d.id AS debit_id, c.id AS credit_id
        FROM debit d JOIN statement_line c ON c.account_id = d.account_id AND c.direction = 'in'
            AND c.business_date BETWEEN d.day - {REACH_DAYS} AND d.day AND c.amount = d.amount
            AND (c.occurred_at <= d.occurred_at) IS NOT FALSE
        WHERE d.reversal AND d.id NOT IN (SELECT debit_id FROM mentioned)
    )
    SELECT d.id, d.account_id, d.day, d.amount, d.reversal, c.id AS credit_id, c.business_date AS credit_day,
        c.amount AS credit_amount, coalesce(p.notice_id, m.notice_id) AS notice_id,
        (SELECT e.credit FROM entry e WHERE e.kind IN ('sale', 'held')
            AND (e.notice_id = coalesce(p.notice_id, m.notice_id) OR e.line_id = c.id) LIMIT 1) AS holder
    FROM debit d
    LEFT JOIN (SELECT * FROM mentioned UNION ALL SELECT * FROM same_amount) AS x ON x.debit_id = d.id
    LEFT JOIN statement_line c ON c.id = x.credit_id
    LEFT JOIN pair p ON p.line_id = c.id AND p.rule <> 'batch'
    LEFT JOIN match m ON m.line_id = c.id AND m.undone_at IS NULL AND m.rule <> 'batch'
        AND NOT EXISTS (SELECT FROM stated s WHERE s.id = c.id)
    WHERE x.credit_id IS NOT NULL OR d.reversal
    ORDER BY d.day, d.occurred_at, d.alike, d.nth, c.business_date DESC, c.occurred_at DESC, c.alike, c.nth
""")


def find(session: Session, through: date) -> Reversals:
    """What the debits around the scope of `matching.pair_up` take back."""
    rows = session.execute(_CANDIDATES, {"through": through}).all()
    left: dict[int, int] = {}
    found, unclear = [], []
    for _, several in groupby(rows, key=lambda row: row.id):
        candidates = list(several)
        fitting = [row for row in candidates if row.amount <= left.get(row.credit_id, row.credit_amount or 0)]
        chosen = _choose(fitting)
        if chosen is not None:
            left[chosen.credit_id] = left.get(chosen.credit_id, chosen.credit_amount) - chosen.amount
            line_id = None if chosen.notice_id is not None else chosen.credit_id
            found.append(Reversal(chosen.id, chosen.amount, chosen.notice_id, line_id))
        elif candidates[0].reversal:
            unclear.append(candidates[0])
    return Reversals(found, unclear)


def _choose(candidates: Sequence[Any]) -> Any | None:
    """The only one; of several that lie on one day at one stall, the latest."""
    if len({(row.credit_day, row.holder) for row in candidates}) == 1:
        return candidates[0]
    return None
