"""A stall's single payments, as its vendor may see them: those of the days on which the stall was hers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from payments import card, journal, own_effect
from payments.movement import OF_REFUNDS
from payments.own_effect import Payment

NEWS_DAYS = 35
"""How old a payment may be that is news when it becomes known: a loudspeaker is no archive."""
TINY = 1_000
"""Nothing at a market costs less: 200 ₫ may be meant to be heard as 200.000 ₫."""
TINY_PART = 1_000
USUAL_DAYS = 30


class Word(NamedTuple):
    """Something she said of it that can be undone. amount: what was returned; None: it was not a sale."""

    id: int
    kind: str
    amount: int | None


class OwnPayment(NamedTuple):
    """amount: what stands of it now; told: what was told first. returned: what of it she gave back. apart: no sale.

    entry_id: the entry by which it came to the stall. confirmed: a statement's line says the same.
    """

    payment: Payment
    stall_id: int
    stall: str
    day: date
    moment: datetime | None
    told: int
    amount: int
    apart: bool
    returned: int
    confirmed: bool
    by_card: bool
    entry_id: int
    words: tuple[Word, ...] = ()

    @property
    def key(self) -> str:
        """As a form names it: `n12`, a notice's; `l5`, a line's."""
        notice_id, line_id = self.payment
        return f"l{line_id}" if notice_id is None else f"n{notice_id}"

    @property
    def left(self) -> int:
        """What may still be returned."""
        return 0 if self.apart else self.amount - self.returned

    @property
    def corrected(self) -> bool:
        return self.amount not in (self.told, 0)


class News(NamedTuple):
    """A payment that came to a stall. phone: of whoever the stall was on that day."""

    entry_id: int
    stall_id: int
    stall: str
    phone: str
    amount: int
    day: date
    moment: datetime | None
    tiny: bool


# Whose the stall was on the payment's day.
_HELD = """
    stall_state held JOIN merchant ON merchant.id = held.merchant_id
    WHERE held.stall_id = {stall} AND held.superseded_at IS NULL
        AND held.since <= {day} AND (held.until IS NULL OR {day} < held.until)
"""
_OF_STALL = "substr({account}, 7)::bigint"
_STORY = "SELECT id, kind, debit, credit, amount, occurred_at, by_line_id FROM entry WHERE {which}"
_STORIES = " UNION ALL ".join(
    _STORY.format(which=which)
    for which in (
        "notice_id = mine.notice_id AND kind IN ('sale', 'held')",
        "notice_id = mine.notice_id AND kind NOT IN ('sale', 'held')",
        "line_id = mine.line_id",
    )
)
# What was taken off because another notice or line tells of the same is no payment of its own; what a bank took is.
_DAY = text(f"""
    WITH mine AS (
        SELECT DISTINCT e.notice_id, e.line_id, e.credit, e.business_date,
            {_OF_STALL.format(account="e.credit")} AS stall_id
        FROM entry e WHERE e.credit = ANY(:accounts) AND e.credit LIKE 'stall:%' AND e.business_date = :day
            AND e.kind <> 'reinstated'
            AND EXISTS (SELECT FROM {_HELD.format(stall=_OF_STALL.format(account="e.credit"), day="e.business_date")}
                AND merchant.phone = :phone)
    ), told AS (
        SELECT mine.*, story.* FROM mine CROSS JOIN LATERAL (
            SELECT min(amount) FILTER (WHERE kind IN ('sale', 'held')) AS told, min(occurred_at) AS moment,
                max(id) FILTER (WHERE credit = mine.credit AND kind IN ('sale', 'attributed', 'moved')) AS entry_id,
                bool_or(kind = 'reversal' AND by_line_id IS NOT NULL) AS taken,
                coalesce(sum(CASE mine.credit WHEN credit THEN amount WHEN debit THEN -amount END)
                    FILTER (WHERE kind NOT IN {OF_REFUNDS}), 0)::bigint AS sold,
                coalesce(sum(CASE 'own:' || mine.stall_id WHEN credit THEN amount WHEN debit THEN -amount END),
                    0)::bigint AS apart,
                coalesce(sum(CASE kind WHEN 'refund' THEN amount WHEN 'reinstated' THEN -amount END)
                    FILTER (WHERE mine.credit IN (debit, credit)), 0)::bigint AS returned
            FROM ({_STORIES}) AS e
        ) AS story
    )
    SELECT told.*, s.number AS stall, n.provider,
        told.line_id IS NOT NULL OR EXISTS (
            SELECT FROM match m WHERE m.notice_id = told.notice_id AND m.undone_at IS NULL) AS confirmed
    FROM told JOIN stall s ON s.id = told.stall_id LEFT JOIN notice n ON n.id = told.notice_id
    WHERE told.sold > 0 OR told.apart > 0 OR told.taken AND told.sold = 0
    ORDER BY told.moment DESC NULLS LAST, told.entry_id DESC
