"""A merchant: the person or household that trades at one or more stalls of a market."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment

NAMELESS = "(đã xóa tên)"
"""What stands for the name of one who had it erased: the books' own word, the same in every language."""


class Merchant(SQLModel, table=True):
    """`phone` is a Vietnamese number in its national form (0…), where it is known."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger, index=True)
    name: str
    phone: str | None = None
    added_at: datetime = Field(sa_column=Column(Moment, nullable=False))


def add(session: Session, market_id: int, name: str, phone: str, moment: datetime) -> int:
    """Take up somebody new; the id."""
    made = Merchant(market_id=market_id, name=name, phone=phone, added_at=moment)
    session.add(made)
    session.flush()
    assert made.id is not None
    return made.id


def correct(session: Session, merchant_id: int, name: str, phone: str) -> str | None:
    """Another spelling, another phone. The phone she had, where it was another."""
    was = session.execute(text("SELECT phone FROM merchant WHERE id = :id FOR UPDATE"), {"id": merchant_id}).scalar()
    session.execute(
        text("UPDATE merchant SET name = :name, phone = :phone WHERE id = :id"),
        {"id": merchant_id, "name": name, "phone": phone},
    )
    return str(was) if was is not None and was != phone else None
