"""An inspection: what the code that hangs at a stall turned out to be, when a helper looked at it."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Identity, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock, words
from ground.database import Moment
from ground.refusal import Refusal
from merchants import bank
from merchants.genuine import Verdict
from merchants.market import Market
from merchants.stall import Stall

ALARMING = ("foreign", "revoked")
"""Verdicts that the board must hear of: money may go where it should not."""
SETTLEMENT_MAX = 500


class Inspection(SQLModel, table=True):
    """`differs` fills the words of `reason`, with the receiver that a foreign code names; nobody's payment is in it.

    An alarming one is open until the board has settled it.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    market_id: int = Field(sa_type=BigInteger)
    stall_id: int = Field(sa_type=BigInteger)
    code_id: int | None = Field(default=None, sa_type=BigInteger)
    inspected_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    inspected_on: date
    inspected_by: str
    verdict: str
    reason: str
    differs: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    settled_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    settled_by: str | None = None
    settlement: str | None = None

    @property
    def key(self) -> int:
        assert self.id is not None, "not stored yet"
        return self.id


class InspectionPhoto(SQLModel, table=True):
    """What was seen, apart from the inspection, so that lists of those stay light."""

    __tablename__ = "inspection_photo"

    inspection_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    photo: bytes


class Place(NamedTuple):
    """Where it was looked at, and the verdict as it stands there."""

    stall_id: int
    stall: str
    verdict: Verdict


_STALL = text("SELECT id, number FROM stall WHERE market_id = :market AND upper(number) = upper(:number)")


def locate(session: Session, market: Market, found: Verdict, number: str) -> Place:
    """At which stall: the one named, else the one the code is of. Another stall's genuine code is foreign here.

    Refuses a stall the market does not have, and a code that names none when nobody says where it hangs.
    """
    own = found.stall if found.market == market.code else None
    wanted = number.strip() or own
    if wanted is None and found.verdict == "unreadable":
        raise Refusal(found.reason, **found.params)
    if wanted is None:
        raise Refusal("inspection.which_stall")
    row = session.execute(_STALL, {"market": market.key, "number": wanted}).one_or_none()
    if row is None:
        raise Refusal("stall.unknown", stall=wanted[:40])
    if found.verdict in ("genuine", "revoked") and own != row.number:
        params = {"stall": found.stall, "here": row.number}
        found = found._replace(verdict="foreign", reason="inspection.other_stall", params=params)
    return Place(row.id, row.number, found)


_CODE = text("SELECT id FROM code WHERE serial = :serial")


def record(
    session: Session,
    market: Market,
    place: Place,
    *,
    photo: bytes | None,
    by: str,
    moment: datetime,
) -> Inspection:
    """Write it down; `photo` is small already. Which drawn samples it is of, its stall and day tell."""
    found = place.verdict
    code_id = session.execute(_CODE, {"serial": found.serial}).scalar() if found.serial else None
    made = Inspection(
        market_id=market.key,
        stall_id=place.stall_id,
        code_id=code_id,
        inspected_at=moment,
        inspected_on=clock.business_date(moment),
        inspected_by=by,
        verdict=found.verdict,
        reason=found.reason,
        differs=_plain({**found.params, **_receiver(found.fields)}) if found.verdict != "genuine" else {},
    )
    session.add(made)
    session.flush()
    if photo is not None:
        session.add(InspectionPhoto(inspection_id=made.key, photo=photo))
        session.flush()
    return made


def _receiver(fields: Mapping[str, Any] | None) -> dict[str, str]:
    """Bank and account that a code pays into, as far as it names them."""
    inner = (fields or {}).get("38")
    beneficiary = inner.get("01") if isinstance(inner, dict) else None
    if not isinstance(beneficiary, dict):
        return {}
    named = {"bin": beneficiary.get("00"), "account": beneficiary.get("01")}
    return {name: value for name, value in named.items() if isinstance(value, str)}


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in params.items()}


def explain(found: Inspection, stall: str, language: str) -> str:
    """The reason in words."""
    params = {"stall": stall, **found.differs}
    if "on" in params:
        params["on"] = date.fromisoformat(params["on"])
    return words.say(found.reason, language, **params)


