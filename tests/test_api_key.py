"""API keys: shown once, known by a hash, heard within their area, counted, and dead when they are revoked."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from ground import audit, clock
from ground.store import Store
from portal import api_key
from portal import app as portal
from tests.cast import Cast
from tests.shell import run
from tests.world import Street

RATES = "/api/v1/rates?period=2026-10&area="


def make(cast: Cast, area: str = "province:79", name: str = "IOC") -> str:
    with cast.books.session() as session:
        _, key = api_key.make(session, cast.books.vault, name, area, by="test", at=clock.now())
        session.commit()
    return key


def ask(cast: Cast, key: str, path: str) -> Any:
    return cast.stranger().get(path, headers={"Authorization": f"Bearer {key}"})


def audience(cast: Cast, key: str, area: str) -> str:
    return str(ask(cast, key, RATES + area).json()["audience"])


def test_a_provinces_key_is_heard_within_the_province_and_public_elsewhere(cast: Cast) -> None:
    key = make(cast)
    assert [audience(cast, key, area) for area in ("province:79", "ward:26506", "market:cho-a")] == ["ward"] * 3
    assert [audience(cast, key, area) for area in ("province:01", "ward:00004", "market:cho-b")] == ["public"] * 3


def test_a_wards_and_a_boards_key_reach_as_far_as_their_offices(cast: Cast) -> None:
    ward, board = make(cast, "ward:26506", "Phường"), make(cast, "market:cho-a", "Ban quản lý")
    areas = ("province:79", "ward:26506", "market:cho-a")
    assert [audience(cast, ward, area) for area in areas] == ["public", "ward", "ward"]
    assert [audience(cast, board, area) for area in areas] == ["public", "public", "board"]


@pytest.mark.parametrize(
    "told", ["Bearer m40_wrong", "Bearer ", "Bearer", "Basic x", "", "bearer\tx", "Bearer m40_wrông"]
)
def test_a_wrong_key_is_refused_with_a_problem_document(cast: Cast, told: str) -> None:
    make(cast)
    answer = cast.stranger().client.get(RATES + "market:cho-a", headers={"Authorization": told.encode()})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "api_key.wrong"


def test_a_key_opens_no_page(cast: Cast) -> None:
    key = make(cast)
    for path in ("/ward/26506", "/province/79", "/board/cho-a"):
        assert ask(cast, key, path).status_code == 404


def test_a_revoked_key_opens_nothing_and_its_name_is_free_again(cast: Cast) -> None:
    key = make(cast)
    with cast.books.session() as session:
        api_key.revoke(session, "ioc", by="test", at=clock.now())
        session.commit()
    assert ask(cast, key, RATES + "market:cho-a").status_code == 401
    assert audience(cast, make(cast), "market:cho-a") == "ward"


def test_a_key_is_kept_as_a_hash_and_its_use_is_dated(cast: Cast) -> None:
    key = make(cast)
    with cast.books.session() as session:
        row = session.execute(text("SELECT * FROM api_key")).mappings().one()
        assert row["used_at"] is None and key.encode() not in bytes(str(dict(row)), "utf-8") + row["key_hash"]
    ask(cast, key, RATES + "market:cho-a")
    with cast.books.session() as session:
        (found,) = api_key.every(session)
        assert found.used_at is not None and clock.now() - found.used_at < timedelta(minutes=1)


def test_too_many_requests_a_minute_wait_and_then_go_on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_key, "PER_MINUTE", 3)
    key, other = make(cast), make(cast, name="other")
    answers = [ask(cast, key, RATES + "market:cho-a") for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["code"] == "api_key.too_often" and 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert ask(cast, other, RATES + "market:cho-a").status_code == 200
    later = clock.now() + timedelta(seconds=61)
    assert api_key.open_with(cast.books, key, later).area == "province:79"


def test_keys_are_made_listed_and_revoked_at_the_command_line(books: Store, street: Street) -> None:
    made = run(books.settings, "apikey", "new", "--area", "province:79", "--name", "IOC TP.HCM")
    key = made.out.strip()
    assert made.code == 0 and key.startswith("m40_") and "shown this once" in made.err
    again = run(books.settings, "apikey", "new", "--area", "province:79", "--name", "ioc tp.hcm")
    assert again.code == 1 and "already" in again.err
    client = TestClient(portal.create(books, lambda: True))
    assert client.get(RATES + "market:cho-a", headers={"Authorization": f"Bearer {key}"}).json()["audience"] == "ward"
    listed = run(books.settings, "apikey", "list", "--format", "json")
    (row,) = listed.document
    assert (row["name"], row["area"], row["revoked_at"]) == ("IOC TP.HCM", "province:79", None) and row["used_at"]
    assert key not in listed.out
    assert run(books.settings, "apikey", "revoke", "IOC TP.HCM").code == 0
    assert run(books.settings, "apikey", "revoke", "IOC TP.HCM").code == 1
    for area in ("province:00", "country", "ward:26512"):
        assert run(books.settings, "apikey", "new", "--area", area, "--name", "x").code == 1
    with books.session() as session:
        assert [each.what for each in audit.latest(session, 10)] == ["api_key.revoke", "api_key.new"]
        assert key not in str([each.after for each in audit.latest(session, 10)])


# --- other origins

ORIGIN = "https://ioc.example.vn"


def test_pages_of_other_origins_may_read_nothing_unless_a_setting_names_them(books: Store, street: Street) -> None:
    path = RATES + "market:cho-a"
    closed = TestClient(portal.create(books, lambda: True)).get(path, headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in closed.headers
    books.settings.cors_origins = f"{ORIGIN}/, https://other.example"
    try:
        client = TestClient(portal.create(books, lambda: True))
    finally:
        books.settings.cors_origins = ""
    opened = client.get(path, headers={"Origin": ORIGIN})
    assert opened.headers["access-control-allow-origin"] == ORIGIN and "Origin" in opened.headers["vary"]
    assert "access-control-allow-credentials" not in opened.headers
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    assert client.options(path, headers=asked).status_code == 200
    assert client.options(path, headers=asked | {"Access-Control-Request-Method": "POST"}).status_code == 400
    strange = client.get(path, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in strange.headers
    assert "access-control-allow-origin" not in client.get("/healthz", headers={"Origin": ORIGIN}).headers
