"""How far an office reaches: a board's market, a ward's markets of today, a province's wards."""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlmodel import Session, col, select

from merchants import place, ward
from merchants.market import Market, MarketMove
from merchants.place import Move, Stay
from portal.person import Office


def covers(session: Session, office: Office, asked: Mapping[str, str], today: date) -> bool:
    """Whether the office reaches what is asked for: a code by its level (`market`, `ward`, `province`), or nothing."""
    return all(_reaches(session, office, level, code, today) for level, code in asked.items())


def _reaches(session: Session, office: Office, level: str, code: str, today: date) -> bool:
    if office.role == "operator" or office.area == f"{level}:{code}":
        return True
    if level == "market" and office.role in ("ward", "province"):
        stay = stands(session, code, today)
        return stay is not None and office.code in _units(stay, office.role)
    if level == "ward" and office.role == "province":
        unit = ward.ward_on(code, today)
        return unit is not None and unit.province_code == office.code
    return False


def _units(stay: Stay, level: str) -> list[str]:
    if level == "province":
        return [stay.province_code]
    return [stay.ward.code] if stay.ward else []


def stands(session: Session, market_code: str, today: date) -> Stay | None:
    """Where a market stands today; None when there is none of that code, or not yet."""
    if "\x00" in market_code:
        return None
    rows = session.exec(
        select(MarketMove)
        .join(Market, col(Market.id) == col(MarketMove.market_id))
        .where(Market.code == market_code, col(MarketMove.superseded_at).is_(None))
        .order_by(col(MarketMove.since))
    )
    stays = place.stays([Move(row.since, row.ward_code) for row in rows], today + timedelta(days=1))
    return stays[-1] if stays else None


def name(area: str | None, today: date) -> str:
    """What a ward or province is called today; its code where nothing bears it any more."""
    level, _, code = (area or "").partition(":")
    if level == "ward":
        unit = ward.ward_on(code, today)
        return unit.name if unit else code
    return (ward.province_name(code, today) or code) if level == "province" else code
