"""The inbox at the provider's door: one commit for many, nobody suffers for another, no more than can wait."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx2 as httpx
import pytest
from sqlalchemy import text

from ground.store import Store
from main import House
from payments import inbox, replay, verify
from tests import cards, rails
from tests.messages import Log
from tests.tellers import assert_kept_and_counted_once
from tests.world import Street, raw, signed, told

Answers = list["Future[httpx.Response]"]


def tell(address: str, number: int, amount: int = 20_000) -> httpx.Response:
    body = raw(told(number, amount))
    return httpx.post(
        f"{address}/webhooks/sepay", content=body, headers=signed(body), trust_env=False, verify=False, timeout=20
    )


@contextmanager
def writer_held(books: Store, house: House, address: str) -> Iterator[tuple[ThreadPoolExecutor, Answers]]:
    """The writer stands in the middle of a commit with notice 1, so that whoever comes now waits for the next."""
    with ThreadPoolExecutor(32) as pool, books.engine.connect() as holding:
        holding.execute(text("LOCK TABLE notice IN SHARE ROW EXCLUSIVE MODE"))
        answers = [pool.submit(tell, address, 1)]
        wait_until(lambda: is_held(books))
        yield pool, answers
        holding.rollback()
        for each in answers:
            each.result()


def is_held(books: Store) -> bool:
    with books.engine.connect() as connection:  # in a transaction of its own: one sees the same all the time
        return bool(connection.execute(_HELD).scalar_one())


_HELD = text(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND relation = 'notice'::regclass AND application_name = 'market40-inbox'"
)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_so()


REFUSALS = {"a check": "23514", "a text too long": "22001", "a row too long for an index": "54000", "a fault": "XX000"}


@pytest.mark.parametrize("code", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_notice_that_the_database_refuses_hurts_none_of_its_batch(
    books: Store, house: House, street: Street, address: str, log: Log, code: str
) -> None:
    refuse = f"BEGIN IF NEW.amount = 666 THEN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END IF; RETURN NEW; END"
    with books.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $${refuse}$$")
        connection.exec_driver_sql("CREATE TRIGGER r BEFORE INSERT ON notice FOR EACH ROW EXECUTE FUNCTION refuse()")
    with writer_held(books, house, address) as (pool, answers):
        answers += [pool.submit(tell, address, number, 666 if number == 9 else 20_000) for number in range(2, 22)]
        wait_until(lambda: house._inbox._rows == 20)
    statuses = [each.result().status_code for each in answers]
    assert statuses == [503 if number == 9 else 200 for number in range(1, 22)]
    assert answers[8].result().headers["retry-after"] == "30"
    assert [each["reason"] for each in log if each["event"] == "not kept"] != []
    assert [each for each in log if each["event"] == "store away"] == []
    assert_kept_and_counted_once(books, {str(number) for number in range(1, 22) if number != 9})


def test_a_full_queue_sends_away_and_opens_again(
    books: Store, house: House, street: Street, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "QUEUE_MAX", 3)
    with writer_held(books, house, address) as (pool, answers):
        answers += [pool.submit(tell, address, number) for number in (2, 3, 4)]
        wait_until(lambda: house._inbox._rows == 3)
        sent_away = tell(address, 5)
        assert (sent_away.status_code, sent_away.headers["retry-after"]) == (503, "30")
        assert sent_away.json()["code"] == "webhook.store_away"
    assert [each.result().status_code for each in answers] == [200] * 4
    with books.engine.connect() as connection:
        kept = list(connection.execute(text("SELECT external_id FROM notice ORDER BY id")).scalars())
    assert sorted(kept) == ["1", "2", "3", "4"]
    assert tell(address, 5).status_code == 200
    assert_kept_and_counted_once(books, {"1", "2", "3", "4", "5"})


def test_a_name_longer_than_any_index_takes_is_kept_and_known_again(books: Store, street: Street) -> None:
    """Incompressible, as payOS's `reference` and Stripe's ids could be: two that differ at the end are two payments."""
    chance = random.Random(4)
    long = "".join(chance.choices("ABCDEFGHJKMNPQRSTVWXYZ0123456789", k=15_000))
    with rails.door(books) as client:
        for reference in (f"{long}1", f"{long}2", f"{long}1"):
            content = rails.body(rails.payos_signed(rails.payos(7, reference=reference)))
            assert client.post("/webhooks/payos", content=content).status_code == 200
    event = {"id": f"evt_{long}", "object": "event", "type": "charge.refunded", "created": 1_791_163_800}
    charge = {"id": f"ch_{long}", "payment_intent": f"pi_{long}", "amount_refunded": 5, "currency": "vnd"}
    with cards.door(books) as client:
        for _ in range(2):
            assert cards.send(client, event | {"data": {"object": charge}}).status_code == 200
    assert [len(each.external_id) for each in rails.kept(books)] == [200, 200]
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM card_event")).scalar_one() == 1
    assert replay.replay(books, everything=True).new == 0
    assert verify.verify(books).ok
