"""Stripe's door: signatures, what an event says in our words, and what is no money of ours."""

import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text
from starlette.testclient import TestClient

from ground import clock
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from main import House
from payments import finding, replay
from payments.demo.card_messenger import signature
from payments.providers import stripe as provider
from tests.cards import DOOR, SECRET, Cards, asked, cards, door, encoded, keyed, send
from tests.rails import kept
from tests.test_webhooks import wait_for
from tests.world import Street

__all__ = ["cards"]  # a fixture


@pytest.fixture
def client(books: Store) -> Iterator[TestClient]:
    with door(books) as opened:
        yield opened


@cache
def with_secret(secret: str) -> Settings:
    return Settings(stripe_webhook_secret=SecretStr(secret))


def is_authentic(content: bytes, header: str, secret: str = SECRET) -> bool:
    try:
        provider.verify({"stripe-signature": header}, content, with_secret(secret), clock.now())
    except Refusal as refusal:
        assert refusal.status in (400, 401)
        return False
    return True


def paid(cards: Cards, serial: str = "C1234567", amount: int = 50_000) -> dict[str, Any]:
    """The event of a paid checkout."""
    cards.sale(serial, amount)
    return next(event for event in cards.events if event["type"] == "checkout.session.completed")


def test_what_the_library_signs_is_authentic(cards: Cards) -> None:
    body = encoded(paid(cards))
    for stamp in (None, int(time.time()) - 290):
        header = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, stamp)
        assert is_authentic(body, header)
        assert stamp is None or header == signature(body, SECRET, stamp)


def test_one_byte_changed_anywhere_is_not_authentic(cards: Cards) -> None:
    body = encoded(paid(cards))
    header = signature(body, SECRET)
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert not is_authentic(changed, header)
    for place in range(len(header)):
        changed_header = header[:place] + "x" + header[place + 1 :]
        assert not is_authentic(body, changed_header), changed_header


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=60), header=st.text(max_size=60), secret=st.sampled_from([SECRET, "other"]))
def test_rubbish_is_refused_and_never_our_fault(body: bytes, header: str, secret: str) -> None:
    assert not is_authentic(body, header)
    is_authentic(body, signature(body, secret))


@pytest.mark.parametrize("seconds", [-301, -86_400])
def test_an_old_signature_is_not_authentic(client: TestClient, cards: Cards, books: Store, seconds: int) -> None:
    assert send(client, paid(cards), stamp=int(time.time()) + seconds).status_code == 401
    assert kept(books) == []


def test_both_values_of_a_secret_open_and_an_empty_one_does_not(books: Store, cards: Cards) -> None:
    event = paid(cards)
    rotating = books.settings.model_copy(update={"stripe_webhook_secret": SecretStr("whsec_new, whsec_old")})
    for secret, status in (("whsec_new", 200), ("whsec_old", 200), (SECRET, 401)):
        assert post(books, rotating, event, secret) == status
    for empty in ("", " , "):
        off = books.settings.model_copy(update={"stripe_webhook_secret": SecretStr(empty)})
        assert post(books, off, event, "") == 404


def post(books: Store, chosen: Settings, event: dict[str, Any], secret: str) -> int:
    with TestClient(House(books._replace(settings=chosen))) as client:
        return int(send(client, event, secret).status_code)


def test_without_any_key_the_rail_is_off(books: Store, cards: Cards) -> None:
    assert post(books, books.settings, paid(cards), SECRET) == 404


def test_a_paid_checkout_is_a_sale_at_the_stall_of_its_code(
    client: TestClient, books: Store, street: Street, cards: Cards
) -> None:
    serial = street.codes["A2"]["serial"]
    event = paid(cards, serial, 75_000)
    for _ in range(2):
        answer = send(client, event)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
    (row,) = kept(books)
    session = event["data"]["object"]
    assert (row.provider, row.external_id, row.reference) == ("stripe", session["id"], session["payment_intent"])
    assert (row.account, row.virtual_account, row.amount, row.direction) == ("stripe", serial, 75_000, "in")
    assert (row.bin, row.payer_hash, row.memo) == (None, None, None)
    assert str(row.business_date) == "2026-10-05"
    wait_for(books, "SELECT sum(sales_value) FROM stall_day", 75_000)
    with books.engine.connect() as connection:
        (entry,) = connection.execute(text("SELECT * FROM entry")).all()
        stall = connection.execute(text("SELECT id FROM stall WHERE number = 'A2'")).scalar_one()
    assert (entry.kind, entry.debit, entry.credit) == ("sale", "world:stripe", f"stall:{stall}")
    assert replay.replay(books, everything=True)[:3] == (1, 0, 0)


def test_the_payers_name_is_nowhere_in_clear(client: TestClient, books: Store, street: Street, cards: Cards) -> None:
    send(client, paid(cards, street.codes["A1"]["serial"]))
    with books.engine.connect() as connection:
        clear = connection.execute(text("SELECT n::text FROM notice n")).scalar_one()
        raw = connection.execute(text("SELECT raw FROM notice")).scalar_one()
    assert "payer@example.com" not in clear
    assert "payer@example.com" in books.vault.unseal(raw).decode()


