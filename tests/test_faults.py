"""Faults at the door, each one made to happen: what was acknowledged is in the journal once, and it opens again."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from http.client import HTTPConnection
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import connection, store
from ground.settings import Settings
from ground.store import Store
from main import House
from payments import webhooks
from payments.demo.card_office import serving
from tests import cards, rails
from tests.own_postgres import Faults, OwnPostgres, own_postgres
from tests.server import Server
from tests.tellers import Say, Tellers, assert_kept_and_counted_once, gap, say
from tests.world import API_KEY, Street, build_street, raw, signed, told

__all__ = ["say"]  # a fixture


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(settings: Settings, *options: str, **more: Any) -> Server:
        started.append(Server(settings, *options, **more))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def faults() -> Iterator[Faults]:
    made = Faults()
    yield made
    made.remove()


def furnish(postgres: OwnPostgres) -> Settings:
    """A migrated database with the street in it on this server."""
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE books")
    settings = Settings(
        database_url=SecretStr(postgres.url("books")),
        secret_key=SecretStr("k" * 43),
        sepay_api_key=SecretStr(API_KEY),
    )
    books = store.open_store(settings, migrate=True)
    with books.session() as session:
        build_street(session, since=date(2026, 1, 1))
    books.engine.dispose()
    return settings


def prove(settings: Settings, tellers: Tellers) -> None:
    books = store.open_store(settings)
    assert_kept_and_counted_once(books, tellers.acknowledged)
    books.engine.dispose()


@pytest.mark.slow
def test_postgres_is_killed_under_load_and_comes_back(serve: Callable[..., Server], say: Say) -> None:
    with own_postgres() as postgres:
        settings = furnish(postgres)
        server = serve(settings)
        tellers = Tellers(server.address)
        tellers.wait_for(50)
        for _ in range(2):
            postgres.kill()
            time.sleep(0.5)
            postgres.start()
            tellers.wait_for(50)
        tellers.stop()
        server.stop()
        say(f"the door was shut for {tellers.shut():.1f} s; refused {tellers.refused}")
        assert tellers.refused.keys() <= {503}
        prove(settings, tellers)


@pytest.mark.slow
def test_a_full_disk_refuses_until_there_is_room_again(serve: Callable[..., Server], faults: Faults, say: Say) -> None:
    """No file can grow: some notices still find room in pages that are there, the others are told to come again."""
    with own_postgres(faults.environment) as postgres:
        settings = furnish(postgres)
        server = serve(settings)
        tellers = Tellers(server.address)
        tellers.wait_for(50)
        faults.set(disk_full=True)
        deadline = time.monotonic() + 30
        while 503 not in tellers.refused and time.monotonic() < deadline:
            time.sleep(0.05)
        assert 503 in tellers.refused, "the disk never filled"
        assert "No space left on device" in postgres.log()
        time.sleep(1)
        faults.set()
        tellers.wait_for(100)
        tellers.stop()
        server.stop()
        say(f"the door was shut for {tellers.shut():.1f} s; refused {tellers.refused}")
        assert tellers.refused.keys() == {503}
        prove(settings, tellers)


@pytest.mark.slow
def test_connections_are_cut_in_the_middle_of_batches(
    serve: Callable[..., Server], test_settings: Settings, books: Store, street: Street, say: Say
) -> None:
    server = serve(test_settings)
    tellers = Tellers(server.address, 12)
    tellers.wait_for(30)
    cut = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name LIKE 'market40%' AND state = 'active'"
    )
    cuts = 0
    with books.engine.connect() as connection:
        deadline = time.monotonic() + 30
        while cuts < 15 and time.monotonic() < deadline:
            cuts += connection.execute(cut).scalar_one()
            connection.rollback()
            time.sleep(0.001)
    tellers.wait_for(30)
    tellers.stop()
    server.stop()
    say(f"{cuts} connections cut; the door was shut for {tellers.shut():.1f} s; refused {tellers.refused}")
    assert cuts >= 15
    assert tellers.refused.keys() <= {503}
    assert_kept_and_counted_once(books, tellers.acknowledged)


@pytest.mark.slow
def test_killed_between_keeping_and_posting_it_posts_after_the_start(
    serve: Callable[..., Server], test_settings: Settings, books: Store, street: Street, say: Say
) -> None:
    """The journal is locked, so that notices are kept and can't be posted; then the server is killed."""
    server = serve(test_settings)
    with books.engine.connect() as holding:
        holding.execute(text("LOCK TABLE entry IN SHARE ROW EXCLUSIVE MODE"))
        tellers = Tellers(server.address)
        tellers.wait_for(50)
        server.kill()
        tellers.stop()
        with books.engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM entry")).scalar_one() == 0
        holding.rollback()
    begun = time.monotonic()
    server.start()
    opened = time.monotonic()  # it answers again
    deadline = time.monotonic() + 20
    waiting = text("SELECT count(*) FROM notice WHERE handled_at IS NULL")
    while time.monotonic() < deadline:
        with books.engine.connect() as connection:
            if connection.execute(waiting).scalar_one() == 0:
                break
        time.sleep(0.05)
    posted = time.monotonic() - begun
    shut = opened - max(tellers.moments)
    kept = len(tellers.acknowledged)
    say(f"{kept} kept and not posted; the door was shut for {shut:.1f} s; all posted {posted:.1f} s after the start")
    with books.engine.connect() as connection:
        assert connection.execute(waiting).scalar_one() == 0
    server.stop()
    assert_kept_and_counted_once(books, tellers.acknowledged)


