"""A server killed under load, a database that goes away: what was acknowledged is kept, and counted once."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx2 as httpx
import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground import database
from ground.embedded import Cluster
from ground.settings import Settings
from ground.store import Store
from tests.server import HOUSE, Server, environment, free_port
from tests.tellers import Say, Tellers, assert_kept_and_counted_once, say
from tests.world import Street

__all__ = ["say"]  # a fixture


@pytest.fixture
def serve(test_settings: Settings) -> Iterator[Callable[..., Server]]:
    """Starts servers; whatever still runs at the end of the test is killed."""
    started: list[Server] = []

    def start(*options: str) -> Server:
        started.append(Server(test_settings, *options))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()


def test_killed_at_random_moments_nothing_is_lost_or_counted_twice_and_stopped_politely_all_is_posted(
    serve: Callable[..., Server], books: Store, street: Street, say: Say
) -> None:
    chance = random.Random(20261122)
    server = serve()
    tellers = Tellers(server.address)
    for _ in range(3):
        time.sleep(chance.uniform(0.1, 0.8))
        server.kill()
        server.start()
    tellers.wait_for(20)
    assert server.stop() == 0
    tellers.stop()
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM notice WHERE handled_at IS NULL")).scalar_one() == 0
    say(f"the door was shut for {tellers.shut():.1f} s")
    assert len(tellers.acknowledged) > 50
    assert_kept_and_counted_once(books, tellers.acknowledged)


def test_two_workers_share_one_set_of_books(serve: Callable[..., Server], books: Store, street: Street) -> None:
    server = serve("--workers", "2")
    tellers = Tellers(server.address)
    tellers.wait_for(51)
    tellers.stop()
    server.stop()
    assert_kept_and_counted_once(books, tellers.acknowledged)


def test_the_database_goes_away_and_comes_back(
    serve: Callable[..., Server], books: Store, street: Street, session: Session, cluster: Cluster, say: Say
) -> None:
    """Its connections are cut and refused for a while: 503, then 200 again, and nothing acknowledged is lost."""
    name = books.engine.url.database
    server = serve()
    tellers = Tellers(server.address)
    admin = database.connect(cluster.url("postgres"), isolation_level="AUTOCOMMIT")
    session.close()
    books.engine.dispose()
    with admin.connect() as connection:
        tellers.wait_for(10)
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        cut = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        connection.execute(cut, {"name": name})
        deadline = time.monotonic() + 20
        while 503 not in tellers.refused and time.monotonic() < deadline:
            time.sleep(0.02)
        assert httpx.get(f"{server.address}/readyz", trust_env=False).status_code == 503
        page = httpx.get(f"{server.address}/", trust_env=False)
        assert page.status_code == 503
        api = httpx.get(f"{server.address}/api/v1/rates?area=market:cho-a&period=2026-10", trust_env=False)
        assert (api.status_code, api.headers["content-type"]) == (503, "application/problem+json")
        assert "Retry-After" in api.headers
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        tellers.wait_for(1)
    admin.dispose()
    tellers.stop()
    say(f"the door was shut for {tellers.shut():.1f} s")
    assert tellers.refused.keys() == {503}
    server.stop()
    assert_kept_and_counted_once(books, tellers.acknowledged)


@pytest.mark.slow
def test_killed_six_times_more(serve: Callable[..., Server], books: Store, street: Street, say: Say) -> None:
    chance = random.Random(1)
    server = serve()
    tellers = Tellers(server.address, 12)
    for _ in range(6):
        time.sleep(chance.uniform(0.0, 0.5))
        server.kill()
        server.start()
    tellers.wait_for(1)
    tellers.stop()
    server.stop()
    say(f"the door was shut for {tellers.shut():.1f} s")
    assert_kept_and_counted_once(books, tellers.acknowledged)


@pytest.mark.parametrize("wait", [0.3, 1.0, 1.6])
def test_asked_to_end_while_it_starts_it_ends(test_settings: Settings, wait: float) -> None:
    command = [sys.executable, "main.py", "serve", "--port", str(free_port())]
    process = subprocess.Popen(command, cwd=HOUSE, env=environment(test_settings), stderr=subprocess.DEVNULL)
    time.sleep(wait)
    process.terminate()
    assert process.wait(timeout=20) in (0, -signal.SIGTERM)  # the latter before Python has read a line of ours
