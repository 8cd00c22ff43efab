"""A bank account money arrives at: the vendor's own, or a virtual one from a licensed provider."""

import re
from collections.abc import Collection

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground.refusal import Refusal
from merchants import bank


class Account(SQLModel, table=True):
    """Known by (acquirer BIN, number): the same number may exist at two banks."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    bin: str
    number: str


Ids = dict[tuple[str, str], int]
"""By (BIN, number)."""


def take_up(session: Session, wanted: Collection[tuple[str, str]]) -> Ids:
    """The ids of these (BIN, number) accounts; those not known yet are taken up."""
    pairs = sorted(set(wanted))
    if not pairs:
        return {}
    parameters = {"bins": [pair[0] for pair in pairs], "numbers": [pair[1] for pair in pairs]}
    session.execute(
        text(
            "INSERT INTO account (bin, number)"
            " SELECT * FROM unnest(CAST(:bins AS text[]), CAST(:numbers AS text[])) ON CONFLICT DO NOTHING"
        ),
        parameters,
    )
    rows = session.execute(
        text(
            "SELECT a.bin, a.number, a.id FROM account a"
            " JOIN unnest(CAST(:bins AS text[]), CAST(:numbers AS text[])) AS w(bin, number) USING (bin, number)"
        ),
        parameters,
    )
    return {(bin_, number): key for bin_, number, key in rows}


def at_several_banks(session: Session) -> list[str]:
    """The numbers that more than one bank's accounts bear."""
    shared = text("SELECT number FROM account GROUP BY number HAVING count(*) > 1")
    return list(session.execute(shared).scalars())


def read(text: str) -> tuple[str, str]:
    """`BIN:NUMBER` as (BIN, number); the bank may be named by its code or short name as well."""
    name, _, number = text.partition(":")
    found = bank.find(name)
    if found is None or not re.fullmatch(r"[A-Za-z0-9]{1,19}", number):
        raise Refusal("account.unreadable", text=text[:60])
    return found.bin, number.upper()


def tail(number: str) -> str:
    """`0123456789` as `••••6789`: enough to compare with what a bank app shows, too little to pay to."""
    return "••••" + number[-4:]