@pytest.mark.slow
def test_a_clock_that_is_set_back_stops_nothing(
    serve: Callable[..., Server], test_settings: Settings, books: Store, street: Street, faults: Faults, say: Say
) -> None:
    """An hour back, then a day forward: the key opens the door at any time, a signature only while clocks agree."""
    server = serve(test_settings, **faults.environment)
    tellers = Tellers(server.address, by_key=True)
    for seconds in (0, -3600, 86_400, 0):
        faults.set(clock_seconds=seconds)
        tellers.wait_for(40)
        body = raw(told(10_000_000 + seconds + 3600))
        headers = signed(body, at=time.time())
        answer = httpx.post(f"{server.address}/webhooks/sepay", content=body, headers=headers, trust_env=False)
        assert answer.status_code == (401 if seconds else 200)
    posted = text("SELECT count(*) FROM notice WHERE handled_at IS NULL")
    tellers.stop()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with books.engine.connect() as connection:
            if connection.execute(posted).scalar_one() == 0:
                break
        time.sleep(0.05)
    with books.engine.connect() as connection:
        assert connection.execute(posted).scalar_one() == 0
        received = text(
            "SELECT count(*) FROM notice a JOIN notice b ON b.id = a.id + 1 AND b.received_at < a.received_at"
        )
        assert connection.execute(received).scalar_one() > 0, "the clock was never set back"
    server.stop()
    say(f"the door was shut for {tellers.shut():.1f} s")
    assert tellers.refused == {}
    assert_kept_and_counted_once(books, tellers.acknowledged)


@pytest.fixture
def client(books: Store) -> Iterator[TestClient]:
    with TestClient(House(books), raise_server_exceptions=False) as opened:
        yield opened


def test_the_same_notice_from_fifty_connections_at_once_counts_once(books: Store, street: Street, say: Say) -> None:
    body = raw(told(7, 20_000))
    moments: list[float] = []
    together = threading.Barrier(50, lambda: moments.append(time.monotonic()))

    def tell(port: int) -> int:
        line = HTTPConnection("127.0.0.1", port, timeout=20)
        line.connect()
        together.wait()
        line.request("POST", "/webhooks/sepay", body, signed(body))
        status = line.getresponse().status
        moments.append(time.monotonic())
        line.close()
        return status

    with serving(House(books)) as port, ThreadPoolExecutor(50) as pool:
        answers = [each.result() for each in [pool.submit(tell, port) for _ in range(50)]]
    say(f"the door was shut for {gap(moments):.1f} s")
    assert answers == [200] * 50
    assert_kept_and_counted_once(books, {"7"})
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM notice")).scalar_one() == 1


