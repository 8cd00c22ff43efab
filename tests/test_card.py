"""What befalls a card sale: refunds, disputes and payouts, in every order, and what the books say in the end."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.testclient import TestClient

from ground import clock
from ground.store import Store
from payments import card, notice, posting, replay, verify
from payments.card import Fact
from payments.demo.card_company import Thing
from payments.notice import Told
from payments.providers import stripe
from tests.cards import Cards, cards, disordered, door, encoded, send
from tests.test_webhooks import wait_for
from tests.world import Street

__all__ = ["cards"]  # a fixture

BY_DAY = """
    SELECT s.number, d.business_date, d.sales_value, d.sales_count
    FROM stall_day d JOIN stall s ON s.id = d.stall_id
    WHERE (d.sales_value, d.sales_count) <> (0, 0) ORDER BY 1, 2
"""
Rows = list[tuple[Any, ...]]


@pytest.fixture
def client(books: Store) -> Iterator[TestClient]:
    with door(books) as opened:
        yield opened


def by_day(books: Store) -> Rows:
    with books.engine.connect() as connection:
        return [(row[0], str(row[1]), *row[2:]) for row in connection.execute(text(BY_DAY))]


def take(books: Store, events: list[Thing]) -> None:
    """Keep and post as the door and the poster do, without their threads."""
    for event in events:
        with psycopg.connect(books.url, options="-c timezone=UTC") as connection:
            for told in stripe.translate(encoded(event)):
                if isinstance(told, Told):
                    notice.keep(connection, [notice.seal(told, books.vault, clock.now())])
                else:
                    card.keep(connection, [card.row(told, clock.now())])
        with books.session() as session:
            posting.post_all(session)
            card.post_all(session)


def wipe(books: Store) -> None:
    with books.engine.begin() as connection:
        connection.execute(text("ALTER TABLE entry DISABLE TRIGGER entry_is_never_changed"))
        connection.execute(text("TRUNCATE notice, entry, finding, stall_day, card_event, payout, settlement CASCADE"))
        connection.execute(text("ALTER TABLE entry ENABLE TRIGGER entry_is_never_changed"))


def story(cards: Cards, street: Street) -> Rows:
    """Sales of two stalls with all that can befall them; what the days must say."""
    a1, a2 = (street.codes[stall]["serial"] for stall in ("A1", "A2"))
    partly = cards.charge(cards.sale(a1, 50_000))
    disputed = cards.charge(cards.sale(a1, 80_000))
    lost = cards.charge(cards.sale(a2, 30_000))
    fickle = cards.charge(cards.sale(a2, 40_000))
    cards.clock.sleep(1)
    cards.company.refund(partly["id"], 10_000)
    cards.company.refund(partly["id"], 5_000)
    won = cards.company.dispute(disputed["id"])
    gone = cards.company.dispute(lost["id"])
    cards.clock.sleep(1)
    cards.company.refund(partly["id"], 20_000)
    failing = cards.company.refund(fickle["id"], 40_000)
    cards.clock.sleep(1)
    cards.company.close_dispute(won["id"], won=True)
    cards.company.close_dispute(gone["id"], won=False)
    cards.company.fail_refund(failing["id"])
    cards.clock.sleep(1)
    cards.company.refund(fickle["id"], 15_000)
    return [
        ("A1", "2026-10-05", 130_000, 2),
        ("A1", "2026-10-06", -15_000 - 80_000, 0),
        ("A1", "2026-10-07", -20_000, 0),
        ("A1", "2026-10-08", 80_000, 0),
        ("A2", "2026-10-05", 70_000, 2),
        ("A2", "2026-10-06", -30_000, 0),
        ("A2", "2026-10-07", -40_000, 0),
        ("A2", "2026-10-08", 40_000, 0),
        ("A2", "2026-10-09", -15_000, 0),
    ]


def test_value_comes_off_the_day_it_was_given_back_and_never_a_count(
    books: Store, street: Street, cards: Cards
) -> None:
    wanted = story(cards, street)
    take(books, cards.events)
    assert by_day(books) == wanted


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_every_order_and_repetition_ends_in_the_same_books(
    books: Store, street: Street, cards: Cards, seed: int
) -> None:
    if not cards.events:
        story(cards, street)
    wipe(books)
    take(books, disordered(cards.events, Random(seed)))
    assert by_day(books) == [
        ("A1", "2026-10-05", 130_000, 2),
        ("A1", "2026-10-06", -95_000, 0),
        ("A1", "2026-10-07", -20_000, 0),
        ("A1", "2026-10-08", 80_000, 0),
        ("A2", "2026-10-05", 70_000, 2),
        ("A2", "2026-10-06", -30_000, 0),
        ("A2", "2026-10-07", -40_000, 0),
        ("A2", "2026-10-08", 40_000, 0),
        ("A2", "2026-10-09", -15_000, 0),
    ]


def test_replay_and_rebuild_change_nothing(books: Store, street: Street, cards: Cards) -> None:
    wanted = story(cards, street)
    take(books, cards.events)
    assert replay.replay(books, everything=True)[:3] == (4, 0, 0)
    assert by_day(books) == wanted
    assert verify.verify(books).ok


@pytest.mark.parametrize(
    "what",
    [
        "UPDATE card_event SET amount = amount + 1000 WHERE kind = 'refund'",
        "DELETE FROM card_event WHERE kind = 'reinstated'",
        "UPDATE card_event SET occurred_at = occurred_at + interval '1 day' WHERE kind = 'dispute'",
    ],
)
def test_verify_sees_a_refund_that_is_not_what_was_told(books: Store, street: Street, cards: Cards, what: str) -> None:
    story(cards, street)
    take(books, cards.events)
    assert verify.verify(books).ok
    with books.engine.begin() as connection:
        connection.execute(text(what))
    found = verify.verify(books)
    assert not found.ok
    assert all("a refund is what was told" in each for each in found.differences)


def test_the_middle_of_a_refund_story_may_never_be_told(books: Store, street: Street, cards: Cards) -> None:
    """Of three partial refunds the second's message is lost: its part comes off with the third."""
    charge = cards.charge(cards.sale(street.codes["A1"]["serial"], 50_000))
    for amount in (10_000, 5_000, 20_000):
        cards.clock.sleep(1)
        cards.company.refund(charge["id"], amount)
    refunds = [event for event in cards.events if event["type"] == "charge.refunded"]
    take(books, [event for event in cards.events if event is not refunds[1]])
    assert by_day(books)[1:] == [("A1", "2026-10-06", -10_000, 0), ("A1", "2026-10-08", -25_000, 0)]
    take(books, [refunds[1]])
    assert by_day(books)[1:] == [
        ("A1", "2026-10-06", -10_000, 0),
        ("A1", "2026-10-07", -5_000, 0),
        ("A1", "2026-10-08", -20_000, 0),
    ]


