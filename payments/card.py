"""What befalls a card sale after it was made: refunds, disputes and payouts, kept as facts and taken to the books.

A card company tells of them late, twice and out of order, and of refunds by their sum. So each fact is kept, and what
they say together about a sale is worked out anew whenever one comes; the journal gets the difference.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from psycopg import Connection as Psycopg
from sqlalchemy import BigInteger, Column, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment
from payments import journal, payout
from payments.movement import OF_REFUNDS, Movement
from payments.notice import AMOUNT_KEPT_MAX
from payments.reference import bounded

PROVIDER = "stripe"
BATCH = 500


class CardEvent(SQLModel, table=True):
    """A fact. `amount` is in the smallest unit of `currency`, which for VND is the đồng.

    `refund`: so much of a charge had been given back by then, in all. `refund_failed`: so much of that came back.
    `dispute`: the payer's bank took it, `reinstated`: and gave it back. `payout`: paid to our bank, or failed.
    """

    __tablename__ = "card_event"

    id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    subject: str
    intent: str | None = None
    amount: int = Field(sa_type=BigInteger)
    currency: str
    status: str | None = None
    arrives_on: date | None = None
    occurred_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    received_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    handled_at: datetime | None = Field(default=None, sa_column=Column(Moment))


class Fact(NamedTuple):
    """As `CardEvent`. `intent`: the payment it is about, by which its sale is found."""

    kind: str
    id: str
    subject: str
    intent: str | None
    amount: int
    currency: str
    occurred_at: datetime
    status: str | None = None
    arrives_on: date | None = None


def row(fact: Fact, received_at: datetime) -> dict[str, Any]:
    """The row to be kept. Of the payer there is nothing in a fact."""
    names = {name: bounded(getattr(fact, name)) for name in ("id", "subject", "currency")}
    intent = fact.intent and bounded(fact.intent)
    amount = min(fact.amount, AMOUNT_KEPT_MAX)
    return {**fact._asdict(), **names, "intent": intent, "amount": amount, "received_at": received_at}


# Several messages may tell of one fact: it happened when the earliest of them says.
_KEEP = """
    INSERT INTO card_event (id, kind, subject, intent, amount, currency, status, arrives_on, occurred_at, received_at)
    SELECT id, kind, subject, intent, amount, currency, status, arrives_on, occurred_at, received_at
    FROM json_to_recordset(%s::json) AS r(id text, kind text, subject text, intent text, amount bigint,
        currency text, status text, arrives_on date, occurred_at timestamptz, received_at timestamptz)
    ON CONFLICT (id, kind) DO UPDATE SET occurred_at = excluded.occurred_at, handled_at = NULL
    WHERE excluded.occurred_at < card_event.occurred_at
"""


def keep(connection: Psycopg[Any], rows: Sequence[dict[str, Any]]) -> int:
    """Store facts in the caller's transaction, in one order whatever order they came in; returns how many changed."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for each in sorted(rows, key=lambda each: (each["id"], each["kind"], each["occurred_at"])):
        known.setdefault((each["id"], each["kind"]), each)
    told = orjson.dumps(list(known.values())).decode()
    return connection.execute(_KEEP, (told,)).rowcount


# A fact about a sale waits until the sale is posted and has a stall.
_CLAIM = text("""
    UPDATE card_event SET handled_at = :now
    WHERE (id, kind) IN (
        SELECT c.id, c.kind FROM card_event c
        WHERE c.handled_at IS NULL AND (c.kind = 'payout' OR EXISTS (
            SELECT 1 FROM notice n JOIN entry e ON e.notice_id = n.id
            WHERE n.provider = :provider AND n.reference = c.intent AND n.repeat_of IS NULL
                AND e.credit LIKE 'stall:%'))
        ORDER BY c.id, c.kind LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING kind, subject, intent, amount, currency, status, arrives_on, occurred_at
""")


def post_all(session: Session) -> int:
    """Take every fact that can be taken to the books, a batch a commit; returns how many."""
    posted = 0
    while True:
        claimed = session.execute(_CLAIM, {"now": clock.now(), "limit": BATCH, "provider": PROVIDER}).all()
        payout.tell(session, [each for each in claimed if each.kind == "payout"])
        settle(session, {each.intent for each in claimed if each.kind != "payout"})
        session.commit()
        posted += len(claimed)
        if len(claimed) < BATCH:
            return posted


def told(session: Session, checkout_session: str, serial: str) -> int | None:
    """What was paid in a checkout of this code, in đồng; None while the card company has not told of it."""
    query = text(
        "SELECT amount FROM notice WHERE provider = :provider AND external_id = :id AND virtual_account = :serial"
        " AND repeat_of IS NULL"
    )
    asked = {"provider": PROVIDER, "id": checkout_session, "serial": serial}
    found: int | None = session.execute(query, asked).scalar()
    return found


