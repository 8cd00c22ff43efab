"""Card payments on the stage: a made-up card company over real HTTP, and the app with its keys."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from ground.settings import Settings
from ground.store import Store
from main import House
from payments.demo.card_company import CardCompany, Thing
from payments.demo.card_messenger import signature
from payments.demo.card_office import Office, serving

KEY = "sk_test_of_the_tests"
SECRET = "whsec_of_the_tests"
DOOR = "/webhooks/stripe"


class Clock:
    """Seconds since 1970, moved on by the test. Begins on 2026-10-05 at 08:30 in Việt Nam."""

    def __init__(self) -> None:
        self.seconds = 1_791_163_800

    def __call__(self) -> int:
        self.seconds += 1
        return self.seconds

    def sleep(self, days: float) -> None:
        self.seconds += int(days * 86_400)


class Cards(NamedTuple):
    """A company, its clock, and the events it has told so far."""

    company: CardCompany
    clock: Clock
    events: list[Thing]

    def sale(self, serial: str, amount: int = 50_000, **metadata: str) -> Thing:
        """A checkout of this code, paid."""
        session = self.company.open_session(asked(serial, amount, **metadata))
        return self.company.pay(session["id"])

    def charge(self, session: Thing) -> Thing:
        charges = self.company.charges.values()
        return next(each for each in charges if each["payment_intent"] == session["payment_intent"])


def asked(serial: str, amount: int = 50_000, **metadata: str) -> Thing:
    price = {"currency": "vnd", "unit_amount": str(amount), "product_data": {"name": "Sạp A1"}}
    return {
        "mode": "payment",
        "line_items": {"0": {"quantity": "1", "price_data": price}},
        "metadata": {"serial": serial, **metadata},
        "success_url": "http://shop.example/paid?s={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://shop.example/left",
    }


@pytest.fixture
def cards() -> Cards:
    events: list[Thing] = []
    clock = Clock()

    def remember(event: Thing) -> None:
        events.append({**event, "data": {"object": {**event["data"]["object"]}}})

    return Cards(CardCompany("http://cards.example", remember, clock), clock, events)


@contextmanager
def office(cards: Cards) -> Iterator[str]:
    """The company's API over HTTP; its address."""
    with serving(Office(cards.company, KEY).app) as port:
        cards.company.address = f"http://127.0.0.1:{port}"
        yield cards.company.address


def keyed(settings: Settings, api_base: str | None = None) -> Settings:
    """Card payments on."""
    keys = {"stripe_secret_key": SecretStr(KEY), "stripe_webhook_secret": SecretStr(SECRET)}
    return settings.model_copy(update={**keys, "stripe_api_base": api_base})


@contextmanager
def door(books: Store, api_base: str | None = None) -> Iterator[TestClient]:
    """The whole app with card payments on."""
    opened = books._replace(settings=keyed(books.settings, api_base))
    with TestClient(House(opened), raise_server_exceptions=False) as client:
        yield client


def send(client: TestClient, event: Any, secret: str = SECRET, stamp: int | None = None) -> Any:
    body = event if isinstance(event, bytes) else encoded(event)
    return client.post(DOOR, content=body, headers={"Stripe-Signature": signature(body, secret, stamp)})


def encoded(event: Any) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def disordered(events: list[Thing], random: Random) -> list[Thing]:
    """In another order, and some of them twice."""
    sent = events + random.sample(events, random.randint(0, len(events)))
    random.shuffle(sent)
    return sent
