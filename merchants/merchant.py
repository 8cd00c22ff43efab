"""A merchant: the person or household that trades at one or more stalls of a market."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity
from sqlmodel import Field, SQLModel

from ground.database import Moment


class Merchant(SQLModel, table=True):
    """`phone` is a Vietnamese number in its national form (0…), where it is known."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger, index=True)
    name: str
    phone: str | None = None
    added_at: datetime = Field(sa_column=Column(Moment, nullable=False))
