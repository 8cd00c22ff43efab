"""What monitoring scrapes: for whoever brings the token, read strictly, true to the figure, and nobody's takings."""

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from starlette.testclient import TestClient

from ground import clock
from ground.store import Store
from main import House
from payments import card, finding, reconciliation
from payments.providers import find
from tests.world import Street, keep, post, raw, signed, told

TOKEN = "scrape-2026"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Samples = dict[str, float]

HELP = re.compile(r"# HELP (market_[a-z_]+) [A-Z][^\\\n]*\.")
TYPE = re.compile(r"# TYPE (market_[a-z_]+) (gauge|counter)")
SAMPLE = re.compile(r"(market_[a-z_]+)((?:\{[^{}]*\})?) (-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)")
PROVIDERS = "|".join((*find(), "other"))
LABELS = re.compile(rf'|\{{kind="({"|".join(finding.KINDS)})"\}}|\{{provider="({PROVIDERS})",code="[1-5][0-9][0-9]"\}}')


def parse(page: str) -> Samples:
    """Every line by the format's grammar, HELP, TYPE and samples of a family together, and each only once."""
    assert page.endswith("\n") and not page.endswith("\n\n")
    found: Samples = {}
    family, kind, seen, is_typed = "", "", set[str](), False
    for line in page.removesuffix("\n").split("\n"):
        if about := HELP.fullmatch(line):
            family, is_typed = about[1], False
            assert family not in seen, line
            seen.add(family)
        elif typed := TYPE.fullmatch(line):
            assert typed[1] == family and not is_typed, line
            kind, is_typed = typed[2], True
            assert (kind == "counter") == family.endswith("_total"), line
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample is not None and LABELS.fullmatch(sample[2]), line
            assert sample[1] == family and is_typed and sample[1] + sample[2] not in found, line
            found[sample[1] + sample[2]] = float(sample[3])
    return found


def scrape(client: TestClient) -> Samples:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parse(answer.text)


def answers(samples: Samples) -> dict[tuple[str, int], int]:
    """How often the providers' door gave which answer."""
    name = re.compile(r'market_webhook_answers_total\{provider="(\w+)",code="(\d+)"\}')
    return {(of[1], int(of[2])): int(count) for key, count in samples.items() if (of := name.fullmatch(key))}


def house_with(books: Store, token: str) -> House:
    return House(books._replace(settings=books.settings.model_copy(update={"metrics_token": SecretStr(token)})))


@pytest.fixture
def house(books: Store) -> House:
    return house_with(books, TOKEN)


@pytest.fixture
def resting(house: House) -> TestClient:
    """Not entered: inbox and poster stay at rest, so that what is kept waits."""
    return TestClient(house)


@pytest.fixture
def shut(books: Store, admin: "psycopg.Connection[Any]") -> Iterator[None]:
    """The database is away."""
    name = books.engine.url.database
    books.engine.dispose()
    admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
    yield
    admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_without_the_token_there_is_no_such_page(books: Store) -> None:
    """Not by a wrong one, by no method, and nobody while none is set: what an address that is not there answers."""
    closed, opened = TestClient(House(books)), TestClient(house_with(books, f"new-one, {TOKEN}"))
    absent = opened.get("/metricz")
    for proof in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"Authorization": TOKEN}):
        for client in (closed, opened, TestClient(house_with(books, " , "))):
            answer = client.get("/metrics", headers=proof)
            assert (answer.status_code, answer.text.replace("metrics", "metricz")) == (404, absent.text)
    for wrong in (f"Bearer {TOKEN}x", f"Bearer new-one, {TOKEN}", f"Basic {TOKEN}", "Bearer é"):
        assert opened.get("/metrics", headers={"Authorization": wrong.encode()}).status_code == 404
    assert closed.get("/metrics", headers=BEARER).status_code == 404
    for method in ("HEAD", "POST", "PUT", "OPTIONS"):
        assert opened.request(method, "/metrics").status_code == 404
    for right in (TOKEN, "new-one"):
        assert opened.get("/metrics", headers={"Authorization": f"Bearer {right}"}).status_code == 200
    head = opened.head("/metrics", headers=BEARER)
    assert (head.status_code, head.text) == (200, "")
    assert "/metrics" not in opened.get("/api/v1/openapi.json").json()["paths"]


