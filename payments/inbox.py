"""The inbox: many notices, one durable commit, and an answer to each request only after it.

A batch is what is waiting when the writer comes back from its last commit: no clock, no fixed size. One thread
writes, so that a stalled disk never stalls the event loop.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import psycopg

from ground.logs import log

QUEUE_MAX = 20_000
BATCH_MAX = 512
_LOG = log("inbox")

# PostgreSQL's classes of errors that say nothing of what was to be kept: no connection, read-only, rolled back, not the
# tables we know, no room, locked, shut down, a broken disk. Any other is about some row.
_AWAY = frozenset({"08", "25", "40", "42", "53", "55", "57", "58"})

Keep = Callable[[psycopg.Connection[Any], Sequence[dict[str, Any]]], int]


class Row(NamedTuple):
    """What is to be kept, and the function that keeps it."""

    keep: Keep
    columns: dict[str, Any]


Rows = Sequence[Row]
Waiting = tuple[Rows, "asyncio.Future[None]"]


class StoreAway(Exception):
    """Nothing was kept: the database is away or the queue is full; the sender may try again."""


class Inbox:
    def __init__(self, url: str, on_kept: Callable[[int], None] = lambda rows: None) -> None:
        self._url = url
        self._on_kept = on_kept
        self._queue: deque[Waiting] = deque()
        self._rows = 0  # in the queue
        self._wake = threading.Condition()
        self._stopping = False
        self._connection: psycopg.Connection[Any] | None = None
        self._thread = threading.Thread(target=self._write_on, name="inbox", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Keeps what is waiting, then ends."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout=30)

    def is_up(self) -> bool:
        return self._thread.is_alive()

    async def keep(self, rows: Rows) -> None:
        """Returns when a request's rows are durably kept, all in one commit; raises StoreAway when they are not."""
        if not rows:
            return
        if self._rows >= QUEUE_MAX or self._stopping:
            raise StoreAway
        future = asyncio.get_running_loop().create_future()
        with self._wake:
            self._queue.append((rows, future))
            self._rows += len(rows)
            self._wake.notify()
        await future

    def _write_on(self) -> None:
        while batch := self._next_batch():
            try:
                failed = self._keep_batch(batch)
            except Exception as error:
                # Nobody may wait for an answer that never comes: whatever failed, the sender is told to try again.
                self._turn_away(batch, error)
                failed = batch
            self._answer(batch, failed)

    def _keep_batch(self, batch: list[Waiting]) -> list[Waiting]:
        """Returns those whose rows could not be kept."""
        try:
            self._keep_again([row for rows, _ in batch for row in rows])
        except psycopg.Error as error:
            if not _is_about_rows(error):
                raise
            return self._keep_each(batch)
        return []

    def _keep_each(self, batch: list[Waiting]) -> list[Waiting]:
        """A bad notice in a batch does not hurt its neighbours: each request is tried by itself."""
        failed: list[Waiting] = []
        for place, waiting in enumerate(batch):
            try:
                self._keep(waiting[0])
            except psycopg.Error as error:
                if not _is_about_rows(error):
                    self._turn_away(batch[place:], error)
                    return failed + batch[place:]
                _LOG.error("not kept", rows=len(waiting[0]), reason=type(error).__name__, code=error.sqlstate)
                failed.append(waiting)
        return failed

    def _turn_away(self, batch: list[Waiting], error: Exception) -> None:
        self._drop_connection()
        _LOG.warning("store away", notices=len(batch), reason=type(error).__name__)

    def _next_batch(self) -> list[Waiting]:
        """The requests that wait, while they have less than BATCH_MAX rows; empty only when the inbox stops."""
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            batch: list[Waiting] = []
            rows = 0
            while self._queue and rows < BATCH_MAX:
                batch.append(self._queue.popleft())
                rows += len(batch[-1][0])
            self._rows -= rows
            return batch

    def _keep_again(self, rows: Rows) -> None:
        """A connection that was cut while it lay idle is no reason to send anybody away: once more on a new one."""
        was_open = self._connection is not None
        try:
            self._keep(rows)
        except psycopg.OperationalError as error:
            if not was_open or _is_about_rows(error):
                raise
            self._drop_connection()
            self._keep(rows)

    def _keep(self, rows: Rows) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url, connect_timeout=5, application_name="market40-inbox", options="-c timezone=UTC"
            )
        shelves: dict[str, tuple[Keep, list[dict[str, Any]]]] = {}
        for keep, columns in rows:
            shelves.setdefault(keep.__module__, (keep, []))[1].append(columns)
        with self._connection.transaction():
            for _, (keep, several) in sorted(shelves.items()):  # in one order, so that no two batches block each other
                keep(self._connection, several)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _answer(self, batch: list[Waiting], failed: list[Waiting]) -> None:
        lost = {id(future) for _, future in failed}
        by_loop: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
        for waiting in batch:
            by_loop.setdefault(waiting[1].get_loop(), []).append(waiting)
        for loop, several in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, several, lost)
        kept = sum(len(rows) for rows, future in batch if id(future) not in lost)
        if kept:
            self._on_kept(kept)


def _is_about_rows(error: psycopg.Error) -> bool:
    return error.sqlstate is not None and error.sqlstate[:2] not in _AWAY


def _settle(several: list[Waiting], lost: set[int]) -> None:
    for _, future in several:
        if future.done():
            continue
        if id(future) in lost:
            future.set_exception(StoreAway())
        else:
            future.set_result(None)
