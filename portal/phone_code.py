"""A one-time code sent to a phone: six digits, ten minutes, five tries, good only in the browser that asked for it."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment
from ground.vault import Vault
from portal import throttle, vendor_account

VALID = timedelta(minutes=10)
TRIES = 5
DIGITS = 6
KEPT = timedelta(days=1)
SIGN_IN = "sign in"


class PhoneCode(SQLModel, table=True):
    """Made for any phone that is asked for, known or not: only what is sent differs.

    `asked_from`: under which key of the throttle its address was counted.
    """

    __tablename__ = "phone_code"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    handle_hash: bytes
    phone: str
    code_hash: bytes
    made_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    tries: int
    used_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    asked_from: bytes | None = None


class Made(NamedTuple):
    """`handle` goes to the browser, `code` to the phone, and that only if `is_known`."""

    handle: str
    code: str
    is_known: bool


def make(
    session: Session,
    vault: Vault,
    phone: str,
    moment: datetime,
    *,
    purpose: str = SIGN_IN,
    asked_from: bytes | None = None,
) -> Made:
    """A new code for a phone. One that was asked for in another browser stays good: it may be the owner's.

    It is good for its `purpose` only: what a vendor reads out to a helper must not sign the helper in as her.
    """
    session.execute(text("DELETE FROM phone_code WHERE made_at < :then"), {"then": moment - KEPT})
    handle = secrets.token_urlsafe(24)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    session.add(
        PhoneCode(
            handle_hash=_handle(vault, handle, purpose),
            phone=phone,
            code_hash=vault.hash(f"phone code:{handle}:{code}"),
            made_at=moment,
            expires_at=moment + VALID,
            tries=0,
            asked_from=asked_from,
        )
    )
    session.flush()
    return Made(handle, code, vendor_account.is_known(session, phone))


_TRY = text("""
    UPDATE phone_code SET tries = tries + 1
    WHERE handle_hash = :handle AND used_at IS NULL AND expires_at > :now AND tries < :most
    RETURNING id, phone, code_hash, made_at, asked_from
""")


def try_out(
    session: Session,
    vault: Vault,
    handle: str,
    code: str,
    moment: datetime,
    *,
    purpose: str = SIGN_IN,
    strangers: bool = False,
) -> str | None:
    """The phone when the code is right, which is used up by it; None otherwise. Either way a try is gone: commit.

    `strangers`: a phone that nobody knows yet is good as well. The address it was asked from has nothing against it.
    """
    asked = {"handle": _handle(vault, handle, purpose), "now": moment, "most": TRIES}
    row = session.execute(_TRY, asked).first()
    if row is None or vault.hash(f"phone code:{handle}:{code}") != row.code_hash:
        return None
    if not strangers and not vendor_account.is_known(session, row.phone):
        return None
    session.execute(text("UPDATE phone_code SET used_at = :now WHERE id = :id"), {"now": moment, "id": row.id})
    if row.asked_from is not None:
        throttle.give_back(session, throttle.PHONE_ADDRESS, row.asked_from, row.made_at)
    return str(row.phone)


def is_open(session: Session, vault: Vault, handle: str, moment: datetime, *, purpose: str = SIGN_IN) -> bool:
    """Whether a code can still be entered in this browser."""
    asked = text("""
        SELECT EXISTS (SELECT 1 FROM phone_code
            WHERE handle_hash = :handle AND used_at IS NULL AND expires_at > :now AND tries < :most)
    """)
    found = session.execute(asked, {"handle": _handle(vault, handle, purpose), "now": moment, "most": TRIES})
    return bool(found.scalar_one())


def _handle(vault: Vault, handle: str, purpose: str) -> bytes:
    return vault.hash(f"phone handle:{purpose}:{handle}")