def test_the_page_tells_what_waits_and_of_nobody(resting: TestClient, books: Store, street: Street) -> None:
    """The whole page is foreseen, to the last sample: no market, stall, account or amount has a place on it."""
    quiet = {f'market_findings_open{{kind="{kind}"}}': 0 for kind in finding.KINDS}
    still = {
        "market_database_up": 1,
        "market_inbox_up": 0,
        "market_poster_up": 0,
        "market_notices_waiting": 0,
        "market_notices_oldest_waiting_seconds": 0,
        "market_card_events_waiting": 0,
        'market_webhook_answers_total{provider="sepay",code="200"}': 0,
        **quiet,
    }
    assert scrape(resting) == still
    came = clock.now() - timedelta(seconds=300)
    unknown = [told(number, 7_654_321, account="9999999") for number in (2, 3)]
    keep(books, [told(1, 7_654_321), *unknown], came)
    keep(books, [told(4, 10**13)])
    waiting = scrape(resting)
    age = waiting["market_notices_oldest_waiting_seconds"]
    assert 300 <= age < 330
    assert waiting == {**still, "market_notices_waiting": 4, "market_notices_oldest_waiting_seconds": age}
    post(books)
    opened = {'market_findings_open{kind="unknown_account"}': 2, 'market_findings_open{kind="implausible"}': 1}
    assert scrape(resting) == {**still, **opened}
    with books.session() as session:
        session.execute(text("UPDATE finding SET status = 'closed', decided_at = now() WHERE kind = 'implausible'"))
        session.commit()
    reconciliation.reconcile(books, date(2026, 10, 6))
    begun = datetime(2026, 10, 5, 17, tzinfo=UTC).timestamp()
    told_of = {'market_findings_open{kind="unknown_account"}': 2, "market_reconciled_through_timestamp_seconds": begun}
    assert scrape(resting) == {**still, **told_of}


def test_a_refund_waits_until_its_sale_has_a_stall(resting: TestClient, books: Store) -> None:
    fact = card.Fact("refund", "re_1", "re_1", "pi_1", 20_000, "vnd", datetime(2026, 10, 5, 1, tzinfo=UTC))
    with psycopg.connect(books.url) as connection:
        card.keep(connection, [card.row(fact, clock.now())])
    with books.session() as session:
        assert card.post_all(session) == 0
    assert scrape(resting)["market_card_events_waiting"] == 1


def test_every_kind_of_finding_has_its_place(books: Store) -> None:
    with books.engine.connect() as connection:
        check = text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'finding_kind_check'")
        assert set(re.findall(r"'(\w+)'", connection.execute(check).scalar_one())) == set(finding.KINDS)


def test_every_answer_of_the_providers_door_is_counted(client: TestClient, house: House, street: Street) -> None:
    def tell(content: bytes, headers: dict[str, str] | None = None, name: str = "sepay") -> int:
        sent = signed(content) if headers is None else headers
        return client.post(f"/webhooks/{name}", content=content, headers=sent).status_code

    good = raw(told(1))
    assert [tell(good), tell(good), tell(good, signed(good, "wrong")), tell(good, {})] == [200, 200, 401, 401]
    assert [tell(b"{"), tell(raw(told(2, memo="x" * 70_000)))] == [400, 413]
    assert client.get("/webhooks/sepay").status_code == 405
    assert [tell(good, name=name) for name in ("casso", "nobody", "other", 'a"b%0A', "sepay/")] == [404] * 5
    assert client.get("/webhooks/").status_code == 404

    async def break_off(*_: Any) -> Any:
        raise RuntimeError("the server's own")

    scope = {"type": "http", "method": "POST", "path": "/webhooks/sepay", "headers": []}
    with pytest.raises(RuntimeError):
        asyncio.run(house(scope, break_off, break_off))
    assert answers(scrape(client)) == {
        ("sepay", 200): 2,
        ("sepay", 400): 1,
        ("sepay", 401): 2,
        ("sepay", 405): 1,
        ("sepay", 413): 1,
        ("sepay", 500): 1,
        ("casso", 404): 1,
        ("other", 404): 5,
    }


def until(client: TestClient, name: str, wanted: float) -> Samples:
    """The poster looks every second; ten are given to a slow machine."""
    deadline = time.monotonic() + 10
    while (found := scrape(client))[name] != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found[name] == wanted
    return found


def test_while_the_database_is_away_the_page_says_so(
    client: TestClient, books: Store, request: pytest.FixtureRequest
) -> None:
    up = until(client, "market_poster_up", 1)
    assert (up["market_database_up"], up["market_inbox_up"]) == (1, 1)
    request.getfixturevalue("shut")
    until(client, "market_poster_up", 0)
    assert client.post("/webhooks/sepay", content=raw(told(1)), headers=signed(raw(told(1)))).status_code == 503
    assert client.get("/readyz").status_code == 503
    assert scrape(client) == {
        "market_database_up": 0,
        "market_inbox_up": 1,
        "market_poster_up": 0,
        'market_webhook_answers_total{provider="sepay",code="200"}': 0,
        'market_webhook_answers_total{provider="sepay",code="503"}': 1,
    }
