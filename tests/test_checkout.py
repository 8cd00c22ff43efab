"""Paying by card from a stall's page, against a made-up card company over real HTTP, and what it settles afterwards."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
import stripe
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from main import House
from merchants import qr_image, vietqr
from payments import checkout, payout, settler
from payments.checkout import Purchase
from payments.demo.card_company import Thing, Wrong
from payments.demo.card_messenger import Messenger
from portal import throttle
from portal.throttle import Pace
from tests.cards import SECRET, Cards, asked, cards, door, keyed, office, send
from tests.messages import Log
from tests.test_card import take
from tests.test_webhooks import wait_for
from tests.world import Street

__all__ = ["cards"]  # a fixture

BACK = {"paid_url": "http://shop.example/paid", "left_url": "http://shop.example/left"}


@pytest.fixture
def api(cards: Cards) -> Iterator[str]:
    with office(cards) as address:
        yield address


@pytest.fixture
def client(books: Store, api: str) -> Iterator[TestClient]:
    with door(books, api) as opened:
        yield opened


def purchase(amount: int = 50_000, nonce: str = "nonce-of-this-form", serial: str = "C1234567") -> Purchase:
    return Purchase(serial, "cho-a", "A1", "Sạp A1, Chợ A", amount, nonce)


def test_a_checkout_is_in_whole_dong_and_names_stall_and_serial(cards: Cards, api: str) -> None:
    where = checkout.begin(keyed(Settings(), api), purchase(), **BACK)
    (session,) = cards.company.sessions.values()
    assert where == session["url"]
    assert (session["amount_total"], session["currency"], session["mode"]) == (50_000, "vnd", "payment")
    assert session["metadata"] == {"serial": "C1234567", "market": "cho-a", "stall": "A1"}
    assert session["name"] == "Sạp A1, Chợ A"


def test_the_same_form_sent_twice_is_one_checkout(cards: Cards, api: str) -> None:
    chosen = keyed(Settings(), api)
    first = checkout.begin(chosen, purchase(), **BACK)
    assert checkout.begin(chosen, purchase(), **BACK) == first
    others = {
        checkout.begin(chosen, purchase(nonce="nonce-of-another-one"), **BACK),
        checkout.begin(chosen, purchase(amount=60_000), **BACK),
        checkout.begin(chosen, purchase(serial="C7654321"), **BACK),
    }
    assert len(others | {first}) == 4 == len(cards.company.sessions)


@pytest.mark.parametrize("amount", [1, 12_999, 100_000_000])
def test_an_amount_that_the_company_would_not_take_is_refused_before_it_is_asked(
    cards: Cards, api: str, amount: int
) -> None:
    with pytest.raises(Refusal) as refused:
        checkout.begin(keyed(Settings(), api), purchase(amount), **BACK)
    assert refused.value.code == "checkout.amount"
    assert "13\u00a0000 ₫" in refused.value.message("en")
    assert cards.company.sessions == {}


def test_an_amount_that_the_company_refuses_is_said_to_the_payer(cards: Cards, api: str) -> None:
    """The exchange rate moved: our own limit is behind."""
    lower = keyed(Settings(), api).model_copy(update={"stripe_minimum": 1000})
    with pytest.raises(Refusal) as refused:
        checkout.begin(lower, purchase(1000), **BACK)
    assert (refused.value.code, refused.value.status) == ("checkout.not_this_amount", 422)


def test_a_company_that_is_away_or_knows_us_not_is_a_refusal(
    cards: Cards, api: str, capfd: pytest.CaptureFixture[str]
) -> None:
    stranger = keyed(Settings(), api).model_copy(update={"stripe_secret_key": keyed(Settings()).stripe_webhook_secret})
    nowhere = keyed(Settings(), "http://127.0.0.1:9")
    for chosen in (stranger, nowhere):
        with pytest.raises(Refusal) as refused:
            checkout.begin(chosen, purchase(), **BACK)
        assert (refused.value.code, refused.value.status) == ("checkout.away", 503)
    assert SECRET not in "".join(capfd.readouterr())


def test_no_more_than_a_few_wait_for_the_company_at_once(cards: Cards, api: str) -> None:
    """While it hangs the pages go on: the ninth payer is told at once."""
    chosen = keyed(Settings(), api)
    outcomes: list[str] = []

    def begin(number: int) -> None:
        try:
            outcomes.append(checkout.begin(chosen, purchase(nonce=f"nonce-of-payer-{number:03d}"), **BACK))
        except Refusal as refusal:
            outcomes.append(refusal.code)

    with cards.company.lock:  # the company's desk is busy
        threads = [threading.Thread(target=begin, args=[number]) for number in range(checkout.AT_ONCE + 3)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while len(outcomes) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert outcomes == ["checkout.away"] * 3
    for thread in threads:
        thread.join(timeout=20)
    assert len([each for each in outcomes if each.startswith("http")]) == checkout.AT_ONCE


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of the card's form."""
    _, _, form = page.partition('/card"')
    found = {}
    for piece in form.split("<input ")[1:]:
        if 'type="hidden"' in piece:
            found[piece.split('name="')[1].split('"')[0]] = unescape(piece.split('value="')[1].split('"')[0])
    return found


