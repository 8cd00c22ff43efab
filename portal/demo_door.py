"""The demo's own door: come in as anybody of the made-up people, without a password. It is there in the demo only."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import text
from sqlmodel import Session
from starlette.exceptions import HTTPException

from ground import clock
from payments.demo import lead
from portal import doorstep, form, jurisdiction, staff, vendor_account
from portal.access import Door, everybody
from portal.page import StoreDep
from portal.person import ROLES, Office

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
# Nobody's real names, and marked like all of the demo's.
NAMES = {
    "helper": "Minh (mẫu)",
    "board": "Chị Hoa (mẫu)",
    "ward": "Anh Dũng (mẫu)",
    "province": "Bà Lan (mẫu)",
    "operator": "Người vận hành (mẫu)",
}
_FIRST_MARKET = text("SELECT id, code FROM market WHERE made_up ORDER BY id LIMIT 1")


@router.post("/signin/demo")
@everybody
def enter(request: Request, store: StoreDep, who: Annotated[str, Form()] = "") -> Response:
    """In as a vendor, a helper, a board …; anywhere but in the demo there is no such page."""
    if not store.settings.demo or who not in ROLES:
        raise HTTPException(404)
    moment = clock.now()
    with store.session() as session:
        staff_id, vendor_id = _find(session, who, moment)
        session.commit()
    return doorstep.admit(request, store, moment, "", staff_id=staff_id, vendor_id=vendor_id, by="demo")


def _find(session: Session, who: str, moment: datetime) -> tuple[int | None, int | None]:
    """The staff or the vendor of that role at the demo's first market, taken up when they are first wanted."""
    market = session.execute(_FIRST_MARKET).first()
    if market is None:
        raise HTTPException(404)
    if who == "vendor":
        first = lead.find(session, clock.business_date(moment))
        if first is None:
            raise HTTPException(404)
        return None, vendor_account.take_up(session, first.phone, moment)
    found = staff.named(session, NAMES[who]) or staff.add(session, NAMES[who], moment)
    staff.appoint(session, found, Office(who, _area(session, who, market.code, moment)), moment)
    return found.key, None


def _area(session: Session, who: str, market_code: str, moment: datetime) -> str | None:
    if who == "operator":
        return None
    if who in ("helper", "board"):
        return f"market:{market_code}"
    stay = jurisdiction.stands(session, market_code, clock.business_date(moment))
    if stay is None or stay.ward is None:
        raise HTTPException(404)
    return f"ward:{stay.ward.code}" if who == "ward" else f"province:{stay.province_code}"
