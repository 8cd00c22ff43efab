"""What the boards have looked into already: most of what was doubtful more than a week ago."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

from sqlalchemy import text
from sqlmodel import Session

from ground import words
from payments import decision
from payments.finding import HELD

BOARD = "ban-quan-ly"
_DECIDED = 0.8  # of what is old enough
_UNDECIDED_DAYS = 8

_OPEN = text("""
    SELECT f.id, f.kind, f.stall_id, n.external_id
    FROM finding f JOIN notice n ON n.id = f.notice_id
    WHERE f.status = 'open' AND f.business_date < :before ORDER BY f.id
""")


def decide(session: Session, meant: Mapping[str, int], today: date) -> None:
    """`meant`: by the notice's id the stall at which the payer stood, as the vendor would remember."""
    random = Random(f"{today}/decisions")
    for found in session.execute(_OPEN, {"before": today - timedelta(days=_UNDECIDED_DAYS)}).all():
        if random.random() >= _DECIDED:
            continue
        if found.kind in HELD and found.kind != "unknown_account" and found.stall_id is None:
            reason = words.say("demo.vendor_remembers")
            decision.assign(session, found.id, meant[found.external_id], by=BOARD, reason=reason)
        else:
            decision.close(session, found.id, by=BOARD, reason=words.say(f"demo.closed.{found.kind}"))
    session.commit()