def test_one_address_that_begins_payment_after_payment_has_to_wait(
    client: TestClient, cards: Cards, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "CARD", Pace("card", 1, timedelta(seconds=10), timedelta(minutes=15)))
    serial = street.codes["A1"]["serial"]
    form = fields_of(client.get(f"/q/{serial}?amount=50000").text) | {"amount": "50000"}
    answers = [client.post(f"/q/{serial}/card", data=form, follow_redirects=False) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 429] and "retry-after" in answers[1].headers
    assert len(cards.company.sessions) == 1 and client.get(f"/q/{serial}").status_code == 200


def test_a_card_payment_from_the_page_to_the_books(
    client: TestClient, books: Store, street: Street, cards: Cards, api: str
) -> None:
    """The whole road: the page, the company's page, back, the webhook, and the page that says it is paid."""
    serial = street.codes["A1"]["serial"]
    page = client.get(f"/q/{serial}?amount=50.000")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert f"form-action 'self' https://checkout.stripe.com {api};" in policy
    form = fields_of(page.text) | {"amount": "50.000"}
    answer = client.post(f"/q/{serial}/card", data=form, follow_redirects=False)
    assert answer.status_code == 303
    (session,) = cards.company.sessions.values()
    assert answer.headers["location"] == session["url"]
    assert client.post(f"/q/{serial}/card", data=form, follow_redirects=False).headers["location"] == session["url"]
    with httpx.Client(trust_env=False) as browser:
        assert "50.000 ₫" in browser.get(session["url"], headers={"Accept-Language": "vi"}).text
        back = browser.post(session["url"], data={"choice": "pay"}).headers["location"]
        assert browser.get(session["url"]).status_code == 404
    waiting = client.get(back)
    assert (waiting.status_code, "Refresh" in waiting.headers) == (200, True)
    for event in cards.events:
        assert send(client, event).status_code == 200
    told = client.get(back)
    assert "50.000\u00a0₫" in told.text and "Refresh" not in told.headers
    wait_for(books, "SELECT sum(sales_value)::bigint FROM stall_day", 50_000)
    other = back.replace(serial, street.codes["A2"]["serial"])
    assert "50.000\u00a0₫" not in client.get(other).text


def test_who_leaves_the_company_comes_back_to_the_stalls_page(client: TestClient, street: Street, cards: Cards) -> None:
    serial = street.codes["A1"]["serial"]
    form = fields_of(client.get(f"/q/{serial}").text) | {"amount": "50000"}
    client.post(f"/q/{serial}/card", data=form, follow_redirects=False)
    (session,) = cards.company.sessions.values()
    with httpx.Client(trust_env=False) as browser:
        back = browser.post(session["url"], data={"choice": "leave"}).headers["location"]
    page = client.get(back)
    assert page.status_code == 200
    assert "không bị trừ tiền" in page.text
    assert parse_qs(urlsplit(back).query) == {"amount": ["50000"], "left": ["1"]}


