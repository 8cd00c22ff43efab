"""The cast and the stage: a fresh database for each test, a small market, and the door to tell of payments."""

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from httpx2 import Cookies
from pydantic import SecretStr
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock, embedded, store
from ground.embedded import Cluster
from ground.settings import Settings
from ground.store import Store
from main import House
from payments.demo.card_office import serving
from tests.cast import Cast, assemble, set_stage
from tests.chromium import browser as browser
from tests.messages import Log
from tests.server import Server
from tests.silence import pytest_runtest_makereport as pytest_runtest_makereport  # reads what every test made us write
from tests.world import API_KEY, HMAC_SECRET, Street, build_street, find_street

for name in list(os.environ):
    if name.startswith("MARKET_"):
        del os.environ[name]

Copy = Callable[[str, str], Settings]
_NUMBER = itertools.count()
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 << 30
LONGEST_TEST = timedelta(minutes=3)
"""With what its file builds for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests or a stage of their own first: no process is left with one when the others are done."""
    long = {item.path for item in items if item.get_closest_marker("slow") or "module" in _scopes(item)}
    items.sort(key=lambda item: item.path not in long)


def pytest_runtest_setup() -> None:
    """No test begins in the last minutes of a day in Việt Nam: today must be the same day at its end."""
    now = clock.now()
    midnight = clock.day_start(clock.business_date(now) + timedelta(days=1))
    if midnight - now < LONGEST_TEST:
        time.sleep((midnight - now).total_seconds())


def _scopes(item: pytest.Item) -> set[str]:
    found = getattr(item, "_fixtureinfo", None)
    return {fixture.scope for fixtures in found.name2fixturedefs.values() for fixture in fixtures} if found else set()


@pytest.fixture(scope="session")
def memory_dir() -> Iterator[Path | None]:
    """A folder in memory, None where there is none: a disk needs a third of a second to make a database's 300 files."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        yield None
        return
    for left in MEMORY.glob("market40-tests-*"):
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)  # of a run that was killed
    folder = MEMORY / f"market40-tests-{os.getpid()}"
    folder.mkdir(0o700)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def data_dir(memory_dir: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="market40-tests-"))
    yield folder
    embedded.remove(folder)


@pytest.fixture(scope="session")
def settings(data_dir: Path) -> Settings:
    return Settings(data_dir=data_dir, sepay_api_key=SecretStr(API_KEY), sepay_hmac_secret=SecretStr(HMAC_SECRET))


@pytest.fixture(scope="session")
def cluster(settings: Settings, memory_dir: Path | None) -> Cluster:
    """The embedded server with a migrated database to copy from."""
    store.open_store(settings).engine.dispose()
    cluster = embedded.attach(settings.data_dir)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        # The tests kill processes, never the machine: what the kernel has is as good as on disk.
        for name in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
        if memory_dir is not None:
            owner = (cluster.state / "postgres").stat()
            os.chown(memory_dir, owner.st_uid, owner.st_gid)
            connection.execute(f"CREATE TABLESPACE memory LOCATION '{memory_dir}'")
    return cluster


@pytest.fixture(scope="session")
def admin(cluster: Cluster) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def copy(settings: Settings, cluster: Cluster, memory_dir: Path | None, admin: "psycopg.Connection[Any]") -> Copy:
    """Makes a database like another; gives settings that name it as a server's URL would."""
    place = "" if memory_dir is None else "TABLESPACE memory"

    def make(template: str, name: str) -> Settings:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} {place} STRATEGY file_copy")
        key = embedded.secret_key(settings.data_dir)
        named = {"database_url": SecretStr(cluster.url(name)), "secret_key": SecretStr(key)}
        return settings.model_copy(update=named)

    return make


@pytest.fixture(scope="session")
def street_database(copy: Copy) -> str:
    """The street, built once in the usual way, to copy from."""
    opened = store.open_store(copy("market", "with_street"))
    with opened.session() as session:
        build_street(session, since=date(2026, 1, 1))
    opened.engine.dispose()
    return "with_street"


@pytest.fixture(scope="session")
def visits(copy: Copy, street_database: str) -> dict[str, Cookies]:
    """The street and everybody's accounts, built once; the cookies of the staff, who came in through the door."""
    opened = store.open_store(copy(street_database, "with_cast"))
    found = set_stage(opened)
    opened.engine.dispose()
    return found


@pytest.fixture(scope="session")
def cast_database(visits: dict[str, Cookies]) -> str:
    return "with_cast"


@pytest.fixture
def test_settings(request: pytest.FixtureRequest, copy: Copy, admin: "psycopg.Connection[Any]") -> Iterator[Settings]:
    """Settings that name a fresh database, with the street or the cast in it where the test asks for them."""
    wanted = next((each for each in ("cast", "street") if each in request.fixturenames), None)
    template = request.getfixturevalue(f"{wanted}_database") if wanted else "market"
    name = f"test_{next(_NUMBER)}"
    yield copy(template, name)
    admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
def street(books: Store) -> Street:
    """A market with Cô Ba, Chú Tư, the Lê family on one account, Dì Năm's virtual account and an empty stall.

    No connection is held: a test may dispose of the engine, which closes only those that nobody has.
    """
    with books.session() as opened:
        return find_street(opened)


@pytest.fixture
def log() -> Iterator[Log]:
    """What the operator's log says meanwhile."""
    with structlog.testing.capture_logs() as written:
        yield written


@pytest.fixture
def house(books: Store) -> House:
    return House(books)


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    """The whole app over its ASGI door, posting included."""
    with TestClient(house, raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def address(house: House) -> Iterator[str]:
    """The whole app on a real port, in this process: what no test kills needs none of its own, and starts at once."""
    with serving(house) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def cast(books: Store, street: Street, visits: dict[str, Cookies]) -> Cast:
    """A vendor, a helper, a board member, a ward and a province official, an operator, their like elsewhere."""
    return assemble(books, street, visits)


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, copy: Copy, visits: dict[str, Cookies], cast_database: str) -> Iterator[Cast]:
    """The cast on one stage for a whole file: every test plays at stalls of its own."""
    books = store.open_store(copy(cast_database, f"stage_of_{request.module.__name__.rpartition('.')[2]}"))
    with books.session() as session:
        street = find_street(session)
    yield assemble(books, street, visits)
    books.engine.dispose()


@pytest.fixture(scope="module")
def server(stage: Cast, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process before that stage; its `events` are the messages that left, too."""
    started = Server(stage.books.settings, log=tmp_path_factory.mktemp("server") / "log")
    yield started
    started.stop()
