"""An erasure: what leads to a vendor goes, what the books need stays without her name."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from merchants import leaving
from merchants.merchant import NAMELESS
from portal import dossier
from portal.kept_kind import HELD, TOLD

BLANK = "–"
"""What stands where somebody's words about her stood."""

_HOLD = text("SELECT 1 FROM application WHERE vendor_id = :vendor OR phone = :phone ORDER BY id FOR UPDATE")
_OF_HERS = "merchant_id = ANY(CAST(:merchants AS bigint[]))"
_ON_HER_DAYS = "h.stall_id = x.stall_id AND {day} >= h.since AND (h.until IS NULL OR {day} < h.until)"

# What is found through others comes before what it is found by.
STEPS: dict[str, str] = {
    "memos": f"""
        WITH {TOLD} UPDATE notice SET raw = NULL, memo = NULL
        WHERE id IN (SELECT id FROM notices) AND handled_at IS NOT NULL AND (raw IS NOT NULL OR memo IS NOT NULL)""",
    "line_memos": f"""
        WITH {TOLD} UPDATE statement_line SET memo = NULL WHERE id IN (SELECT id FROM lines) AND memo IS NOT NULL""",
    "photos": f"""
        WITH {HELD} DELETE FROM inspection_photo WHERE inspection_id IN (
            SELECT x.id FROM inspection x JOIN held h ON {_ON_HER_DAYS.format(day="x.inspected_on")})""",
    "settlements": f"""
        WITH {HELD} UPDATE inspection SET settlement = :blank WHERE settlement IS NOT NULL AND id IN (
            SELECT x.id FROM inspection x JOIN held h ON {_ON_HER_DAYS.format(day="x.inspected_on")})""",
    "findings": f"""
        WITH {HELD} UPDATE finding SET reason = :blank WHERE reason IS NOT NULL AND id IN (
            SELECT x.id FROM finding x JOIN held h ON {_ON_HER_DAYS.format(day="x.business_date")})""",
    "codes": f"UPDATE code SET revoke_reason = :blank WHERE {_OF_HERS} AND revoke_reason IS NOT NULL",
    "roll": f"UPDATE stall_state SET account_name = NULL WHERE {_OF_HERS} AND account_name IS NOT NULL",
    "reasons": f"""
        UPDATE application_step SET reason = :blank WHERE reason IS NOT NULL AND application_id IN (
            SELECT id FROM application WHERE vendor_id = :vendor OR phone = :phone OR {_OF_HERS})""",
    "unfinished": "DELETE FROM application WHERE state <> 'approved' AND (vendor_id = :vendor OR phone = :phone)",
    "applications": f"""
        UPDATE application SET name = :nameless, phone = NULL, bin = NULL, account = NULL, account_name = NULL,
            slip_hash = NULL, slip_until = NULL, erased_at = :now
        WHERE state = 'approved' AND (vendor_id = :vendor OR phone = :phone OR {_OF_HERS})""",
    "merchants": """
        UPDATE merchant SET name = :nameless, phone = NULL WHERE id = ANY(CAST(:merchants AS bigint[]))""",
    "codes_sent": "DELETE FROM phone_code WHERE phone = :phone",
    "invitations": "DELETE FROM invitation WHERE vendor_id = :vendor",
    "sessions": "DELETE FROM visit WHERE vendor_id = :vendor",
    "account": "UPDATE vendor SET phone = NULL WHERE id = :vendor",
}


def erase(session: Session, vendor_id: int, phone: str, moment: datetime) -> dict[str, int]:
    """Do it, in the caller's transaction; how many rows each step touched.

    Refuses while a stall of hers has an account: a code that works has an owner who can be told of.
    """
    session.execute(_HOLD, {"vendor": vendor_id, "phone": phone})
    tomorrow = clock.business_date(moment) + leaving.DAY
    if leaving.connected(session, phone, tomorrow):
        raise Refusal("own_record.leave_first", status=409)
    her = dossier.whose(session, vendor_id, phone)
    asked = {**her.asked, "nameless": NAMELESS, "blank": BLANK, "now": moment}
    return {name: _touch(session, step, asked) for name, step in STEPS.items()}


def _touch(session: Session, step: str, asked: dict[str, Any]) -> int:
    done = session.connection().execute(text(step), {name: v for name, v in asked.items() if f":{name}" in step})
    return done.rowcount
