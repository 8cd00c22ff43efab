"""The horizon of the journal: up to which entry nothing can come any more, because nobody is still writing there.

Entries get their numbers when they are written and are seen when their transaction commits: a lower number may come
after a higher one. Whoever reads on from a number has to read on from the horizon.
"""

from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session


class Look(NamedTuple):
    """One look at the journal: its last entry, the oldest transaction still running then, and the looker's own.

    Whoever had written an entry up to `last`, or had drawn a number below it, began before `own`: a transaction gets
    its number with the first thing it writes, and what a payment is told by is written, or locked, before its entry.
    """

    last: int
    oldest: int
    own: int


class Horizon(NamedTuple):
    """`floor`: every entry up to it is there or never will be. `mark`: a look whose writers are awaited."""

    floor: int
    mark: Look | None = None


# The snapshot's own end will not do: it is the number after the last that has *ended*, and there may be some running
# from there on.
_LOOK = text("""
    SELECT (SELECT coalesce(max(id), 0) FROM entry), pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
        pg_current_xact_id()::text::bigint
""")
# While somebody writes: nobody writes for an hour.
_LONG_AGO = text("SELECT coalesce(max(id), 0) FROM entry WHERE posted_at < now() - INTERVAL '1 hour'")


def look(session: Session) -> Look:
    """In a transaction of its own, which ends with it: the next look may be waiting for that."""
    found = Look(*session.execute(_LOOK).one())
    session.rollback()
    return found


def begin(session: Session) -> Horizon:
    """Without having looked before."""
    seen = look(session)
    if seen.oldest == seen.own:
        return Horizon(seen.last)
    return Horizon(session.execute(_LONG_AGO).scalar_one(), seen)


def advance(known: Horizon, seen: Look) -> Horizon:
    """As far as a later look shows that whoever was writing has ended."""
    if seen.oldest == seen.own:
        return Horizon(max(known.floor, seen.last))
    if known.mark is None:
        return known._replace(mark=seen)
    if seen.oldest >= known.mark.own:
        return Horizon(max(known.floor, known.mark.last), seen)
    return known
