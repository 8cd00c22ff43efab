"""The provider's door: what is kept, what is refused, and that both are said rightly."""

import json
import time
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground.store import Store
from main import House
from payments import finding, verify
from tests.world import API_KEY, Street, keep, post, raw, signed, told

SEPAY = "/webhooks/sepay"


def send(client: TestClient, payment: dict[str, Any] | bytes, headers: dict[str, str] | None = None) -> Any:
    body = payment if isinstance(payment, bytes) else raw(payment)
    return client.post(SEPAY, content=body, headers=signed(body) if headers is None else headers)


def kept(books: Store) -> int:
    with books.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM notice")).scalar_one())


def wait_for(books: Store, query: str, wanted: Any) -> None:
    """Posting follows keeping within a second; ten are given to a slow machine."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with books.engine.connect() as connection:
            found = connection.execute(text(query)).scalar_one()
        if found == wanted:
            return
        time.sleep(0.02)
    assert found == wanted


def test_a_signed_notice_is_kept_and_posted(client: TestClient, books: Store, street: Street) -> None:
    answer = send(client, told(1, 50_000, memo=f"mua rau {street.token('A1')}"))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert kept(books) == 1
    wait_for(books, "SELECT coalesce(sum(sales_value), 0) FROM stall_day", 50_000)


def test_the_api_key_opens_the_door_too(client: TestClient, books: Store) -> None:
    assert send(client, told(1), {"Authorization": f"Apikey {API_KEY}"}).status_code == 200
    assert kept(books) == 1


def test_every_proof_carried_must_be_right(client: TestClient, books: Store) -> None:
    body = raw(told(1))
    both = {**signed(body), "Authorization": "Apikey wrong"}
    assert send(client, body, both).status_code == 401
    assert send(client, body, {**signed(body, "wrong"), "Authorization": f"Apikey {API_KEY}"}).status_code == 401
    assert kept(books) == 0
    assert send(client, body, {**signed(body), "Authorization": f"Apikey {API_KEY}"}).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Apikey "}, {"Authorization": "Bearer x"}])
def test_an_unsigned_notice_is_not_authentic(client: TestClient, books: Store, headers: dict[str, str]) -> None:
    answer = send(client, told(1), headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert kept(books) == 0


@pytest.mark.parametrize("seconds", [-301, 301, -86_400, 10**9])
def test_a_clock_more_than_five_minutes_off_is_refused(client: TestClient, books: Store, seconds: int) -> None:
    body = raw(told(1))
    assert send(client, body, signed(body, at=time.time() + seconds)).status_code == 401
    assert kept(books) == 0


def test_a_clock_less_than_five_minutes_off_is_taken(client: TestClient) -> None:
    body = raw(told(1))
    assert send(client, body, signed(body, at=time.time() - 290)).status_code == 200


def test_one_byte_changed_breaks_the_signature(client: TestClient, books: Store) -> None:
    body = raw(told(1, 20_000))
    headers = signed(body)
    for place in range(0, len(body), 7):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert send(client, changed, headers).status_code == 401
    assert kept(books) == 0


def test_the_published_worked_value_is_signed_right() -> None:
    body = (
        b'{"id":92704,"gateway":"Vietcombank","transactionDate":"2023-03-25 14:02:37","accountNumber":"0123499999",'
        b'"code":null,"content":"chuyen tien mua iphone","transferType":"in","transferAmount":2277000,'
        b'"accumulated":19077000,"subAccount":null,"referenceCode":"MBVCB.3278907687","description":""}'
    )
    assert signed(body, "test-secret", 1700000000)["X-SePay-Signature"] == (
        "sha256=53f274d9ee63c663d42a03122c9d96c9a38babba851a1f5d2737580b365c5be4"
    )


UNREADABLE = {
    "not JSON": b"{",
    "not an object": b"[]",
    "not UTF-8": b'{"id": "\xff"}',
    "NaN": raw(told(1)).replace(b"20000", b"NaN"),
    "deeply nested": b"[" * 20_000,
    "no id": raw({name: value for name, value in told(1).items() if name != "id"}),
    "a text for an id": raw(told(1) | {"id": "1"}),
    "true for an id": raw(told(1) | {"id": True}),
    "no amount": raw({name: value for name, value in told(1).items() if name != "transferAmount"}),
    "a negative amount": raw(told(1, -20_000)),
    "no đồng": raw(told(1, 0)),
    "half a đồng": raw(told(1) | {"transferAmount": 20_000.5}),
    "an amount as text": raw(told(1) | {"transferAmount": "20000"}),
    "an infinite amount": raw(told(1)).replace(b"20000", b"1e999"),
    "no account": raw(told(1, account="")),
    "an account as a number": raw(told(1) | {"accountNumber": 1000001}),
    "another direction": raw(told(1) | {"transferType": "sideways"}),
    "no date": raw(told(1, at="")),
    "no such date": raw(told(1, at="2026-02-30 08:00:00")),
    "the year 1": raw(told(1, at="0001-01-01 00:00:00")),
    "a memo that is a list": raw(told(1) | {"content": []}),
    "digits of another script": raw(told(1, at="２０２６-10-05 08:00:00")),
    "an id whose last digits are lost": raw(told(10**23)),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_refused_and_not_kept(client: TestClient, books: Store, what: str) -> None:
    answer = send(client, UNREADABLE[what])
    assert answer.status_code == 400
    assert answer.json()["code"] == "webhook.unreadable"
    assert kept(books) == 0


def test_more_than_64_kib_is_refused(client: TestClient, books: Store) -> None:
    assert send(client, raw(told(1, memo="x" * 70_000))).status_code == 413
    assert kept(books) == 0


def test_a_rail_without_a_secret_is_off(client: TestClient) -> None:
    assert client.post("/webhooks/casso", content=b"{}").status_code == 404
    assert client.post("/webhooks/nobody", content=b"{}").status_code == 404
    assert client.get(SEPAY).status_code == 405


STRANGE = {
    "in 1970": told(1, at="1970-01-01 00:00:00"),
    "in 1870": told(1, at="1870-01-01 00:00:00"),
    "next week": told(1, at="2099-01-01 00:00:00"),
    "over 10^12 đồng": told(1, 10**12 + 1),
    "beyond what a computer counts": told(1, 10**30),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_cannot_be_believed_is_kept_but_not_posted(
    client: TestClient, books: Store, street: Street, what: str
) -> None:
    assert send(client, STRANGE[what]).status_code == 200
    wait_for(books, "SELECT count(*) FROM finding WHERE kind = 'implausible' AND status = 'open'", 1)
    wait_for(books, "SELECT count(*) FROM entry", 0)
    assert kept(books) == 1


def test_told_again_it_is_known(client: TestClient, books: Store, street: Street) -> None:
    for _ in range(3):
        assert send(client, told(7, memo="x")).status_code == 200
    assert kept(books) == 1
    wait_for(books, "SELECT coalesce(sum(sales_count), 0) FROM stall_day", 1)


def test_a_known_id_with_another_amount_stands_beside_the_first(
    client: TestClient, books: Store, street: Street
) -> None:
    for amount in (20_000, 30_000, 30_000, 20_000):
        assert send(client, told(7, amount)).status_code == 200
    assert kept(books) == 2
    wait_for(books, "SELECT count(*) FROM finding WHERE kind = 'repeated'", 1)
    wait_for(books, "SELECT sum(sales_value) FROM stall_day", 20_000)


def test_money_going_out_is_kept_without_a_word_of_whom_it_went_to(
    client: TestClient, books: Store, street: Street
) -> None:
    assert send(client, told(1, memo="tra no anh Hai") | {"transferType": "out"}).status_code == 200
    wait_for(books, "SELECT count(*) FROM notice WHERE handled_at IS NOT NULL", 1)
    with books.engine.connect() as connection:
        row = connection.execute(text("SELECT memo, raw, memo_hash, amount FROM notice")).one()
        assert tuple(row) == (None, None, None, 20_000)
        assert connection.execute(text("SELECT count(*) FROM entry")).scalar_one() == 0


def test_the_memo_and_the_raw_notice_are_not_in_clear(client: TestClient, books: Store, street: Street) -> None:
    secret = "Nguyen Van Payer 0999888777"
    payment = told(1, memo=f"{secret} {street.token('A1')}")
    assert send(client, payment).status_code == 200
    with books.engine.connect() as connection:
        row = connection.execute(text("SELECT n::text AS clear, memo, raw FROM notice n")).one()
    for piece in secret.split():
        assert piece not in row.clear
        assert piece.encode().hex() not in row.clear
    assert books.vault.unseal(row.memo).decode() == payment["content"]
    assert json.loads(books.vault.unseal(row.raw)) == payment


def test_a_time_without_a_zone_is_the_markets(client: TestClient, books: Store) -> None:
    send(client, told(1, at="2026-10-06 00:30:00"))
    with books.engine.connect() as connection:
        row = connection.execute(text("SELECT occurred_at, business_date FROM notice")).one()
    assert (row.occurred_at.isoformat(), row.business_date.isoformat()) == (
        "2026-10-05T17:30:00+00:00",
        "2026-10-06",
    )


@pytest.mark.parametrize("first", ["in", "out"])
@pytest.mark.parametrize("second", [("in", 30_000), ("out", 30_000), ("in", 20_000), ("out", 20_000)])
def test_told_again_with_another_amount_or_direction_it_is_looked_into(
    books: Store, street: Street, first: str, second: tuple[str, int]
) -> None:
    direction, amount = second
    keep(books, [told(7) | {"transferType": first}])
    keep(books, [told(7, amount) | {"transferType": direction}])
    post(books)
    same = (direction, amount) == (first, 20_000)
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM finding WHERE kind = 'repeated'")).scalar_one() != same
    assert verify.verify(books).ok


def test_a_proof_told_twice_is_no_proof(client: TestClient, books: Store) -> None:
    body = raw(told(1))
    for values in (("wrong", API_KEY), (API_KEY, "wrong")):
        headers = [("Authorization", f"Apikey {value}") for value in values]
        assert client.post(SEPAY, content=body, headers=headers).status_code == 401
    assert kept(books) == 0


def test_a_finding_names_its_market_where_the_account_tells_it(books: Store, street: Street) -> None:
    keep(books, [told(1, 10**13), told(2), told(2, 5)])
    post(books)
    with books.session() as session:
        assert {(row["kind"], row["market"]) for row in finding.every(session)} == {
            ("implausible", "cho-a"),
            ("repeated", "cho-a"),
        }


def test_posting_goes_on_after_the_store_could_only_be_read(
    client: TestClient, house: House, books: Store, street: Street, session: Session
) -> None:
    """A standby, a full disk: the poster says that it is not ready, and posts when it can write again."""
    name = books.engine.url.database
    session.close()
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        others = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
        )
        connection.execute(others, {"name": name})
        deadline = time.monotonic() + 10
        while house.is_ready() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert client.get("/readyz").status_code == 503
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
        connection.execute(others, {"name": name})
    assert send(client, told(1)).status_code == 200
    wait_for(books, "SELECT count(*) FROM entry", 1)
    deadline = time.monotonic() + 10  # the poster says so after its commit
    while not house.is_ready() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert house.is_ready()


def test_a_connection_cut_while_it_lay_idle_sends_nobody_away(client: TestClient, books: Store) -> None:
    assert send(client, told(1)).status_code == 200
    with books.engine.connect() as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'market40-inbox'"
        connection.execute(text(cut))
    assert send(client, told(2)).status_code == 200
    assert kept(books) == 2
