"""Retention: raw notices, memos, photos and forgotten applications are dropped in time; what came of them stays."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from merchants import forgetting, inspection

BATCH = 5000

_NOTICES = text("""
    UPDATE notice SET raw = NULL, memo = NULL
    WHERE id IN (SELECT id FROM notice
                 WHERE received_at < :before AND handled_at IS NOT NULL AND (raw IS NOT NULL OR memo IS NOT NULL)
                 ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
""")
# What a line says is hashed and its tokens are found when it is taken in: nothing later reads the memo. The numbers of
# statements rise with the time of their import, so that the index need not be read beyond the old ones.
_LINES = text("""
    UPDATE statement_line SET memo = NULL
    WHERE id IN (SELECT l.id FROM statement_line l JOIN statement s ON s.id = l.statement_id
                 WHERE l.memo IS NOT NULL AND l.statement_id <= (SELECT max(id) FROM statement
                                                                 WHERE imported_at < :before)
                     AND s.imported_at < :before AND l.business_date <= s.reconciled_through
                 ORDER BY l.statement_id LIMIT :limit FOR UPDATE OF l SKIP LOCKED)
""")


def drop_old(session: Session, days: int, now: datetime) -> Iterator[int]:
    """Drop what was received or imported more than `days` ago and is in the books, a batch a commit.

    Yields how many notices or lines each batch was, so that the caller can do something more urgent in between.
    """
    before = now - timedelta(days=days)
    inspection.drop_photos(session, before)
    forgetting.drop_old(session, now)
    session.commit()
    for drop in (_NOTICES, _LINES):
        while True:
            found = session.connection().execute(drop, {"before": before, "limit": BATCH})
            session.commit()
            yield found.rowcount
            if found.rowcount < BATCH:
                break
