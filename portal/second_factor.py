"""The second factor of the staff: codes of an authenticator app (TOTP, RFC 6238), and recovery codes on paper."""

import secrets
from datetime import datetime
from hmac import compare_digest
from typing import Literal

import pyotp
from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel, select

from ground.database import Moment
from ground.vault import Vault
from portal.staff import Staff

ISSUER = "Market 4.0"
STEP_SECONDS = 30
DRIFT = 1  # steps a phone's clock may be off, either way
RECOVERY_CODES = 10
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_LENGTH = 10  # of 30 letters: 49 bits, guessed over the network never
Proof = Literal["app", "recovery"]


class RecoveryCode(SQLModel, table=True):
    """Good once."""

    __tablename__ = "recovery_code"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    staff_id: int = Field(sa_type=BigInteger)
    code_hash: bytes
    made_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Moment))


def propose(session: Session, vault: Vault, whose: Staff) -> str:
    """The secret to put into the app: the one proposed before, until it is confirmed; in force only then."""
    if whose.totp is not None and whose.totp_at is None:
        return vault.unseal(whose.totp).decode()
    assert whose.totp_at is None, "one that is in force is taken away first"
    secret = pyotp.random_base32()
    whose.totp = vault.seal(secret.encode())
    session.flush()
    return secret


def uri(secret: str, name: str) -> str:
    """What the app reads from the QR."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def confirm(session: Session, vault: Vault, whose: Staff, code: str, moment: datetime) -> list[str] | None:
    """Put the proposed secret in force when the code shows that the app has it; the recovery codes, else None."""
    if not _is_right(session, vault, whose, code, moment):
        return None
    whose.totp_at = moment
    session.flush()
    return renew_recovery(session, vault, whose, moment)


def check(session: Session, vault: Vault, staff_id: int, code: str, moment: datetime) -> Proof | None:
    """What the code proves: the app's of now, not used before, or a recovery code, which is used up by it."""
    whose = session.exec(select(Staff).where(Staff.id == staff_id).with_for_update()).one()
    if whose.totp_at is None:
        return None
    if _is_right(session, vault, whose, code, moment):
        return "app"
    return "recovery" if _is_recovery(session, vault, whose, code, moment) else None


def renew_recovery(session: Session, vault: Vault, whose: Staff, moment: datetime) -> list[str]:
    """New recovery codes, to be shown this once; the old ones are void."""
    session.execute(text("DELETE FROM recovery_code WHERE staff_id = :staff"), {"staff": whose.key})
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)) for _ in range(RECOVERY_CODES)]
    for code in codes:
        session.add(RecoveryCode(staff_id=whose.key, code_hash=_hash(vault, whose, code), made_at=moment))
    session.flush()
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_left(session: Session, whose: Staff) -> int:
    """How many recovery codes are unused."""
    asked = text("SELECT count(*) FROM recovery_code WHERE staff_id = :staff AND used_at IS NULL")
    return int(session.execute(asked, {"staff": whose.key}).scalar_one())


def take_away(session: Session, whose: Staff) -> None:
    """From now on the password is enough."""
    whose.totp = whose.totp_at = whose.totp_step = None
    session.execute(text("DELETE FROM recovery_code WHERE staff_id = :staff"), {"staff": whose.key})
    session.flush()


def _is_right(session: Session, vault: Vault, whose: Staff, code: str, moment: datetime) -> bool:
    """A code counts once: its step must be later than the last one used (RFC 6238, 5.2)."""
    told = "".join(code.split())
    if whose.totp is None or not (told.isascii() and told.isdigit()):
        return False
    app = pyotp.TOTP(vault.unseal(whose.totp).decode())
    now = int(moment.timestamp()) // STEP_SECONDS
    for step in range(now - DRIFT, now + DRIFT + 1):
        if compare_digest(app.at(step * STEP_SECONDS), told) and step > (whose.totp_step or 0):
            whose.totp_step = step
            session.flush()
            return True
    return False


def _is_recovery(session: Session, vault: Vault, whose: Staff, code: str, moment: datetime) -> bool:
    told = "".join(character for character in code.upper() if character.isalnum())
    used = session.execute(
        text("""
            UPDATE recovery_code SET used_at = :now
            WHERE staff_id = :staff AND code_hash = :hash AND used_at IS NULL RETURNING id
        """),
        {"now": moment, "staff": whose.key, "hash": _hash(vault, whose, told)},
    )
    return used.first() is not None


def _hash(vault: Vault, whose: Staff, code: str) -> bytes:
    return vault.hash(f"recovery:{whose.key}:{code}")
