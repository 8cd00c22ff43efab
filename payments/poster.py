"""The poster: a thread of the server that posts what was kept, at once when told and every second by itself."""

import threading

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from ground.logs import log
from ground.store import Store
from payments import posting

PAUSE_SECONDS = 1.0  # other processes keep notices too, and the database may have been away
_LOG = log("poster")


class Poster:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._wake = threading.Event()
        self._stopping = False
        self._stuck: list[int] = []
        self._registry_version = -1
        self.is_up = False
        self._thread = threading.Thread(target=self._post_on, name="poster", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
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
                self._wake.clear()
            try:
                self._post()
                self.is_up = True
            except SQLAlchemyError as error:
                self.is_up = False
                _LOG.warning("store away", reason=type(error).__name__)
                self._wake.wait(PAUSE_SECONDS)
            if last_round:
                return

    def _post(self) -> None:
        with self._store.session() as session:
            posting.post_all(session, self._stuck)
            version = session.execute(text("SELECT registry_version FROM installation")).scalar_one()
            if version != self._registry_version:
                posting.resolve_waiting(session)
                self._registry_version = version
