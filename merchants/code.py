"""A stall's VietQR code: issued, live from a day on, revoked; and whether a scanned one is genuine."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, ForeignKey, Identity
from sqlmodel import Field, SQLModel

from ground.database import Moment


class Code(SQLModel, table=True):
    """Live on the days from `live_from` up to, not including, `revoked_on`."""

    id: int | None = Field(None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    serial: str = Field(unique=True)
    stall_id: int = Field(sa_column=Column(BigInteger, ForeignKey("stall.id"), nullable=False))
    merchant_id: int = Field(sa_column=Column(BigInteger, ForeignKey("merchant.id"), nullable=False))
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("account.id"), nullable=False))
    virtual_account: bool
    token: str = Field(unique=True)
    payload: str
    live_from: date
    issued_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    revoked_on: date | None = None
    revoked_at: datetime | None = Field(None, sa_column=Column(Moment))
    revoke_reason: str | None = None