def test_a_wrong_amount_is_said_on_the_page(client: TestClient, street: Street, cards: Cards) -> None:
    serial = street.codes["A1"]["serial"]
    for amount in ("", "abc", "0", "12.999", "1.5", "999.999.999.999"):
        form = fields_of(client.get(f"/q/{serial}").text) | {"amount": amount}
        answer = client.post(f"/q/{serial}/card", data=form)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert cards.company.sessions == {}


def test_a_form_that_no_page_of_ours_made_is_refused(client: TestClient, street: Street, cards: Cards) -> None:
    serial = street.codes["A1"]["serial"]
    form = fields_of(client.get(f"/q/{serial}").text) | {"amount": "50000"}
    assert client.post(f"/q/{serial}/card", data=form | {"token": "00"}).status_code == 403
    assert client.post(f"/q/{serial}/card", data=form | {"nonce": "x"}).status_code == 422
    assert client.post("/q/C0000000/card", data=form).status_code == 404
    assert cards.company.sessions == {}


def test_no_transaction_is_open_while_the_company_is_asked(
    client: TestClient,
    books: Store,
    session: Session,
    street: Street,
    cards: Cards,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Looked at from inside the company's office, while our request is in its hands."""
    session.close()
    open_transactions: list[int] = []
    office_opens = cards.company.open_session

    def look(asked_: Thing) -> Thing:
        with books.engine.connect() as connection:
            query = text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
                " AND pid <> pg_backend_pid() AND application_name = 'market40'"
            )
            deadline = time.monotonic() + 3  # the poster's short rounds may be seen
            while (found := connection.execute(query).scalar_one()) and time.monotonic() < deadline:
                connection.rollback()
                time.sleep(0.01)
            open_transactions.append(found)
        return office_opens(asked_)

    monkeypatch.setattr(cards.company, "open_session", look)
    serial = street.codes["A1"]["serial"]
    form = fields_of(client.get(f"/q/{serial}").text) | {"amount": "50000"}
    assert client.post(f"/q/{serial}/card", data=form, follow_redirects=False).status_code == 303
    assert open_transactions == [0]


def test_without_keys_there_is_no_card_on_the_page(books: Store, street: Street) -> None:
    serial = street.codes["A1"]["serial"]
    with TestClient(House(books)) as off:
        page = off.get(f"/q/{serial}")
        assert page.status_code == 200
        assert "/card" not in page.text
        assert "checkout.stripe.com" not in page.headers["content-security-policy"]
        form = {"amount": "50000"}
        assert off.post(f"/q/{serial}/card", data=form).status_code in (403, 404)


def test_the_code_for_an_amount_is_for_one_payment(client: TestClient, street: Street) -> None:
    mine = street.codes["A1"]
    page = client.get(f"/q/{mine['serial']}?amount=50.000").text
    for form in ("svg", "png"):
        assert f"/q/{mine['serial']}.{form}?amount=50000" in page
    (payload,) = qr_image.read_image(client.get(f"/q/{mine['serial']}.png?amount=50,000").content)
    read = vietqr.read(payload)
    assert (read.fields["01"], read.fields["54"], read.amount, read.token) == ("12", "50000", 50_000, mine["token"])
    assert (read.bin, read.account) == (mine["bin"], mine["account"])
    for wrong in ("0", "-5", "x", "5.5", "500.000.000"):
        assert client.get(f"/q/{mine['serial']}.svg?amount={wrong}").status_code == 422
        shown = client.get(f"/q/{mine['serial']}?amount={wrong}")
        assert shown.status_code == 422 and f'src="/q/{mine["serial"]}.svg"' in shown.text


