"""A change of feed: the books brought to what the feeds say now, by entries, whatever they said before."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from payments import feed, finding, journal, posted_notice, reconciliation

# As long as nobody else tells of anything, there is nothing to decide.
_SEVERAL = text("""
    SELECT EXISTS (SELECT FROM notice WHERE beside) OR (SELECT count(DISTINCT provider) FROM feed) > 1
""")
_TURN = text("""
    UPDATE notice n SET beside = NOT n.beside WHERE id = ANY(:ids)
    RETURNING id, provider, repeat_of, received_at, occurred_at, business_date, direction, amount, bank, bin, account,
        virtual_account, tokens, beside,
        EXISTS (SELECT FROM entry e WHERE e.notice_id = n.id AND e.kind IN ('sale', 'held')) AS posted,
        EXISTS (SELECT FROM finding f WHERE f.notice_id = n.id AND f.status IN ('assigned', 'closed')) AS decided
""")
_NEEDS_NOBODY = text("""
    UPDATE finding SET status = 'resolved', decided_at = :now, decided_by = :itself, reason = 'feed'
    WHERE notice_id = ANY(:ids) AND status = 'open'
""")
# A statement may have nothing to say of what is in the books only now.
_JUDGE_ANEW = text("UPDATE reconciliation SET judged_on = NULL")


def settle(session: Session, numbers: Iterable[str] | None = None, *, whole: bool = False) -> int:
    """Bring every notice, or those of some accounts, to what the feeds say; returns how many changed sides.

    In the caller's transaction, which shares or holds the books. whole: even if only one provider seems to tell.
    """
    if not whole and not session.execute(_SEVERAL).scalar_one():
        return 0
    feed.lock(session)
    ids = [each.id for each in feed.wrong(session, numbers)]
    if not ids:
        return 0
    turned = sorted(session.execute(_TURN, {"ids": ids}).all(), key=lambda row: int(row.id))
    _take_off(session, [row for row in turned if row.beside])
    _put_on(session, [row for row in turned if not row.beside])
    reconciliation.meet(session, turned)
    # Last, because a pair that ends may have asked again whose its notice is.
    off = [row.id for row in turned if row.beside]
    session.execute(_NEEDS_NOBODY, {"ids": off, "now": clock.now(), "itself": finding.ITSELF})
    if len(off) < len(turned):
        session.execute(_JUDGE_ANEW)
    return len(turned)


def _take_off(session: Session, rows: Sequence[Any]) -> None:
    positions = journal.positions_of_notices(session, [row.id for row in rows])
    movements = []
    for row in rows:
        if row.id in positions:
            world = f"world:{row.provider}"
            movements += journal.right(positions[row.id], 0, world, by=None, taken=False, notice_id=row.id)
    journal.write(session, [each._replace(reason="feed") for each in movements])


def _put_on(session: Session, rows: Sequence[Any]) -> None:
    """Posted for the first time, or again where it is now: a decision stands, else as the registry says."""
    posted_notice.write(session, [row for row in rows if not row.posted])
    posted_notice.restore(session, [row for row in rows if row.posted])