_SETTLED = text("""
    SELECT intent FROM card_event WHERE kind <> 'payout' AND intent IS NOT NULL
    GROUP BY intent HAVING bool_and(handled_at IS NOT NULL)
""")


def differences(session: Session) -> list[str]:
    """Sales of which the journal says otherwise than the facts that were all taken to the books; nothing is written."""
    owed = _owed(session, sorted(session.execute(_SETTLED).scalars()))
    return [f"notice {each.notice_id}: {each.kind} of {each.amount} ₫ on {each.business_date} is owed" for each in owed]


_SALES = """
    SELECT id, reference FROM notice
    WHERE provider = :provider AND reference = ANY(:intents) AND repeat_of IS NULL ORDER BY id
"""
_READ_SALES = text(_SALES)
# So that two processes with facts about one sale follow each other.
_LOCK_SALES = text(f"{_SALES} FOR UPDATE")
_FACTS = text("""
    SELECT intent, kind, subject, amount, occurred_at FROM card_event
    WHERE intent = ANY(:intents) AND kind <> 'payout' AND currency = 'vnd' ORDER BY intent
""")
_POSTED = text("""
    SELECT notice_id, CASE kind WHEN 'refund' THEN debit ELSE credit END AS account, occurred_at,
        sum(CASE kind WHEN 'refund' THEN amount ELSE -amount END)::bigint AS amount
    FROM entry WHERE notice_id = ANY(:sales) AND kind = ANY(:kinds) GROUP BY 1, 2, 3
""")

Ledger = dict[tuple[int, str, datetime], int]
"""What was given back, by sale, stall's account and moment; negative where it came back again."""


def settle(session: Session, intents: Iterable[str]) -> int:
    """Bring the journal to what the facts of these payments say together; returns how many entries that took."""
    wanted = sorted(intents)
    session.execute(_LOCK_SALES, {"provider": PROVIDER, "intents": wanted})
    movements = _owed(session, wanted)
    journal.write(session, movements)
    return len(movements)


def _owed(session: Session, wanted: Sequence[str]) -> list[Movement]:
    """What the journal lacks of these payments."""
    if not wanted:
        return []
    sales = session.execute(_READ_SALES, {"provider": PROVIDER, "intents": wanted}).all()
    ids = [each.id for each in sales]
    positions = journal.positions_of_notices(session, ids)
    facts = {
        intent: given_back(list(several))
        for intent, several in groupby(session.execute(_FACTS, {"intents": wanted}).all(), lambda each: each.intent)
    }
    ledger: Ledger = {}
    for sale in sales:
        account = positions[sale.id].account if sale.id in positions else ""
        if journal.stall_of(account) is not None:
            for moment, amount in facts.get(sale.reference, {}).items():
                ledger[sale.id, account, moment] = amount
    for each in session.execute(_POSTED, {"sales": ids, "kinds": list(OF_REFUNDS)}):
        key = (each.notice_id, each.account, each.occurred_at)
        ledger[key] = ledger.get(key, 0) - each.amount
    return [_movement(*key, amount) for key, amount in sorted(ledger.items()) if amount]


def _movement(sale: int, account: str, moment: datetime, amount: int) -> Movement:
    """Entered on the day it was made; it changes what the stall has, never how many sales it made."""
    kind, debit, credit = "refund", account, f"world:{PROVIDER}"
    if amount < 0:
        kind, debit, credit = "reinstated", credit, debit
    day = clock.business_date(moment)
    return Movement(kind, debit, credit, abs(amount), day, moment, sale, sales=0)


def given_back(facts: Sequence[Any]) -> dict[datetime, int]:
    """What was given back when, in đồng, of one payment; negative where it came back to the stall.

    A refund tells the sum given back so far, without what failed before it. Put in the order of what was ever given
    back, each one's own part is what it adds to the ones before; a sum that came late or twice adds nothing.
    """
    failed = [each for each in facts if each.kind == "refund_failed"]
    sums: dict[int, datetime] = {}
    for each in facts:
        if each.kind == "refund":
            ever = each.amount + sum(other.amount for other in failed if other.occurred_at <= each.occurred_at)
            sums[ever] = min(sums.get(ever, each.occurred_at), each.occurred_at)
    parts: list[tuple[datetime, int]] = []
    before = 0
    for ever in sorted(sums):
        parts.append((sums[ever], ever - before))
        before = ever
    parts += [(each.occurred_at, -each.amount) for each in failed]
    parts += [(each.occurred_at, each.amount) for each in facts if each.kind == "dispute"]
    parts += [(each.occurred_at, -each.amount) for each in facts if each.kind == "reinstated"]
    found: dict[datetime, int] = {}
    for moment, amount in parts:
        found[moment] = found.get(moment, 0) + amount
    return found
