"""What the benchmarks are played on: books of their own, made and thrown away, with a market's stalls and a clerk."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock, embedded, store
from ground.settings import Settings
from ground.store import Store
from merchants import code, roll
from merchants.market import Market
from portal import app as portal
from portal import staff, visit
from portal.person import Office
from portal.visit import Guest

GUEST = Guest("127.0.0.1", "benchmark")


@contextmanager
def fresh_books() -> Iterator[Store]:
    """On a database server of their own, in `books.settings.data_dir`; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="market40-benchmark-"))
    try:
        books = store.open_store(Settings(data_dir=folder))
        yield books
        books.engine.dispose()
    finally:
        embedded.remove(folder)


def take_roll(session: Session, market: Market, lines: Sequence[str], since: date | None = None) -> None:
    """A market's roll, its heading first, with a code for every stall that can have one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "roll.csv"
        file.write_text("\n".join(lines), "utf-8")
        done = roll.take_in(session, market, file)
    assert not done.errors, done.errors[:3]
    code.issue(session, market, since=since)


def signed_in(books: Store, office: Office) -> TestClient:
    """The browser of somebody who holds that office."""
    moment = clock.now()
    with books.session() as session:
        clerk = staff.add(session, "Chị Hoa", moment)
        staff.appoint(session, clerk, office, moment)
        token = visit.begin(session, books.vault, moment, GUEST, staff_id=clerk.key)
        session.commit()
    client = TestClient(portal.create(books, lambda: True))
    client.cookies.set("visit", token)
    return client
