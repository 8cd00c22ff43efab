"""The cast and the stage: a fresh database for each test, a small market, and the door to tell of payments."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import database, embedded, store
from ground.embedded import Cluster
from ground.settings import Settings
from ground.store import Store
from main import House
from tests.cast import Cast, assemble
from tests.world import API_KEY, HMAC_SECRET, Street, build_street

for name in list(os.environ):
    if name.startswith("MARKET_"):
        del os.environ[name]

_NUMBER = itertools.count()


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="market40-tests-"))
    yield folder
    embedded.remove(folder)


@pytest.fixture(scope="session")
def settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, sepay_api_key=SecretStr(API_KEY), sepay_hmac_secret=SecretStr(HMAC_SECRET))


@pytest.fixture(scope="session")
def cluster(settings: Settings) -> Cluster:
    """The embedded server with a migrated database to copy from."""
    store.open_store(settings).engine.dispose()
    cluster = embedded.attach(settings.data_dir)
    admin = database.connect(cluster.url("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        # The tests kill processes, never the machine: what the kernel has is as good as on disk.
        for name in ("fsync", "full_page_writes"):
            connection.execute(text(f"ALTER SYSTEM SET {name} = off"))
        connection.execute(text("SELECT pg_reload_conf()"))
    admin.dispose()
    return cluster


@pytest.fixture
def test_settings(cluster: Cluster, settings: Settings) -> Iterator[Settings]:
    """Settings that name a fresh database as a server's URL would."""
    name = f"test_{next(_NUMBER)}"
    admin = database.connect(cluster.url("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE market STRATEGY file_copy"))
        yield settings.model_copy(
            update={
                "database_url": SecretStr(cluster.url(name)),
                "secret_key": SecretStr(embedded.secret_key(settings.data_dir)),
            }
        )
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def books(test_settings: Settings) -> Iterator[Store]:
    opened = store.open_store(test_settings)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def session(books: Store) -> Iterator[Session]:
    with books.session() as opened:
        yield opened


@pytest.fixture
def street(session: Session) -> Street:
    """A market with Cô Ba, Chú Tư, the Lê family on one account, Dì Năm's virtual account and an empty stall."""
    return build_street(session, since=date(2026, 1, 1))


@pytest.fixture
def house(books: Store) -> House:
    return House(books)


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    """The whole app over its ASGI door, posting included."""
    with TestClient(house, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def cast(books: Store, street: Street) -> Cast:
    """A vendor, a helper, a board member, a ward and a province official, an operator, their like elsewhere."""
    return assemble(books, street)
