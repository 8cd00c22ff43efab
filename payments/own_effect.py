"""What follows in the journal from what vendors say of their own payments, whatever else befalls these.

A payment is known by its notice, by its statement line, or by both; whichever of them stands in the books, a word
said of the other holds for it. What was returned is a refund on the day it was said, never more than what stands at
that stall; what was not a sale lies at `own:81` in place of `stall:81`. The journal is brought to that, so the order
of words and facts makes no difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from payments.movement import OF_REFUNDS, Movement

WORLD = "world:vendor"
REASON = "vendor"

Payment = tuple[int | None, int | None]
"""Its notice's id or its line's, the other one None."""


class Standing(NamedTuple):
    """A payment's money at a stall; `apart`: as no sale."""

    stall_id: int
    apart: bool
    amount: int
    business_date: date
    occurred_at: datetime | None


class Known(NamedTuple):
    """All that is said of some payments, and what the journal already has of it."""

    clusters: Sequence[Sequence[Payment]]
    words: Sequence[Any]
    refunds: Mapping[tuple[Payment, int, datetime], int]


_ANY = text("SELECT EXISTS (SELECT FROM own_word)")
# The lines that these notices are paired with, or corroborate; and the notices of lines.
_TIES = """
    SELECT notice_id, line_id FROM match WHERE {column} = ANY(:ids) AND undone_at IS NULL AND rule <> 'batch'
    UNION SELECT notice_id, line_id FROM corroboration WHERE {column} = ANY(:ids)
"""
_TIES_OF = {column: text(_TIES.format(column=column)) for column in ("notice_id", "line_id")}
_WORDS = text("""
    SELECT * FROM own_word WHERE notice_id = ANY(:notices) UNION SELECT * FROM own_word WHERE line_id = ANY(:lines)
    ORDER BY id
""")
_ENTERED = """
    SELECT notice_id, line_id, kind, debit, credit, amount, occurred_at FROM entry
    WHERE {column} = ANY(:ids) AND kind NOT IN ('sale', 'held')
        AND kind IN ('refund', 'reinstated', 'not_sale', 'sale_again') AND reason = :reason
"""
_ENTERED_OF = {column: text(_ENTERED.format(column=column)) for column in ("notice_id", "line_id")}


def known(session: Session, notices: Iterable[int], lines: Iterable[int]) -> Known | None:
    """What is said, or was said, of these payments and of those that are one with them; None where nothing is."""
    if not session.execute(_ANY).scalar_one():
        return None
    near, ties = set(lines), set()
    told = set(notices)
    for row in session.execute(_TIES_OF["notice_id"], {"ids": list(told)}):
        near.add(row.line_id)
    for row in session.execute(_TIES_OF["line_id"], {"ids": list(near)}):
        told.add(row.notice_id)
        ties.add((row.notice_id, row.line_id))
    words = session.execute(_WORDS, {"notices": list(told), "lines": list(near)}).all()
    entered = [
        row
        for column, ids in (("notice_id", told), ("line_id", near))
        for row in session.execute(_ENTERED_OF[column], {"ids": list(ids), "reason": REASON})
    ]
    spoken = {(row.notice_id, row.line_id) for row in (*words, *entered)}
    clusters = _clusters(told, near, ties)
    return Known([each for each in clusters if spoken & set(each)], words, _refunds(entered)) if spoken else None


def _clusters(notices: Iterable[int], lines: Iterable[int], ties: Iterable[tuple[int, int]]) -> list[list[Payment]]:
    """Notices and lines that are one payment, together."""
    line_of = dict(sorted(ties))
    together: dict[Payment, list[Payment]] = {(None, line_id): [(None, line_id)] for line_id in sorted(lines)}
    for notice_id in sorted(notices):
        line_id = line_of.get(notice_id)
        key: Payment = (notice_id, None) if line_id is None else (None, line_id)
        together.setdefault(key, []).append((notice_id, None))
    return list(together.values())


def _refunds(entered: Iterable[Any]) -> dict[tuple[Payment, int, datetime], int]:
    """What the journal has as given back, by payment, stall and moment."""
    found: dict[tuple[Payment, int, datetime], int] = {}
    for row in entered:
        if row.kind in OF_REFUNDS:
            account, sign = (row.debit, 1) if row.kind == "refund" else (row.credit, -1)
            key = ((row.notice_id, row.line_id), int(account.partition(":")[2]), row.occurred_at)
            found[key] = found.get(key, 0) + sign * row.amount
    return found


