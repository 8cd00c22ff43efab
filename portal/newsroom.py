"""The newsroom: one per process, it hears of every commit that concerns a stall and tells the pages that are open.

The database's NOTIFY says only whose stalls; what came is read from the journal, from its horizon on, so that a
notification lost, told twice or coming out of order makes no difference.
"""

import asyncio
import signal
import threading
from collections.abc import Iterable, Sequence, Set
from types import FrameType
from typing import Any, NamedTuple

import psycopg
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from ground import clock
from ground.logs import log
from ground.store import Store
from payments import horizon, journal, own_payment
from payments.horizon import Horizon
from payments.own_payment import News
from portal import vendor_account, visit
from portal.person import Person

BEAT_SECONDS = 15.0
AGAIN_SECONDS = 1.0
WAITING_MAX = 500
"""So many things not yet read, a page is not being read: it is let go, and comes back where it was."""
PER_VISIT_MAX = 8
EVERY = "*"
_LOG = log("newsroom")


class Told(NamedTuple):
    """What a page is told: some news, or (None) that something of its stalls has changed. floor: its place then."""

    floor: int
    news: News | None = None
    kind: str = "changed"


class Page:
    """One open page. since: below it everything was told before; `sent`: what was told above the horizon.

    early: what comes while it still reads what it missed, and is told after that.
    """

    def __init__(self, person: Person, since: int, stalls: frozenset[int]) -> None:
        assert person.phone is not None
        self.visit_id = person.visit_id
        self.phone = person.phone
        self.since = since
        self.stalls = stalls
        self.told: asyncio.Queue[Told | None] = asyncio.Queue()
        self.sent: set[int] = set()
        self.early: list[Told] | None = []

    def tell(self, floor: int, rows: Iterable[News], heard: Set[int] = frozenset()) -> None:
        """What of `rows` is hers and new; of the other stalls that were heard of, that something has changed."""
        changed = self.stalls & heard
        for row in rows:
            if row.phone == self.phone and row.entry_id > self.since:
                changed = changed - {row.stall_id}
                if row.entry_id not in self.sent:
                    self.sent.add(row.entry_id)
                    self.put(Told(floor, row, "news"))
        if changed:
            self.put(Told(floor))

    def put(self, told: Told) -> None:
        if self.early is None:
            self.told.put_nowait(told)
        else:
            self.early.append(told)

    def settle(self, floor: int) -> None:
        """Nothing below will be read again."""
        if self.early is None:
            self.sent = {number for number in self.sent if number > floor}

    def begin(self, floor: int, missed: Iterable[News]) -> None:
        """Tell what it missed, say so, and then what has come meanwhile."""
        early, self.early = self.early or [], None
        for row in missed:
            if row.entry_id not in self.sent:
                self.sent.add(row.entry_id)
                self.put(Told(self.since, row, "news"))
        self.put(Told(floor, kind="ready"))
        for told in early:
            self.put(told)

    def end(self) -> None:
        self.told.put_nowait(None)


class Round(NamedTuple):
    """What one look at the database found."""

    horizon: Horizon
    news: Sequence[News]
    open_visits: set[int]
    stalls: dict[str, frozenset[int]]


