"""A card company's payouts: what it paid to our bank, of which sales, and what it kept of them.

A payout is one line of a statement and many card sales; `payout_line` finds the line.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ARRAY, BigInteger, Column, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment


class Payout(SQLModel, table=True):
    """`amount` is in the smallest unit of `currency`. `status`: paid, or failed, as the last message says.

    `cursor`: the last settlement of it that was fetched; `fetched_at`: all of them were. `names`: what a bank may call
    it, as `reference` compares that; none before all of it was fetched.
    """

    id: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    currency: str
    status: str
    arrives_on: date | None = None
    told_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    cursor: str | None = None
    fetched_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    names: list[int] = Field(default_factory=list, sa_column=Column(ARRAY(BigInteger), nullable=False))


class Settlement(SQLModel, table=True):
    """What a sale, a refund, a dispute or a fee did to our balance with the card company: amount − fee = net.

    In the smallest unit of the currency it settles in, which need not be the đồng. `notice_id`: the sale it is about.
    """

    id: str = Field(primary_key=True)
    payout_id: str | None = None
    notice_id: int | None = Field(default=None, sa_type=BigInteger)
    kind: str
    source: str | None = None
    amount: int = Field(sa_type=BigInteger)
    fee: int = Field(sa_type=BigInteger)
    net: int = Field(sa_type=BigInteger)
    currency: str
    available_on: date
    made_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class Share(NamedTuple):
    """A row to be kept. `intent`: the payment it is about, by which its sale is found."""

    id: str
    kind: str
    source: str | None
    intent: str | None
    amount: int
    fee: int
    net: int
    currency: str
    available_on: date
    made_at: datetime


_TELL = text("""
    INSERT INTO payout AS p (id, amount, currency, status, arrives_on, told_at)
    VALUES (:id, :amount, :currency, :status, :arrives_on, :told_at)
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, status = excluded.status,
        arrives_on = excluded.arrives_on, told_at = excluded.told_at
    WHERE p.told_at < excluded.told_at OR (p.told_at = excluded.told_at AND excluded.status = 'failed')
""")


def tell(session: Session, told: Sequence[Any]) -> None:
    """Payouts as messages told of them (`card.Fact`); the latest says how it stands, in whatever order they come."""
    for each in sorted(told, key=lambda each: str(each.subject)):
        values = {"id": each.subject, "amount": each.amount, "currency": each.currency, "status": each.status}
        session.execute(_TELL, {**values, "arrives_on": each.arrives_on, "told_at": each.occurred_at})


_KEEP = text("""
    INSERT INTO settlement AS s (id, payout_id, notice_id, kind, source, amount, fee, net, currency, available_on,
        made_at)
    SELECT r.id, :payout, n.id, r.kind, r.source, r.amount, r.fee, r.net, r.currency, r.available_on, r.made_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r(id text, kind text, source text, intent text, amount bigint,
        fee bigint, net bigint, currency text, available_on date, made_at timestamptz)
    LEFT JOIN notice n ON n.provider = 'stripe' AND n.reference = r.intent AND n.repeat_of IS NULL
    ON CONFLICT (id) DO UPDATE SET payout_id = coalesce(excluded.payout_id, s.payout_id),
        notice_id = coalesce(excluded.notice_id, s.notice_id)
""")


def keep(session: Session, shares: Sequence[Share], payout_id: str | None = None) -> None:
    """Take up what settled, of this payout where one is named."""
    rows = orjson.dumps([each._asdict() for each in shares]).decode()
    session.execute(_KEEP, {"rows": rows, "payout": payout_id})


def advance(session: Session, payout_id: str, cursor: str) -> None:
    """Remember how far a payout's settlements were fetched."""
    session.execute(text("UPDATE payout SET cursor = :cursor WHERE id = :id"), {"id": payout_id, "cursor": cursor})


def complete(session: Session, payout_id: str, names: Sequence[int]) -> None:
    """All of a payout's settlements are here: a statement's line may be matched with it, by these names."""
    done = text("UPDATE payout SET fetched_at = :at, names = :names WHERE id = :id")
    session.execute(done, {"id": payout_id, "at": clock.now(), "names": list(names)})


_UNSETTLED = text("""
    SELECT n.reference FROM notice n
    WHERE n.provider = 'stripe' AND n.repeat_of IS NULL AND n.reference IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM settlement s WHERE s.notice_id = n.id AND s.kind IN ('charge', 'payment'))
    ORDER BY n.id
""")


def unsettled(session: Session) -> list[str]:
    """The payments whose fee is not known yet."""
    return list(session.execute(_UNSETTLED).scalars())


def unfetched(session: Session) -> list[tuple[str, str | None]]:
    """The payouts whose settlements are not all here, each with how far they are."""
    query = text("SELECT id, cursor FROM payout WHERE fetched_at IS NULL AND status = 'paid' ORDER BY id")
    return [(each.id, each.cursor) for each in session.execute(query)]


_LIST = text("""
    SELECT p.id, p.status, p.arrives_on, p.amount, p.currency, p.fetched_at IS NOT NULL AS complete,
        count(DISTINCT s.notice_id) AS sales, coalesce(sum(s.amount) FILTER (WHERE s.kind <> 'payout'), 0) AS gross,
        coalesce(sum(s.fee) FILTER (WHERE s.kind <> 'payout'), 0) AS fees,
        coalesce(sum(s.net) FILTER (WHERE s.kind <> 'payout'), 0) AS net
    FROM payout p LEFT JOIN settlement s ON s.payout_id = p.id
    GROUP BY p.id ORDER BY p.arrives_on, p.id
""")


def every(session: Session) -> list[dict[str, Any]]:
    """All payouts with the sums of what they are made of; `adds_up` where these are the payout, None while fetching."""
    found = []
    for each in session.execute(_LIST):
        sums = {name: int(each._mapping[name]) for name in ("gross", "fees", "net")}
        adds_up = sums["net"] == each.amount if each.complete else None
        day = each.arrives_on and each.arrives_on.isoformat()
        found.append({**each._mapping, **sums, "arrives_on": day, "adds_up": adds_up})
    return found