def test_an_inquiry_takes_no_money(books: Store, street: Street, cards: Cards) -> None:
    charge = cards.charge(cards.sale(street.codes["A1"]["serial"], 50_000))
    cards.company.dispute(charge["id"])
    for event in cards.events:
        if event["type"].startswith("charge.dispute"):
            event["data"]["object"]["status"] = "warning_needs_response"
    take(books, cards.events)
    assert by_day(books) == [("A1", "2026-10-05", 50_000, 1)]


def test_a_dispute_won_before_we_heard_of_it_leaves_both_days_right(books: Store, street: Street, cards: Cards) -> None:
    charge = cards.charge(cards.sale(street.codes["A1"]["serial"], 50_000))
    cards.clock.sleep(1)
    dispute = cards.company.dispute(charge["id"])
    cards.clock.sleep(5)
    cards.company.close_dispute(dispute["id"], won=True)
    sale, closed = cards.events[0], cards.events[-1]
    assert (sale["type"], closed["type"]) == ("charge.succeeded", "charge.dispute.closed")
    take(books, [cards.events[1], closed])
    assert by_day(books)[1:] == [("A1", "2026-10-06", -50_000, 0), ("A1", "2026-10-11", 50_000, 0)]


def test_what_befalls_a_sale_waits_until_the_sale_has_a_stall(books: Store, street: Street, cards: Cards) -> None:
    """Its code is unknown at first: the money is in suspense, and its refund is kept and waits."""
    charge = cards.charge(cards.sale("C0000000", 50_000))
    cards.company.refund(charge["id"], 20_000)
    take(books, cards.events)
    with books.engine.connect() as connection:
        waiting = text("SELECT count(*) FROM card_event WHERE handled_at IS NULL")
        assert connection.execute(waiting).scalar_one() == 1
    assert by_day(books) == []


