"""An invitation: a link that signs in once, for staff to choose a password, or printed as a QR for a vendor."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground.database import Moment
from ground.refusal import Refusal
from ground.vault import Vault

VALID = timedelta(hours=24)
PATH = "/signin/link/"


class Invitation(SQLModel, table=True):
    """Of the link only the token's hash is kept."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    token_hash: bytes
    staff_id: int | None = Field(default=None, sa_type=BigInteger)
    vendor_id: int | None = Field(default=None, sa_type=BigInteger)
    made_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    made_by: str
    expires_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Moment))


def make(
    session: Session,
    vault: Vault,
    moment: datetime,
    *,
    by: str,
    staff_id: int | None = None,
    vendor_id: int | None = None,
) -> str:
    """The token of a new invitation; earlier ones of the same person are void."""
    session.execute(
        text("""
            UPDATE invitation SET expires_at = :now
            WHERE (staff_id = :staff OR vendor_id = :vendor) AND used_at IS NULL AND expires_at > :now
        """),
        {"now": moment, "staff": staff_id, "vendor": vendor_id},
    )
    token = secrets.token_urlsafe(24)
    session.add(
        Invitation(
            token_hash=_hash(vault, token),
            staff_id=staff_id,
            vendor_id=vendor_id,
            made_at=moment,
            made_by=by,
            expires_at=moment + VALID,
        )
    )
    session.flush()
    return token


def link(base_url: str, token: str) -> str:
    return base_url.rstrip("/") + PATH + token


def find(session: Session, vault: Vault, token: str, moment: datetime) -> Invitation:
    """The invitation while it may be used. Refuses (404) an unknown, used or expired one alike."""
    return _found(session, vault, token, moment, lock=False)


def use(session: Session, vault: Vault, token: str, moment: datetime) -> Invitation:
    """As `find`, and from now on it is used."""
    found = _found(session, vault, token, moment, lock=True)
    found.used_at = moment
    session.flush()
    return found


def _found(session: Session, vault: Vault, token: str, moment: datetime, *, lock: bool) -> Invitation:
    asked = select(Invitation).where(
        Invitation.token_hash == _hash(vault, token),
        col(Invitation.used_at).is_(None),
        Invitation.expires_at > moment,
    )
    found = session.exec(asked.with_for_update() if lock else asked).first()
    if found is None:
        raise Refusal("signin.link_is_over", status=404)
    return found


def _hash(vault: Vault, token: str) -> bytes:
    return vault.hash(f"invitation:{token}")
