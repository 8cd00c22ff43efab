"""A consent: who agreed, in which words, to what may be done with an account's statement."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.database import Moment


class Consent(SQLModel, table=True):
    """`wording` is the sentence as it was shown; it is never changed afterwards."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    who: str
    purpose: str
    account_id: int = Field(sa_type=BigInteger)
    wording: str
    given_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class OwnAccount(NamedTuple):
    """An account that serves a vendor's stalls today."""

    id: int
    bin: str
    number: str
    stalls: tuple[str, ...]


_OWN = text("""
    SELECT a.id, a.bin, a.number, array_agg(DISTINCT t.number ORDER BY t.number) AS stalls
    FROM stall_state s JOIN account a ON a.id = s.account_id JOIN stall t ON t.id = s.stall_id
    WHERE s.stall_id = ANY(:stalls) AND s.superseded_at IS NULL
        AND s.since <= :today AND (s.until IS NULL OR :today < s.until)
    GROUP BY a.id ORDER BY a.bin, a.number
""")


def accounts(session: Session, stall_ids: list[int]) -> list[OwnAccount]:
    """The receiving accounts of these stalls as of today."""
    rows = session.execute(_OWN, {"stalls": stall_ids, "today": clock.today()})
    return [OwnAccount(row.id, row.bin, row.number, tuple(row.stalls)) for row in rows]


def give(session: Session, who: str, account_id: int, wording: str) -> None:
    """Written down in the transaction that makes use of it."""
    given = Consent(who=who, purpose="statement", account_id=account_id, wording=wording, given_at=clock.now())
    session.add(given)
    session.flush()
