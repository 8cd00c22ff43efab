"""Three doors to compare: ours, ours without a store, and the plain SQLModel way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from sqlmodel import Session, select
from starlette.concurrency import run_in_threadpool

from ground import clock, store
from ground.settings import Settings
from main import House
from payments import inbox
from payments.inbox import Rows
from payments.notice import Notice, seal
from payments.providers import sepay
from payments.webhooks import Receive, Scope, Send, Webhooks


def stored() -> House:
    """The whole app as it runs: group commit, posting behind it."""
    return House(store.open_store(Settings.read()))


def single() -> House:
    """The same with one commit for each request, for comparison."""
    inbox.BATCH_MAX = 1
    return stored()


class Nowhere:
    """An inbox that keeps nothing."""

    async def keep(self, rows: Rows) -> None:
        return None


class Unstored:
    """The same door, the same work on each notice, but nothing is kept."""

    def __init__(self) -> None:
        books = store.open_store(Settings.read())
        self._webhooks = Webhooks(Nowhere(), books.vault, books.settings)  # type: ignore[arg-type]
        self._rest = FastAPI(lifespan=_nothing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._webhooks if scope["type"] == "http" else self._rest)(scope, receive, send)


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


def plain() -> FastAPI:
    """One select, one add, one commit for each request, in FastAPI's thread pool: the usual way."""
    books = store.open_store(Settings.read())
    app = FastAPI()

    @app.post("/webhooks/sepay")
    async def take(request: Request) -> dict[str, bool]:
        body = await request.body()
        sepay.verify(dict(request.headers), body, books.settings, clock.now())
        return await _in_thread(body)

    async def _in_thread(body: bytes) -> dict[str, bool]:
        return await run_in_threadpool(_add, body)

    def _add(body: bytes) -> dict[str, bool]:
        (told,) = sepay.translate(body)
        row = seal(told, books.vault, clock.now())
        for name in ("memo", "raw", "memo_hash", "payer_hash"):
            row[name] = bytes.fromhex(row[name]) if row[name] else None
        with Session(books.engine) as session:
            known = select(Notice).where(Notice.provider == "sepay", Notice.external_id == row["external_id"])
            if session.exec(known).first() is None:
                session.add(Notice(**row))
                session.commit()
        return {"success": True}

    return app
