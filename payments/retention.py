"""Retention: raw notices, memos, photos and forgotten applications are dropped in time; what came of them stays."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from merchants import forgetting, inspection

BATCH = 5000

_DROP = text("""
    UPDATE notice SET raw = NULL, memo = NULL
    WHERE id IN (SELECT id FROM notice
                 WHERE received_at < :before AND handled_at IS NOT NULL AND (raw IS NOT NULL OR memo IS NOT NULL)
                 ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
""")


def drop_old(session: Session, days: int, now: datetime) -> int:
    """Drop what was received more than `days` ago and has been posted, a batch a commit; returns how many notices."""
    before = now - timedelta(days=days)
    inspection.drop_photos(session, before)
    forgetting.drop_old(session, now)
    session.commit()
    dropped = 0
    while True:
        found = session.connection().execute(_DROP, {"before": before, "limit": BATCH})
        session.commit()
        dropped += found.rowcount
        if found.rowcount < BATCH:
            return dropped
