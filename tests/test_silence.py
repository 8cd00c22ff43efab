"""What the program writes: its logs, its answers and its error pages say nothing of payers and hold no secret."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from sqlalchemy import text

from ground.settings import Settings
from ground.store import Store
from tests import cards, rails, shell
from tests.server import Server
from tests.silence import KEPT_SILENT, leaks
from tests.test_webhooks import wait_for
from tests.world import API_KEY, Street, raw, signed, told

PAYER = "Nguyen Van Payer 0999888777"
ENVIRONMENT = {
    "MARKET_CASSO_CHECKSUM_KEY": rails.CASSO_KEY,
    "MARKET_CASSO_SECURE_TOKEN": rails.CASSO_TOKEN,
    "MARKET_PAYOS_CHECKSUM_KEY": rails.PAYOS_KEY,
    "MARKET_STRIPE_SECRET_KEY": cards.KEY,
    "MARKET_STRIPE_WEBHOOK_SECRET": cards.SECRET,
    "MARKET_STRIPE_API_BASE": "http://127.0.0.1:9",
}


@pytest.fixture
def server(test_settings: Settings, tmp_path: Path) -> Iterator[Server]:
    """A real server that logs into a file."""
    started = Server(test_settings, log=tmp_path / "server.log", **ENVIRONMENT)
    yield started
    if started.process.poll() is None:
        started.kill()


def ask_everything(address: str, street: Street) -> list[str]:
    """Good and bad, on every rail and page, with a payer's name and number in it; all that is answered."""
    payment = raw(told(1, memo=f"{PAYER} {street.token('A1')}"))
    bad = [payment[:-1], payment.replace(b'"in"', b'"sideways"'), payment + b"\xff", raw(told(2, 0, memo=PAYER))]
    v2 = rails.body(rails.casso_v2(1, description=PAYER))
    event = cards.encoded({"type": "checkout.session.completed", "created": 1, "data": {"object": {"name": PAYER}}})
    sent: list[tuple[str, bytes, dict[str, str]]] = [
        ("sepay", payment, signed(payment)),
        ("sepay", payment, signed(payment, "wrong")),
        ("sepay", payment, {"Authorization": f"Apikey {API_KEY}x"}),
        *[("sepay", each, signed(each)) for each in bad],
        ("casso", v2, rails.casso_signed(rails.casso_v2(1, description=PAYER))),
        ("casso", v2[:-1], {"secure-token": rails.CASSO_TOKEN}),
        ("casso", v2, {"secure-token": rails.CASSO_TOKEN + "x"}),
        ("payos", rails.body(rails.payos_signed(rails.payos(1, description=PAYER))), {}),
        ("payos", rails.body(rails.payos_signed(rails.payos(1, description=PAYER), "wrong")), {}),
        ("payos", rails.body(rails.payos_signed(rails.payos(2, amount=PAYER))), {}),
        ("stripe", event, {"Stripe-Signature": cards.signature(event, cards.SECRET)}),
        ("stripe", event, {"Stripe-Signature": cards.signature(event, "wrong")}),
    ]
    answers: list[str] = []
    with httpx.Client(base_url=address, trust_env=False, timeout=20) as client:
        for rail, content, headers in sent:
            answers.append(client.post(f"/webhooks/{rail}", content=content, headers=headers).text)
        serial = street.codes["A1"]["serial"]
        for path in (f"/q/{serial}", f"/q/{serial}?amount=x", f"/v/{serial}", "/", "/nowhere", "/q/C0000000"):
            answers.append(client.get(path).text)
        for path in ("/api/v1/rates?area=x&period=y", "/api/v1/rates?area=market:x&period=2026-10", "/markets/cho-a"):
            answers.append(client.get(path).text)
        answers.append(client.post(f"/q/{serial}/card", data={"amount": "50000"}).text)
    return answers


def test_a_servers_log_and_answers_say_nothing_of_payers_and_hold_no_secret(
    server: Server, test_settings: Settings, books: Store, street: Street
) -> None:
    answers = ask_everything(server.address, street)
    wait_for(books, "SELECT count(*) > 2 FROM notice", True)
    # A posting that fails again and again, and a store that goes away, are what logs are written for.
    with books.engine.begin() as connection:
        connection.execute(text("ALTER TABLE entry ADD CONSTRAINT a_bug CHECK (amount <> 4000) NOT VALID"))
    body = raw(told(77, 4000, memo=PAYER))
    httpx.post(f"{server.address}/webhooks/sepay", content=body, headers=signed(body), trust_env=False)
    with psycopg.connect(books.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND application_name LIKE 'market40%' AND state = 'idle'"
        )
    answers += ask_everything(server.address, street)
    secret = test_settings.secret_key.get_secret_value() if test_settings.secret_key else ""
    with books.engine.begin() as connection:
        connection.execute(text("ALTER TABLE entry DROP CONSTRAINT a_bug"))
    server.stop()
    said = server.written()
    assert "can't be posted" in said, "nothing went wrong, so nothing was proved"
    assert leaks(said) == [] and secret not in said
    for answer in answers:
        assert leaks(answer) == [] and secret not in answer


def test_the_command_line_masks_every_secret(test_settings: Settings) -> None:
    shown = shell.run(test_settings, "settings", **ENVIRONMENT, MARKET_SEPAY_API_KEY=API_KEY)
    assert shown.code == 0
    assert leaks(shown.out + shown.err) == []
    lines = dict(line.split("=", 1) for line in shown.out.splitlines())
    for name in (*ENVIRONMENT, "MARKET_SECRET_KEY", "MARKET_DATABASE_URL", "MARKET_SEPAY_API_KEY"):
        if name != "MARKET_STRIPE_API_BASE":
            assert lines[name] == "••••••", name
    assert lines["MARKET_SEPAY_HMAC_SECRET"] == ""


def test_every_setting_that_is_a_secret_is_masked() -> None:
    """By its name: a new one can't be forgotten."""
    shown = {name: str(field.annotation) for name, field in Settings.model_fields.items()}
    telling = ("secret", "key", "token", "password", "url")
    plain = [name for name, kind in shown.items() if any(each in name for each in telling) and "SecretStr" not in kind]
    assert plain == ["base_url"]


def test_the_books_hold_the_payer_in_no_clear_column(server: Server, books: Store, street: Street) -> None:
    ask_everything(server.address, street)
    server.stop()
    tables = text(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    with books.engine.connect() as connection:
        for table in connection.execute(tables).scalars().all():
            for row in connection.execute(text(f'SELECT t::text FROM "{table}" t')).scalars():
                assert leaks(row) == [], table
                assert not [piece for piece in KEPT_SILENT if piece.encode().hex() in row], table


def test_leaks_are_found() -> None:
    """The reader of the tests' own output can see."""
    found: list[Any] = leaks(json.dumps({"authorization": f"Apikey {API_KEY}", "memo": "tra Nguyen Van Payer"}))
    assert found == [API_KEY, "Nguyen Van Payer"]