def test_refunds_of_charges_that_are_not_ours_are_kept_and_touch_nothing(
    books: Store, street: Street, cards: Cards
) -> None:
    cards.sale(street.codes["A1"]["serial"], 50_000)
    foreign = {"id": "ch_x", "object": "charge", "amount_refunded": 9_000, "currency": "vnd", "payment_intent": "pi_x"}
    take(books, [*cards.events, {"id": "evt_x", "type": "charge.refunded", "created": 1, "data": {"object": foreign}}])
    assert by_day(books) == [("A1", "2026-10-05", 50_000, 1)]


def test_the_door_keeps_and_the_poster_posts(client: TestClient, books: Store, street: Street, cards: Cards) -> None:
    """Sales and facts of one company arrive in one batch, the facts first."""
    story(cards, street)
    for event in reversed(cards.events):
        assert send(client, event).status_code == 200
    net = 130_000 - 35_000 + 70_000 - 30_000 - 15_000
    wait_for(books, "SELECT sum(sales_value)::bigint FROM stall_day", net)


MOMENT = datetime(2026, 10, 5, tzinfo=UTC)


class Truth:
    """The card company's own books of one charge: what it gave back when; the oracle for what messages say."""

    def __init__(self) -> None:
        self.level = 0
        self.parts: dict[date, int] = {}
        self.facts: list[Fact] = []

    def add(self, kind: str, amount: int, hour: int, id: str) -> None:
        moment = MOMENT + timedelta(hours=hour)
        if kind == "refund_failed" and amount > self.level:
            return
        sign = 1 if kind in ("refund", "dispute") else -1
        day = clock.business_date(moment)
        self.parts[day] = self.parts.get(day, 0) + sign * amount
        told = amount
        if kind.startswith("refund"):
            self.level += sign * amount
            told = self.level if kind == "refund" else amount
        self.facts.append(Fact(kind, id, "ch", "pi", told, "vnd", moment))


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["refund", "refund", "refund_failed", "dispute", "reinstated"]), st.integers(1, 9)),
        max_size=8,
    ),
    seed=st.integers(0, 2**32),
)
def test_what_messages_say_together_is_what_the_company_did(steps: list[tuple[str, int]], seed: int) -> None:
    truth = Truth()
    for number, (kind, amount) in enumerate(steps):
        truth.add(kind, amount * 1000, number * 7, f"evt_{number}")
    told = list(truth.facts)
    random = Random(seed)
    told += random.sample(told, random.randint(0, len(told)) if told else 0) if not _has_relative(told) else []
    random.shuffle(told)
    found: dict[date, int] = {}
    for moment, amount in card.given_back(told).items():
        day = clock.business_date(moment)
        found[day] = found.get(day, 0) + amount
    assert {day: amount for day, amount in found.items() if amount} == {
        day: amount for day, amount in truth.parts.items() if amount
    }


def _has_relative(facts: list[Fact]) -> bool:
    """Told twice, only a refund's sum says the same; the others are kept once by their id."""
    return any(each.kind != "refund" for each in facts)