def forged() -> list[tuple[str, bytes, dict[str, str]]]:
    """Of every rail and proof a request that looks right and is not."""
    casso, payos = rails.body(rails.casso_v2(1)), rails.body(rails.payos_signed(rails.payos(1), "wrong"))
    event = cards.encoded({"object": "event", "type": "charge.refunded"})
    return [
        ("sepay", raw(told(1)), signed(raw(told(1)), "wrong")),
        ("sepay", raw(told(1)), {"Authorization": "Apikey wrong"}),
        ("casso", casso, rails.casso_signed(rails.casso_v2(1), "wrong")),
        ("casso", casso, {"secure-token": "wrong"}),
        ("payos", payos, {}),
        ("stripe", event, {"Stripe-Signature": cards.signature(event, "wrong")}),
    ]


def test_a_storm_of_forged_signatures_costs_the_database_nothing(books: Store, session: Session) -> None:
    """On all four rails: no connection is opened, and nothing reaches the inbox, which rests and would never answer."""
    session.close()
    settings = cards.keyed(books.settings).model_copy(update=rails.SECRETS)
    client = TestClient(House(books._replace(settings=settings)))  # not entered: inbox and poster stay at rest
    with books.engine.connect() as connection:
        sessions = text("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        others = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        before = [connection.execute(each).scalar_one() for each in (sessions, others)]
        for _ in range(50):
            for rail, content, headers in forged():
                assert client.post(f"/webhooks/{rail}", content=content, headers=headers).status_code == 401
        assert [connection.execute(each).scalar_one() for each in (sessions, others)] == before
        assert connection.execute(text("SELECT count(*) FROM notice")).scalar_one() == 0


def test_whoever_is_genuine_is_served_amid_a_storm_of_forged_signatures(books: Store, street: Street, say: Say) -> None:
    settings = cards.keyed(books.settings).model_copy(update=rails.SECRETS)
    with serving(House(books._replace(settings=settings))) as port:
        address = f"http://127.0.0.1:{port}"
        calm = threading.Event()

        def storm() -> set[int]:
            seen: set[int] = set()
            with httpx.Client(trust_env=False, verify=False, timeout=20) as line:
                while not calm.is_set():
                    for rail, content, headers in forged():
                        seen.add(line.post(f"{address}/webhooks/{rail}", content=content, headers=headers).status_code)
            return seen

        with ThreadPoolExecutor(4) as pool:
            storms = [pool.submit(storm) for _ in range(4)]
            tellers = Tellers(address, 2)
            try:
                tellers.wait_for(40)
            finally:
                tellers.stop()
                calm.set()
        assert [each.result() for each in storms] == [{401}] * 4
    say(f"the door was shut for {tellers.shut():.1f} s")
    assert tellers.refused == {}
    assert_kept_and_counted_once(books, tellers.acknowledged)


def test_slow_clients_keep_nobody_else_waiting(
    books: Store, street: Street, monkeypatch: pytest.MonkeyPatch, say: Say
) -> None:
    """Forty who send a byte now and then: each is sent away in time, the others are answered meanwhile."""
    monkeypatch.setattr(webhooks, "BODY_SECONDS", 2)
    with serving(House(books)) as port, httpx.Client(trust_env=False, timeout=20) as line:
        address = f"http://127.0.0.1:{port}"
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        head = b"POST /webhooks/sepay HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n{"
        for each in slow:
            each.sendall(head)
        waits = []
        begun = time.monotonic()
        while time.monotonic() - begun < 1.5:
            for each in slow:
                each.sendall(b" ")
            body = raw(told(len(waits) + 1))
            asked = time.monotonic()
            answer = line.post(f"{address}/webhooks/sepay", content=body, headers=signed(body))
            waits.append(time.monotonic() - asked)
            assert answer.status_code == 200
            time.sleep(0.1)
        for each in slow:
            each.settimeout(20)
            assert each.recv(4096).startswith(b"HTTP/1.1 408")
            each.close()
    say(f"the door was shut for {max(waits):.1f} s")
    assert len(waits) > 3
    assert max(waits) < 1.5
    assert_kept_and_counted_once(books, {str(number + 1) for number in range(len(waits))})


def test_a_request_whose_headers_come_a_byte_at_a_time_is_cut_off(
    books: Store, street: Street, monkeypatch: pytest.MonkeyPatch, say: Say
) -> None:
    """The first request of a connection and a later one; who says nothing at all too; and others are answered."""
    monkeypatch.setattr(connection, "HEADERS_SECONDS", 0.6)
    with serving(House(books)) as port, httpx.Client(trust_env=False, verify=False, timeout=20) as line:
        slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(20)]
        later, silent = slow[:10], slow[10:12]
        for each in later:
            each.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert each.recv(4096).startswith(b"HTTP/1.1 200")
        moments = [time.monotonic()]
        left = list(slow)
        letters = iter(b"POST /webhooks/sepay HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 10_000)
        while left and time.monotonic() - moments[0] < 10:
            letter = bytes([next(letters)])
            left = [each for each in left if is_open(each, b"" if each in silent else letter)]
            body = raw(told(len(moments)))
            assert line.post(f"http://127.0.0.1:{port}/webhooks/sepay", content=body, headers=signed(body)).is_success
            moments.append(time.monotonic())
        for each in slow:
            each.close()
    assert not left, "they hold their connections"
    say(f"the door was shut for {gap(moments):.1f} s")
    assert_kept_and_counted_once(books, {str(number) for number in range(1, len(moments))})


def is_open(line: socket.socket, letter: bytes) -> bool:
    """Whether the other side still listens; a letter is sent to it."""
    line.setblocking(False)
    try:
        line.send(letter)
        return line.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


BAD: dict[str, bytes] = {
    "nothing": b"",
    "not JSON": b"{",
    "not UTF-8": b'{"id": "\xff\xfe"}',
    "UTF-16": '{"id": 1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "deeply nested arrays": b"[" * 60_000,
    "deeply nested objects": b'{"data":' * 8_000,
    "nested and closed": b'{"data":' * 5_000 + b"1" + b"}" * 5_000,
    "keys twice": b'{"data":{"id":1,"id":2},"data":{}}',
    "NaN": b'{"id": NaN, "data": {"id": NaN}}',
    "Infinity": b'{"id": -Infinity}',
    "1e999": b'{"id": 1e999, "data": {"amount": 1e999}}',
    "60,000 digits": b'{"id": ' + b"9" * 60_000 + b"}",
    "10^6 digits": b'{"id": ' + b"9" * 10**6 + b"}",
    "a zero byte": b'{"id": 1, "content": "\x00"}',
    "an escaped zero byte": b'{"id": 1, "content": "\\u0000", "data": {"id": 1, "description": "\\u0000"}}',
    "half a surrogate pair": b'{"id": 1, "content": "\\ud800", "data": {"id": 1, "description": "\\udfff"}}',
    "a number": b"5",
    "null": b"null",
    "objects where texts belong": b'{"id": {}, "data": [{"id": {}, "amount": []}], "type": [], "signature": {}}',
}


def test_no_bad_body_is_our_fault(books: Store, street: Street, say: Say) -> None:
    """Every rail, every body, with every proof that can be made for it: refused by a 4xx, and nothing is kept.

    After each of them a genuine notice is taken.
    """
    moments = [time.monotonic()]
    settings = cards.keyed(books.settings).model_copy(update=rails.SECRETS)
    with TestClient(House(books._replace(settings=settings)), raise_server_exceptions=False) as client:
        for number, (what, content) in enumerate(BAD.items(), 1):
            proofs: list[tuple[str, dict[str, str]]] = [
                ("sepay", {"Authorization": f"Apikey {API_KEY}"}),
                ("sepay", signed(content)),
                ("casso", {"secure-token": rails.CASSO_TOKEN}),
                ("casso", {"X-Casso-Signature": rails.casso_header(content.decode("latin-1"))}),
                ("payos", {}),
                ("stripe", {"Stripe-Signature": cards.signature(content, cards.SECRET)}),
            ]
            for rail, headers in proofs:
                answer = client.post(f"/webhooks/{rail}", content=content, headers=headers)
                assert answer.status_code in (400, 401, 413), (what, rail, answer.status_code)
                assert json.loads(answer.content)["status"] == answer.status_code
            body = raw(told(number))
            status = client.post("/webhooks/sepay", content=body, headers=signed(body)).status_code
            moments.append(time.monotonic())
            assert status == 200, what
    say(f"the door was shut for {gap(moments):.1f} s")
    assert_kept_and_counted_once(books, {str(number) for number in range(1, len(BAD) + 1)})
