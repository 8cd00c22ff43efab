"""Forgetting: applications nobody went on with, and those that came to nothing, are nobody's business after a while."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

DRAFT, END = timedelta(days=30), timedelta(days=90)

_FORGET = text("""
    DELETE FROM application WHERE (state IN ('draft', 'returned') AND filled_at < :drafts
            AND (decided_at IS NULL OR decided_at < :drafts))
        OR (state IN ('declined', 'withdrawn') AND filled_at < :ends AND (decided_at IS NULL OR decided_at < :ends))
""")


def drop_old(session: Session, now: datetime) -> None:
    """Drafts and returned ones after 30 days, declined and withdrawn ones after 90; approved ones stay."""
    session.execute(_FORGET, {"drafts": now - DRAFT, "ends": now - END})
