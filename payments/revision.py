"""A revision: the figures of an area and period as they were sealed once; later facts give the next one."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, distinct_on
from sqlmodel import Field, Session, SQLModel, col, select

from ground.database import Moment
from payments import period, sealed_figure
from payments.indicator import Audience, Rates


class Seal(SQLModel, table=True):
    """`document` is the canonical JSON whose SHA-256 `digest` is; it names the seal before it by `previous`.

    hidden: the cells that are shown to nobody, here and in later revisions. kept: what is shown only together.
    shown: which measures are shown of which market-days.
    """

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    area: str
    period: str
    revision: int
    first: date
    last: date
    sealed_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    hidden: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    kept: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    shown: list[Any] = Field(sa_column=Column(JSONB, nullable=False))
    document: str = Field(sa_type=Text)
    previous: bytes | None = None
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SealRoll(SQLModel, table=True):
    """The roll of a market's days as some seals knew it, named by its SHA-256."""

    __tablename__ = "seal_roll"

    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    content: str = Field(sa_type=Text)


def latest(session: Session, area_key: str, period_text: str) -> Seal | None:
    """The last revision there is; None when nothing was sealed."""
    if "\x00" in area_key + period_text:  # PostgreSQL can't even be asked
        return None
    asked = select(Seal).where(Seal.area == area_key, Seal.period == period_text)
    return session.exec(asked.order_by(col(Seal.revision).desc()).limit(1)).first()


def latest_of_markets(session: Session, period_text: str) -> Sequence[Seal]:
    """The last revision of each market whose own figures of the period were sealed."""
    asked = select(Seal).where(Seal.period == period_text, col(Seal.area).startswith("market:"))
    return session.exec(asked.ext(distinct_on(col(Seal.area))).order_by(Seal.area, col(Seal.revision).desc())).all()


def before(session: Session, seal: Seal) -> Seal | None:
    """The revision before this one; None before the first."""
    asked = select(Seal).where(Seal.area == seal.area, Seal.period == seal.period)
    return session.exec(asked.where(Seal.revision == seal.revision - 1)).first()


def roll(session: Session, digest: str) -> str:
    """A market's roll as a seal keeps it, by its SHA-256 in hexadecimal."""
    found = session.get(SealRoll, bytes.fromhex(digest))
    assert found is not None, "a seal keeps the rolls it names"
    return found.content


def read(seal: Seal, audience: Audience) -> Rates:
    """The sealed figures, for whom they may be shown to."""
    said = json.loads(seal.document)
    suppressed = audience != "internal"
    whole, *parts = (sealed_figure.load(each, suppressed=suppressed) for each in said["areas"])
    return Rates(
        period.parse(seal.period),
        "period",
        audience,
        seal.sealed_at,
        whole,
        tuple(parts),
        revision=seal.revision,
        sha256=seal.digest.hex(),
        definitions_version=said["definitions_version"],
    )


def changes(seal: Seal) -> list[dict[str, Any]]:
    """What the area's own figures were in the revision before and are in this one, unsuppressed and as shown."""
    found: list[dict[str, Any]] = json.loads(seal.document)["changes"]
    return found


def columns(seal: Seal) -> dict[str, Any]:
    """What a document says of itself as the columns beside it do."""
    return {
        "number": seal.number,
        "area": seal.area,
        "period": seal.period,
        "revision": seal.revision,
        "first": seal.first.isoformat(),
        "last": seal.last.isoformat(),
        "hidden": list(seal.hidden),
        "kept": seal.kept,
        "shown": seal.shown,
        "previous": seal.previous and seal.previous.hex(),
    }