def test_a_code_that_we_never_gave_leaves_its_money_in_suspense(
    client: TestClient, books: Store, street: Street, cards: Cards
) -> None:
    send(client, paid(cards, "C0000000"))
    wait_for(books, "SELECT count(*) FROM entry WHERE credit = 'suspense:stripe'", 1)
    with books.session() as session:
        (found,) = finding.every(session)
    assert (found["kind"], found["provider"], found["stall"]) == ("unattributed", "stripe", None)


def test_a_delayed_payment_counts_when_it_succeeds(
    client: TestClient, books: Store, street: Street, cards: Cards
) -> None:
    serial = street.codes["A1"]["serial"]
    good, bad = (cards.company.open_session(asked(serial))["id"] for _ in range(2))
    for id in (good, bad):
        cards.company.pay(id, delayed=True)
    for event in cards.events:
        assert send(client, event).status_code == 200
    assert kept(books) == []
    cards.clock.sleep(1)
    cards.company.decide(good, good=True)
    cards.company.decide(bad, good=False)
    for event in cards.events:
        assert send(client, event).status_code == 200
    assert [(row.external_id, str(row.business_date)) for row in kept(books)] == [(good, "2026-10-06")]


def without(event: dict[str, Any], *path: str) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(event))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copy


def with_value(event: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(event))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return copy


def test_what_is_none_of_our_business_is_answered_and_not_kept(client: TestClient, books: Store, cards: Cards) -> None:
    event = paid(cards)
    of_session = ("data", "object")
    for other in (
        event | {"type": "customer.created"},
        without(event, *of_session, "metadata"),
        with_value(event, {}, *of_session, "metadata"),
        with_value(event, "unpaid", *of_session, "payment_status"),
        with_value(event, "no_payment_required", *of_session, "payment_status"),
        event | {"type": "checkout.session.async_payment_failed"},
        event | {"type": "checkout.session.expired"},
    ):
        assert send(client, other).status_code == 200
    assert kept(books) == []


def test_a_field_that_is_missing_or_of_the_wrong_type_is_refused(
    client: TestClient, books: Store, cards: Cards
) -> None:
    event = paid(cards)
    of_session = ("data", "object")
    wrong = {
        "not JSON": b"{",
        "a list": b"[]",
        "not UTF-8": b'{"type": "\xff"}',
        "NaN": encoded(event).replace(b"50000", b"NaN"),
        "60,000 digits": encoded(event).replace(b"50000", b"9" * 60_000),
        "deeply nested": b'{"object":"event","type":' + b"[" * 900 + b"]" * 900 + b"}",
        "no type": without(event, "type"),
        "no data": without(event, "data"),
        "no moment": without(event, "created"),
        "a moment beyond time": with_value(event, 10**17, "created"),
        "no id": without(event, *of_session, "id"),
        "no amount": without(event, *of_session, "amount_total"),
        "no đồng": with_value(event, 0, *of_session, "amount_total"),
        "half a đồng": with_value(event, 0.5, *of_session, "amount_total"),
        "an amount as text": with_value(event, "50000", *of_session, "amount_total"),
        "another currency": with_value(event, "usd", *of_session, "currency"),
        "an empty serial": with_value(event, {"serial": ""}, *of_session, "metadata"),
        "a serial that is a number": with_value(event, {"serial": 7}, *of_session, "metadata"),
        "a payment that is a number": with_value(event, 5, *of_session, "payment_intent"),
        "a refund without a sum": {"type": "charge.refunded", "created": 1, "id": "evt_1", "data": {"object": {}}},
        "a dispute without a status": {"type": "charge.dispute.closed", "created": 1, "data": {"object": {}}},
        "a payout without an amount": {"type": "payout.paid", "created": 1, "data": {"object": {"id": "po_1"}}},
    }
    for what, content in wrong.items():
        answer = send(client, content)
        assert (answer.status_code, answer.json()["code"]) == (400, "webhook.unreadable"), what
    assert kept(books) == []


def test_an_unsigned_event_is_not_authentic(client: TestClient, books: Store, cards: Cards) -> None:
    body = encoded(paid(cards))
    for header in (None, "", "t=1", f"v1={'0' * 64}", f"t={int(time.time())},v0={'0' * 64}", "x" * 5000):
        headers = {} if header is None else {"Stripe-Signature": header}
        assert client.post(DOOR, content=body, headers=headers).status_code == 401
    assert kept(books) == []


def test_settings_show_no_key(books: Store) -> None:
    shown = keyed(books.settings).masked()
    assert shown["MARKET_STRIPE_SECRET_KEY"] == shown["MARKET_STRIPE_WEBHOOK_SECRET"] == "••••••"