def owed(told: Known, standing: Mapping[Payment, Standing]) -> list[Movement]:
    """The entries that the journal lacks; `standing`: the payments that lie at a stall with more than nothing."""
    steps: list[Movement] = []
    wanted: dict[tuple[Payment, int, datetime], int] = {}
    for cluster in told.clusters:
        said = [word for word in told.words if (word.notice_id, word.line_id) in cluster and word.undone_at is None]
        meant = {word.id: _meant(word, cluster, standing) for word in said}
        apart = {meant[word.id] for word in said if word.kind == "not_sale"}
        steps += [
            _carry(each, standing[each])
            for each in cluster
            if each in standing and standing[each].apart is not (each in apart)
        ]
        left = {each: 0 if each in apart else standing[each].amount for each in cluster if each in standing}
        for word in said:
            payment = meant[word.id]
            if word.kind == "returned" and payment is not None:
                amount = min(word.amount, left[payment])
                left[payment] -= amount
                wanted[payment, word.stall_id, word.said_at] = amount
    keys = sorted({*wanted, *told.refunds}, key=lambda key: (key[2], key[0][0] or 0, key[0][1] or 0, key[1]))
    owing = [(key, wanted.get(key, 0) - told.refunds.get(key, 0)) for key in keys]
    return steps + [_refund(*key, amount) for key, amount in owing if amount]


def _meant(word: Any, cluster: Sequence[Payment], standing: Mapping[Payment, Standing]) -> Payment | None:
    """Which of those that are one payment a word now holds for: its own if that stands at the stall, else another."""
    own = (word.notice_id, word.line_id)
    there = [each for each in cluster if each in standing and standing[each].stall_id == word.stall_id]
    return own if own in there else there[0] if there else None


def _carry(payment: Payment, at: Standing) -> Movement:
    """Out of the sales or back among them, on the day the money came."""
    stall, own = f"stall:{at.stall_id}", f"own:{at.stall_id}"
    kind, debit, credit = ("sale_again", own, stall) if at.apart else ("not_sale", stall, own)
    notice_id, line_id = payment
    return Movement(
        kind, debit, credit, at.amount, at.business_date, at.occurred_at, notice_id, REASON, line_id, sales=1
    )


def _refund(payment: Payment, stall_id: int, moment: datetime, amount: int) -> Movement:
    """On the day she said it, more or less of it."""
    kind, debit, credit = "refund", f"stall:{stall_id}", WORLD
    if amount < 0:
        kind, debit, credit = "reinstated", credit, debit
    notice_id, line_id = payment
    day = clock.business_date(moment)
    return Movement(kind, debit, credit, abs(amount), day, moment, notice_id, REASON, line_id, sales=0)


_SPOKEN_PAIRS = text("""
    SELECT m.notice_id, m.line_id FROM own_word w JOIN made m ON m.notice_id = w.notice_id
    UNION SELECT m.notice_id, m.line_id FROM own_word w JOIN made m ON m.line_id = w.line_id
    UNION SELECT m.notice_id, m.line_id FROM own_word w JOIN corroboration c ON c.notice_id = w.notice_id
        JOIN made m ON m.line_id = c.line_id
    UNION SELECT notice_id, line_id FROM gone
""")


def pairs(session: Session) -> list[tuple[int, int]]:
    """Of what `consequence.draw` paired or parted, the notices and lines of which somebody may have said something."""
    if not session.execute(_ANY).scalar_one():
        return []
    return [(row.notice_id, row.line_id) for row in session.execute(_SPOKEN_PAIRS)]


_EVERYTHING = text("""
    SELECT notice_id, line_id FROM own_word
    UNION SELECT notice_id, line_id FROM entry
        WHERE kind IN ('refund', 'reinstated', 'not_sale', 'sale_again') AND reason = :reason
    UNION SELECT notice_id, line_id FROM entry WHERE credit LIKE 'own:%'
""")


def every(session: Session) -> tuple[list[int], list[int]]:
    """The notices and the lines of which a vendor ever said something, or the journal says so."""
    rows = session.execute(_EVERYTHING, {"reason": REASON}).all()
    return ([row[0] for row in rows if row[0] is not None], [row[1] for row in rows if row[1] is not None])