def test_links_to_bank_apps_tell_account_amount_and_memo_and_are_only_followed_by_a_tap(
    client: TestClient, street: Street
) -> None:
    mine = street.codes["A1"]
    page = client.get(f"/q/{mine['serial']}?amount=50000").text
    links = [unescape(piece.split('"')[0]) for piece in page.split('href="')[1:] if piece.startswith("https://dl.viet")]
    assert len(links) == 5
    told = parse_qs(urlsplit(links[0]).query)
    assert told["ba"] == [f"{mine['account']}@vcb"]
    assert (told["am"], told["tn"], told["bn"]) == (["50000"], [mine["token"]], ["NGUYEN THI BA"])
    assert {parse_qs(urlsplit(link).query)["app"][0] for link in links} == {"ocb", "acb", "bidv", "icb", "mb"}
    assert page.count("dl.vietqr.io") == 5  # nothing is loaded from there
    assert "am=" not in client.get(f"/q/{mine['serial']}").text


def test_what_the_company_kept_of_each_sale_is_fetched(books: Store, street: Street, cards: Cards, api: str) -> None:
    shop = books._replace(settings=keyed(books.settings, api))
    for stall, amount in (("A1", 260_000), ("A2", 520_000)):
        cards.sale(street.codes[stall]["serial"], amount)
    take(books, cards.events)
    assert settler.fetch(shop) == (2, 0, 0, 0)
    assert settler.fetch(shop) == (0, 0, 0, 0)
    with books.engine.connect() as connection:
        rows = connection.execute(text("SELECT notice_id, amount, fee, net, currency FROM settlement ORDER BY 2")).all()
    assert [tuple(row) for row in rows] == [(1, 1000, 74, 926, "usd"), (2, 2000, 118, 1882, "usd")]


