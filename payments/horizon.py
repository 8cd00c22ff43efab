"""The horizon of the journal: up to which entry nothing can come any more, because nobody is still writing there.

Entries get their numbers when they are written and are seen when their transaction commits: a lower number may come
after a higher one. Whoever reads on from a number has to read on from the horizon.
"""

from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session


class Look(NamedTuple):
    """One look at the journal: its last entry, the oldest transaction still running, and the next one to begin."""

    last: int
    xmin: int
    xmax: int


class Horizon(NamedTuple):
    """`floor`: every entry up to it is there or never will be. `mark`: a look whose writers are awaited."""

    floor: int
    mark: Look | None = None


_LOOK = text("""
    SELECT (SELECT coalesce(max(id), 0) FROM entry), pg_snapshot_xmin(s)::text::bigint,
        pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() AS s
""")
# While somebody writes: nobody writes for an hour.
_LONG_AGO = text("SELECT coalesce(max(id), 0) FROM entry WHERE posted_at < now() - INTERVAL '1 hour'")


def look(session: Session) -> Look:
    return Look(*session.execute(_LOOK).one())


def begin(session: Session) -> Horizon:
    """Without having looked before."""
    seen = look(session)
    if seen.xmin == seen.xmax:
        return Horizon(seen.last)
    return Horizon(session.execute(_LONG_AGO).scalar_one(), seen)


def advance(known: Horizon, seen: Look) -> Horizon:
    """As far as a later look shows that whoever was writing has ended."""
    if seen.xmin == seen.xmax:
        return Horizon(max(known.floor, seen.last))
    if known.mark is None:
        return known._replace(mark=seen)
    if seen.xmin >= known.mark.xmax:
        return Horizon(max(known.floor, known.mark.last), seen)
    return known
