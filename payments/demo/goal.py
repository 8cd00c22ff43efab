"""The demo's targets: what the wards and the markets set themselves for this quarter and the last."""

from datetime import date
from decimal import Decimal

from sqlmodel import Session

from ground import clock
from payments import area, period_run, target

LAST = {"onboarded": "0.5", "acceptance": "0.5", "active_use": "0.15"}
THIS = {"onboarded": "0.7", "acceptance": "0.6", "active_use": "0.3"}
BY = "demo"


def set_targets(session: Session, today: date) -> int:
    """Of every made-up market, and of the wards and provinces they stand in; gives how many. The caller commits."""
    drawn = area.draw(session, today, today, "period", today)
    keys: dict[str, None] = {}
    for found in drawn.markets:
        for stay in drawn.stays[found.key][-1:] if found.made_up else ():
            ward = [f"ward:{stay.ward.code}"] if stay.ward else []
            keys |= dict.fromkeys([f"market:{found.code}", *ward, f"province:{stay.province_code}"])
    quarters = zip(period_run.back(period_run.at(today, "quarter"), 2), (LAST, THIS), strict=True)
    goals = [(asked.text, *goal) for asked, several in quarters for goal in several.items()]
    wanted = [(key, *goal) for key in keys for goal in goals]
    for key, text, indicator, value in wanted:
        target.put(session, key, indicator, text, Decimal(value), by=BY, at=clock.now())
    return len(wanted)
