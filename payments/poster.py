"""The poster: a thread of the server that posts what was kept, at once when told and every second by itself.

In a rush it gives way to the door, which must not keep a payment waiting: few at a time, unless they have waited long.
"""

import sys
import threading
import time

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from ground.logs import log
from ground.store import Store
from payments import card, posting, retention

BREATH_SECONDS = 0.1  # between two rounds: in a rush many notices share one, which costs hardly more than one alone
RUSH = 100  # as many kept since the last round are a rush, and so many are posted in a round then
PATIENCE_SECONDS = 10.0  # after which what was kept is posted, rush or not
SWITCH_SECONDS = 0.002  # Python's own 5 ms would have the door wait that long, often, while a round is computing
PAUSE_SECONDS = 1.0  # other processes keep notices too, and the database may have been away
STUCK_SECONDS = 60.0  # after which what could not be posted is tried once more
RETENTION_SECONDS = 60.0  # between two looks for what has been kept long enough
_LOG = log("poster")
_OLDEST = text("SELECT received_at FROM notice WHERE handled_at IS NULL AND NOT id = ANY(:skip) ORDER BY id LIMIT 1")


class Poster:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._wake = threading.Event()
        self._stopping = False
        self._kept = 0  # since the last round
        self._stuck: list[int] = []
        self._registry_version = -1
        self._stuck_since = time.monotonic()
        self._dropped_at = time.monotonic()
        self._posted_well = False
        self._ended_at = time.monotonic() - BREATH_SECONDS
        self._thread = threading.Thread(target=self._post_on, name="poster", daemon=True)

    @property
    def is_up(self) -> bool:
        """The last round succeeded, and there will be another."""
        return self._posted_well and self._thread.is_alive()

    def start(self) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()

    def wake(self, kept: int) -> None:
        """So many notices have been kept."""
        self._kept += kept
        self._wake.set()

    def stop(self) -> None:
        """Posts what is kept by now, then ends."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout=30)

    def _post_on(self) -> None:
        while True:
            last_round = self._stopping
            if not last_round:
                self._wake.wait(PAUSE_SECONDS)
                time.sleep(max(0.0, self._ended_at + BREATH_SECONDS - time.monotonic()))
                self._wake.clear()
            try:
                self._post()
                self._posted_well = True
            except Exception as error:
                # Whatever it was, money that is kept has to be posted: the next round tries again.
                self._posted_well = False
                _LOG.warning("not posted", reason=type(error).__name__)
                self._wake.wait(PAUSE_SECONDS)
            self._ended_at = time.monotonic()
            if last_round:
                return

    def _post(self) -> None:
        rush, self._kept = self._kept >= RUSH and not self._stopping, 0
        if time.monotonic() - self._stuck_since > STUCK_SECONDS:
            self._stuck, self._stuck_since = [], time.monotonic()
        self._post_kept(rush=rush)
        if time.monotonic() - self._dropped_at > RETENTION_SECONDS:
            self._dropped_at = time.monotonic()
            self._drop_old()

    def _post_kept(self, *, rush: bool = False) -> None:
        with self._store.session() as session:
            if rush and not self._is_late(session):
                posting.post_some(session, self._stuck, RUSH)
                self._wake.set()  # for the rest, when the rush is over
            else:
                while posting.post_some(session, self._stuck) >= posting.BATCH:
                    pass
            card.post_all(session)
            version = session.execute(text("SELECT registry_version FROM installation")).scalar_one()
            if version != self._registry_version:
                posting.resolve_waiting(session)
                self._registry_version = version

    def _is_late(self, session: Session) -> bool:
        oldest = session.execute(_OLDEST, {"skip": self._stuck}).scalar()
        return oldest is not None and (clock.now() - oldest).total_seconds() > PATIENCE_SECONDS

    def _drop_old(self) -> None:
        """A statement of a million lines grows old at once: what is kept meanwhile is posted between two batches."""
        with self._store.session() as session:
            for dropped in retention.drop_old(session, self._store.settings.raw_retention_days, clock.now()):
                if dropped:
                    self._post_kept()