""")


def of_day(session: Session, phone: str, stalls: Sequence[int], day: date) -> list[OwnPayment]:
    """The payments of a day at these stalls, the latest first, while the stalls were held by who has this phone."""
    accounts = [journal.stall_account(each) for each in stalls]
    rows = session.execute(_DAY, {"accounts": accounts, "day": day, "phone": phone}).all()
    found = [
        OwnPayment(
            (row.notice_id, row.line_id),
            row.stall_id,
            row.stall,
            day,
            row.moment,
            row.told,
            row.apart or row.sold,
            row.apart > 0,
            row.returned,
            row.confirmed,
            row.provider == card.PROVIDER,
            row.entry_id,
        )
        for row in rows
    ]
    return _with_words(session, found)


def _with_words(session: Session, found: Sequence[OwnPayment]) -> list[OwnPayment]:
    """What she said of each, of its notice or its line."""
    notices = [each.payment[0] for each in found if each.payment[0] is not None]
    lines = [each.payment[1] for each in found if each.payment[1] is not None]
    told = own_effect.known(session, notices, lines) if found else None
    if told is None:
        return list(found)
    cluster_of = {payment: cluster for cluster in told.clusters for payment in cluster}
    return [
        each._replace(
            words=tuple(
                Word(word.id, word.kind, word.amount)
                for word in told.words
                if (word.notice_id, word.line_id) in cluster_of.get(each.payment, ())
                and word.stall_id == each.stall_id
                and word.undone_at is None
            )
        )
        for each in found
    ]


# A payment that stands by another notice or line than before is not news: the same commit took the other one off.
_NEWS = text(f"""
    SELECT e.id, {_OF_STALL.format(account="e.credit")} AS stall_id, s.number, holder.phone, e.amount, e.business_date,
        e.occurred_at
    FROM entry e JOIN stall s ON s.id = {_OF_STALL.format(account="e.credit")}
    CROSS JOIN LATERAL (SELECT merchant.phone FROM {_HELD.format(stall="s.id", day="e.business_date")}) AS holder
    WHERE e.credit = ANY(:accounts) AND e.credit LIKE 'stall:%' AND e.business_date BETWEEN :first AND :last
        AND e.id > :since AND e.kind IN ('sale', 'attributed', 'moved') AND holder.phone IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM entry o JOIN entry off ON off.kind IN ('reversal', 'moved') AND off.debit = e.credit
                AND off.amount = e.amount AND off.xmin = e.xmin
                AND (off.notice_id = o.notice_id AND off.kind NOT IN ('sale', 'held') OR off.line_id = o.line_id)
            WHERE o.credit = e.credit AND o.credit LIKE 'stall:%' AND o.business_date = e.business_date AND o.id <> e.id
                AND o.amount = e.amount)
    ORDER BY e.id
""")
_USUAL = text("""
    SELECT d.stall_id, sum(d.sales_value + d.refunds_value) / nullif(sum(d.sales_count), 0) AS amount
    FROM stall s JOIN stall_day d ON d.market_id = s.market_id AND d.business_date = ANY(:days) AND d.stall_id = s.id
    WHERE s.id = ANY(:stalls) GROUP BY d.stall_id
""")


def news(session: Session, stalls: Sequence[int], since: int, today: date) -> list[News]:
    """The payments that came to these stalls by an entry later than `since`, in the order of their entries."""
    accounts = [journal.stall_account(each) for each in stalls]
    first, last = today - timedelta(days=NEWS_DAYS), today + timedelta(days=1)
    asked = {"accounts": accounts, "since": since, "first": first, "last": last}
    rows = session.execute(_NEWS, asked).all() if stalls else []
    usual = usual_amounts(session, sorted({row.stall_id for row in rows}), today)
    return [
        News(
            row.id,
            row.stall_id,
            row.number,
            row.phone,
            row.amount,
            row.business_date,
            row.occurred_at,
            is_tiny(row.amount, usual.get(row.stall_id, 0)),
        )
        for row in rows
    ]


def usual_amounts(session: Session, stalls: Sequence[int], today: date) -> dict[int, int]:
    """What a payment at each stall comes to on the average of the last weeks, in whole đồng."""
    if not stalls:
        return {}
    days = [today - timedelta(days=ago) for ago in range(USUAL_DAYS)]
    rows = session.execute(_USUAL, {"stalls": list(stalls), "days": days})
    return {row.stall_id: int(row.amount) for row in rows if row.amount is not None}


def is_tiny(amount: int, usual: int) -> bool:
    """So little that a thousandfold may have been meant to be heard."""
    return amount < TINY or amount * TINY_PART <= usual