def test_what_the_company_does_not_know_keeps_nothing_else_waiting(
    books: Store, street: Street, cards: Cards, api: str, log: Log
) -> None:
    """The oldest sale and the oldest payout were made with another key: they are told to the operator, once."""
    shop = books._replace(settings=keyed(books.settings, api))
    foreign = cards.sale(street.codes["A1"]["serial"], 260_000)
    lost = cards.company.pay_out()
    cards.sale(street.codes["A2"]["serial"], 520_000)
    assert lost is not None and cards.company.pay_out() is not None
    take(books, cards.events)
    del cards.company.intents[foreign["payment_intent"]], cards.company.payouts[lost["id"]]
    aside: set[str] = set()
    assert settler.fetch(shop, aside)[:2] == (1, 1)
    assert aside == {foreign["payment_intent"], lost["id"]}
    assert [each["id"] for each in log if each["event"] == "set aside"] == sorted(aside)
    assert settler.fetch(shop, aside) == (0, 0, 0, 2)
    assert len([each for each in log if each["event"] == "set aside"]) == 2


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_company_that_sends_us_away_is_asked_no_more_that_round(
    books: Store, street: Street, cards: Cards, api: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    shop = books._replace(settings=keyed(books.settings, api))
    for stall in ("A1", "A2"):
        cards.sale(street.codes[stall]["serial"], 260_000)
    take(books, cards.events)
    asked_for: list[str] = []

    class Shut(dict[str, Thing]):
        def __getitem__(self, id: str) -> Thing:
            asked_for.append(id)
            raise Wrong("Not now.", "not_now", status)

    monkeypatch.setattr(cards.company, "intents", Shut())
    with pytest.raises(stripe.StripeError):
        settler.fetch(shop)
    assert len(asked_for) == 1


def settled(session: Session, payout_id: str) -> list[int]:
    found = text("SELECT DISTINCT notice_id FROM settlement WHERE payout_id = :id AND notice_id IS NOT NULL ORDER BY 1")
    return list(session.execute(found, {"id": payout_id}).scalars())


def test_a_payout_names_its_sales_and_adds_up(books: Store, street: Street, cards: Cards, api: str) -> None:
    shop = books._replace(settings=keyed(books.settings, api))
    first = cards.charge(cards.sale(street.codes["A1"]["serial"], 260_000))
    cards.sale(street.codes["A2"]["serial"], 520_000)
    cards.company.refund(first["id"], 130_000)
    one = cards.company.pay_out()
    cards.sale(street.codes["A2"]["serial"], 780_000)
    two = cards.company.pay_out()
    assert one is not None and two is not None
    take(books, cards.events)
    assert settler.fetch(shop).payouts == 2
    with books.session() as session:
        assert settled(session, one["id"]) == [1, 2]
        assert settled(session, two["id"]) == [3]
        rows = {row["id"]: row for row in payout.every(session)}
    assert [(rows[each["id"]]["amount"], rows[each["id"]]["adds_up"]) for each in (one, two)] == [
        (one["amount"], True),
        (two["amount"], True),
    ]
    assert rows[one["id"]]["gross"] - rows[one["id"]]["fees"] == one["amount"] == 926 + 1882 - 500
    assert rows[one["id"]]["arrives_on"] == "2026-10-07"


def test_fetching_goes_on_where_it_was_cut(
    books: Store, street: Street, cards: Cards, api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The company goes away after the second page; the next round fetches the rest and nothing twice."""
    monkeypatch.setattr(settler, "PAGE", 3)
    shop = books._replace(settings=keyed(books.settings, api))
    for _ in range(9):
        cards.sale(street.codes["A1"]["serial"], 260_000)
    paid_out = cards.company.pay_out()
    assert paid_out is not None
    take(books, [event for event in cards.events if event["type"] == "payout.paid"])
    asked_for: list[str | None] = []
    answer = cards.company.source_of

    def away(line: Thing) -> Thing | None:
        asked_for.append(line["id"])
        if len(asked_for) == 8:
            raise Wrong("Too many requests.", "rate_limit", 429)
        return answer(line)

    monkeypatch.setattr(cards.company, "source_of", away)
    with pytest.raises(stripe.StripeError):
        settler.fetch(shop)
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM settlement")).scalar_one() == 6
    assert settler.fetch(shop).payouts == 1
    with books.session() as session:
        (row,) = payout.every(session)
        assert (row["complete"], row["adds_up"], row["sales"]) == (True, True, 0)
    take(books, cards.events)
    settler.fetch(shop)
    with books.session() as session:
        assert len(settled(session, paid_out["id"])) == 9  # the sales came later, and were joined


def test_a_failed_payout_stands_as_failed_in_whatever_order_it_is_told(books: Store, cards: Cards) -> None:
    cards.sale("C1234567", 260_000)
    paid_out = cards.company.pay_out()
    assert paid_out is not None
    cards.company.fail_payout(paid_out["id"])
    told = [event for event in cards.events if event["type"].startswith("payout")]
    for events in (told, told[::-1]):
        take(books, events)
        with books.engine.begin() as connection:
            assert connection.execute(text("SELECT status FROM payout")).scalar_one() == "failed"
            connection.execute(text("TRUNCATE card_event, payout CASCADE"))


def test_the_messenger_tries_until_the_event_is_taken(client: TestClient, books: Store, cards: Cards) -> None:
    """Against a real server that is away at first."""
    sent: list[Any] = []
    messenger = Messenger("http://127.0.0.1:9/webhooks/stripe", SECRET)
    cards.company.open_session(asked("C1234567"))
    messenger.tell({"id": "evt_1", "type": "customer.created"})
    assert [event["id"] for event in messenger.take()] == ["evt_1"]
    thread = threading.Thread(target=lambda: sent.append(messenger.deliver([{"id": "evt_1"}])))
    thread.start()
    time.sleep(0.2)
    messenger.stop()
    thread.join(timeout=10)
    assert sent == [None]
