"""A vendor's own word of a payment: she returned it, or some of it, to the customer; or it was not a sale.

A record that is never changed but for being undone; the journal follows it by entries (`own_effect`).
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock, money, record_number
from ground.database import Moment
from ground.refusal import Refusal
from payments import card, journal, own_effect, reconciliation
from payments.own_effect import Payment, Standing

Kind = Literal["returned", "not_sale"]


class OwnWord(SQLModel, table=True):
    """`returned`: `amount` đồng given back on the day it was said. `not_sale`: a loan, family's, her own money.

    sent_id: of the form that said it, so that a double tap says it once.
    """

    __tablename__ = "own_word"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str
    stall_id: int = Field(sa_type=BigInteger)
    notice_id: int | None = Field(default=None, sa_type=BigInteger)
    line_id: int | None = Field(default=None, sa_type=BigInteger)
    amount: int | None = Field(default=None, sa_type=BigInteger)
    business_date: date
    said_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    said_by: str
    sent_id: UUID = Field(unique=True)
    undone_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    undone_by: str | None = None


class Said(NamedTuple):
    """What a form says; `amount` None: all that stands."""

    kind: Kind
    amount: int | None
    sent_id: UUID


_PROVIDER = text("SELECT provider FROM notice WHERE id = :id")


def say(
    session: Session, payment: Payment, stalls: Sequence[int], said: Said, *, by: str, moment: datetime
) -> OwnWord | None:
    """Keep a word of a payment that lies at one of `stalls`, and bring the journal to it; the caller commits.

    None: this very form was taken already. Refuses (404) a payment that is not theirs, a card sale, which is the card
    company's to refund, more than what stands, and what has been said already.
    """
    reconciliation.hold(session)
    if session.exec(select(OwnWord.id).where(OwnWord.sent_id == said.sent_id)).first() is not None:
        return None
    place = _place(session, payment, stalls)
    _refuse_card(session, payment)
    amount = None
    if place.apart:
        raise Refusal("own_word.not_a_sale_already", status=409)
    if said.kind == "returned":
        left = place.amount - given_back(session, payment)
        amount = left if said.amount is None else said.amount
        if left <= 0:
            raise Refusal("own_word.nothing_stands", status=409)
        if not 0 < amount <= left:
            raise Refusal("own_word.more_than_stands", left=money.show(left))
    word = OwnWord(
        kind=said.kind,
        stall_id=place.stall_id,
        notice_id=payment[0],
        line_id=payment[1],
        amount=amount,
        business_date=clock.business_date(moment),
        said_at=moment,
        said_by=by,
        sent_id=said.sent_id,
    )
    session.add(word)
    session.flush()
    _follow(session, payment)
    return word


def undo(session: Session, id: int, stalls: Sequence[int], *, by: str, moment: datetime) -> OwnWord | None:
    """Take a word back; None where that was done already. Refuses (404) one of somebody else's payment."""
    reconciliation.hold(session)
    asked = select(OwnWord).where(OwnWord.id == id, col(OwnWord.stall_id).in_(stalls)).with_for_update()
    known = record_number.is_one(id)
    word = session.exec(asked.execution_options(populate_existing=True)).one_or_none() if known else None
    if word is None:
        raise Refusal("own_word.unknown", status=404)
    if word.undone_at is not None:
        return None
    word.undone_at, word.undone_by = moment, by
    session.add(word)
    session.flush()
    _follow(session, (word.notice_id, word.line_id))
    return word


_DAY = text("""
    SELECT business_date FROM entry WHERE notice_id = :notice AND kind IN ('sale', 'held')
    UNION ALL SELECT business_date FROM entry WHERE line_id = :line AND kind IN ('sale', 'held') LIMIT 1
""")


def day_of(session: Session, payment: Payment) -> date | None:
    """The business day of a payment in the books."""
    notice_id, line_id = payment
    found: date | None = session.execute(_DAY, {"notice": notice_id, "line": line_id}).scalar()
    return found


def payment_of(session: Session, id: int) -> Payment | None:
    """What a word was said of."""
    word = session.get(OwnWord, id) if record_number.is_one(id) else None
    return None if word is None else (word.notice_id, word.line_id)


def given_back(session: Session, payment: Payment) -> int:
    """What the journal has as returned of it, in all."""
    told = own_effect.known(session, *_sides(payment))
    return sum(amount for (each, *_), amount in told.refunds.items() if each == payment) if told else 0


def differences(session: Session) -> list[str]:
    """Where the journal is not what vendors said of their payments; nothing is written."""
    owed = journal.owed(session, *own_effect.every(session))
    return [f"the journal follows a vendor's own word: {_told(step)} is owed" for step in owed]


def _told(step: Any) -> str:
    return f"{step.kind} of {step.amount} ₫ on {step.business_date} for notice {step.notice_id}, line {step.line_id}"


def _place(session: Session, payment: Payment, stalls: Sequence[int]) -> Standing:
    place = journal.standings(session, [payment]).get(payment)
    if place is None or place.stall_id not in stalls:
        raise Refusal("own_word.unknown", status=404)
    return place


def _refuse_card(session: Session, payment: Payment) -> None:
    if session.execute(_PROVIDER, {"id": payment[0]}).scalar() == card.PROVIDER:
        raise Refusal("own_word.card", status=409)


def _follow(session: Session, payment: Payment) -> None:
    journal.follow(session, *_sides(payment))


def _sides(payment: Payment) -> tuple[list[int], list[int]]:
    notice_id, line_id = payment
    return ([] if notice_id is None else [notice_id], [] if line_id is None else [line_id])