class Newsroom:
    """All in the event loop's thread but for `_read`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pages: dict[Page, None] = {}
        self._horizon: Horizon | None = None
        self._dirty: set[int | str] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._beginning = asyncio.Lock()
        self._turn = asyncio.Lock()
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._pages)

    def floor(self, session: Session) -> int:
        """From where a page that is made now has to listen on."""
        return (self._horizon or horizon.begin(session)).floor

    async def join(self, person: Person, since: int | None) -> Page:
        """A page that is told, from `since` on, whatever came meanwhile; None: from now on."""
        await self._begin()
        assert self._horizon is not None and person.phone is not None
        held = await run_in_threadpool(self._held, person.phone)
        # A number of other books, or of these before they were restored, says nothing here.
        floor = self._horizon.floor
        page = Page(person, floor if since is None else min(since, floor), held)
        same = [each for each in self._pages if each.visit_id == page.visit_id]
        for each in same[: max(0, len(same) - PER_VISIT_MAX + 1)]:
            self._let_go(each)
        if not held:
            page.end()
            return page
        self._pages[page] = None
        async with self._turn:  # the round that is under way does not know of it; the next one does
            floor = self._horizon.floor
        page.begin(floor, await run_in_threadpool(self._missed, page))
        return page

    def leave(self, page: Page) -> None:
        self._pages.pop(page, None)

    def close(self) -> None:
        """The process ends: every page is let go, and finds another one."""
        self.is_closed = True
        for page in self._pages:
            page.end()
        for task in self._tasks:
            task.cancel()

    def _let_go(self, page: Page) -> None:
        page.end()
        self._pages.pop(page, None)

    async def _begin(self) -> None:
        async with self._beginning:
            if self._horizon is None:
                self._horizon = await run_in_threadpool(self._first_look)
                self._tasks = [asyncio.create_task(self._listen_on()), asyncio.create_task(self._tell_on())]
                self._end_with_the_server()

    def _end_with_the_server(self) -> None:
        """A server that is asked to end waits for its answers to be read, and a page is never read to its end."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)

            def leave(number: int, frame: FrameType | None, before: Any = before) -> None:
                loop.call_soon_threadsafe(self.close)
                if callable(before):
                    before(number, frame)

            signal.signal(number, leave)

    def _hear(self, stalls: Iterable[int | str]) -> None:
        self._dirty.update(stalls)
        self._wake.set()

    async def _listen_on(self) -> None:
        """The process's one listening connection; after it was lost, everything may have been missed."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._store.url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {journal.CHANNEL}")
                    self._hear([EVERY])
                    async for heard in connection.notifies():
                        self._hear([EVERY] if heard.payload == EVERY else map(int, heard.payload.split(",")))
            except psycopg.Error as error:
                _LOG.warning("not listening", reason=type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)

    async def _tell_on(self) -> None:
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + BEAT_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(beat_at):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            is_beat = loop.time() >= beat_at
            heard, self._dirty = self._dirty, set()
            try:
                async with self._turn:
                    await self._tell(heard, is_beat)
            except SQLAlchemyError as error:
                _LOG.warning("not told", reason=type(error).__name__)
                self._hear(heard)
                await asyncio.sleep(AGAIN_SECONDS)
            if is_beat:
                beat_at = loop.time() + BEAT_SECONDS

    async def _tell(self, heard: set[int | str], is_beat: bool) -> None:
        """One round: what is new at any stall that is watched, and told in the order of the entries.

        Of every one of them, because the horizon moves on for all. With each beat even if nothing was heard: a
        connection that died silently hears nothing.
        """
        assert self._horizon is not None
        pages = list(self._pages)
        watched = {stall for page in pages for stall in page.stalls}
        stalls = watched if EVERY in heard else {each for each in heard if isinstance(each, int)} & watched
        if not stalls and not is_beat:
            return
        found = await run_in_threadpool(self._read, sorted(watched), pages, is_beat)
        for page in pages:
            if page not in self._pages:
                continue
            if is_beat:
                page.stalls = found.stalls.get(page.phone, frozenset())
            if page.visit_id not in found.open_visits or not page.stalls or page.told.qsize() > WAITING_MAX:
                self._let_go(page)
                continue
            page.tell(self._horizon.floor, found.news, stalls)
            page.settle(found.horizon.floor)
            if is_beat:
                page.put(Told(found.horizon.floor, kind="beat"))
        self._horizon = found.horizon

    def _first_look(self) -> Horizon:
        with self._store.session() as session:
            return horizon.begin(session)

    def _held(self, phone: str) -> frozenset[int]:
        with self._store.session() as session:
            return vendor_account.ever_held(session, [phone], clock.today()).get(phone, frozenset())

    def _missed(self, page: Page) -> list[News]:
        with self._store.session() as session:
            found = own_payment.news(session, sorted(page.stalls), page.since, clock.today())
        return [row for row in found if row.phone == page.phone]

    def _read(self, stalls: list[int], pages: Sequence[Page], is_beat: bool) -> Round:
        """The look comes first: what was settled by then is seen by what is read after it."""
        assert self._horizon is not None
        moment = clock.now()
        today = clock.business_date(moment)
        with self._store.session() as session:
            later = horizon.advance(self._horizon, horizon.look(session))
            news = own_payment.news(session, stalls, self._horizon.floor, today)
            still = visit.vendors_open(session, [page.visit_id for page in pages], moment)
            held = vendor_account.ever_held(session, [page.phone for page in pages], today) if is_beat else {}
            return Round(later, news, still, held)