def receiver(found: Inspection) -> str | None:
    """Where a strange code's money would go: `MB 99887766`; None where it does not say so."""
    if "account" not in found.differs:
        return None
    return f"{bank.short_name(found.differs.get('bin', ''))} {found.differs['account']}".strip()


class Seen(NamedTuple):
    inspection: Inspection
    stall: str


def _seen(market: Market) -> Any:
    """The market's inspections with their stalls' numbers, the latest first."""
    both = select(Inspection, Stall.number).join(Stall, col(Stall.id) == Inspection.stall_id)
    return both.where(Inspection.market_id == market.key).order_by(col(Inspection.id).desc())


def find(session: Session, market: Market, number: int) -> Seen:
    """The market's inspection of this number; Refusal (404) when there is none."""
    row = session.exec(_seen(market).where(Inspection.id == number)).first() if 0 < number < 2**63 else None
    if row is None:
        raise Refusal("inspection.unknown", number=number, status=404)
    return Seen(*row)


def has_photo(session: Session, number: int) -> bool:
    known = select(InspectionPhoto.inspection_id).where(InspectionPhoto.inspection_id == number)
    return session.exec(known).first() is not None


def find_photo(session: Session, market: Market, number: int) -> bytes:
    found = session.get(InspectionPhoto, find(session, market, number).inspection.key)
    if found is None:
        raise Refusal("inspection.no_photo", number=number, status=404)
    return found.photo


_DROP_PHOTOS = text("""
    DELETE FROM inspection_photo USING inspection i
    WHERE i.id = inspection_id AND i.inspected_at < :before
        AND (i.verdict NOT IN ('foreign', 'revoked') OR i.settled_at < :before)
""")


def drop_photos(session: Session, before: datetime) -> None:
    """Photos are evidence, not an archive: gone with their time, but for what is not settled or only lately was."""
    session.execute(_DROP_PHOTOS, {"before": before})


def notices(session: Session, market: Market) -> list[Seen]:
    """What the board has to settle: foreign and revoked codes found hanging."""
    alarming = col(Inspection.verdict).in_(ALARMING)
    return [Seen(*row) for row in session.exec(_seen(market).where(alarming, col(Inspection.settled_at).is_(None)))]


def latest(session: Session, market: Market, most: int = 50, by: str | None = None) -> list[Seen]:
    """The last ones, of one inspector where one is named."""
    asked = _seen(market) if by is None else _seen(market).where(Inspection.inspected_by == by)
    return [Seen(*row) for row in session.exec(asked.limit(most))]


def settle(session: Session, market: Market, number: int, settlement: str, *, by: str, moment: datetime) -> Seen:
    """The board says what was done about it. Refuses what is not alarming or settled already (409), or no word."""
    found = find(session, market, number)
    session.refresh(found.inspection, with_for_update=True)
    if found.inspection.verdict not in ALARMING or found.inspection.settled_at is not None:
        raise Refusal("inspection.settled", number=number, status=409)
    if not settlement.strip():
        raise Refusal("inspection.no_settlement")
    told = {"settled_at": moment, "settled_by": by, "settlement": settlement.strip()[:SETTLEMENT_MAX]}
    found.inspection.sqlmodel_update(told)
    session.add(found.inspection)
    session.flush()
    return found


_INSPECTED = text("""
    SELECT DISTINCT stall_id FROM inspection
    WHERE market_id = :market AND inspected_on BETWEEN :first AND :last AND stall_id = ANY(:stalls)
""")


def inspected(session: Session, market: Market, stalls: Collection[int], first: date, last: date) -> set[int]:
    """Which of these stalls were looked at on these days."""
    asked = {"market": market.key, "first": first, "last": last, "stalls": list(stalls)}
    return set(session.execute(_INSPECTED, asked).scalars())


_PHONE = text("""
    SELECT t.phone FROM stall_state s JOIN merchant t ON t.id = s.merchant_id
    WHERE s.stall_id = :stall AND s.superseded_at IS NULL AND s.since <= :day AND (s.until IS NULL OR :day < s.until)
""")


def vendors_phone(session: Session, stall_id: int, day: date) -> str | None:
    """Whom to tell what hangs at her stall."""
    return session.execute(_PHONE, {"stall": stall_id, "day": day}).scalar()
