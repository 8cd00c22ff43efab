"""Two providers watch one account: one posts, the other corroborates, and no payment is two sales."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import permutations
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from ground import clock
from ground.store import Store
from payments import notice, posting, replay, verify
from payments.notice import Told
from payments.providers import casso as provider
from payments.providers import payos
from tests import bank_book, lane_world, rails, world
from tests.bank_book import Stated, findings, sales, state
from tests.shell import run
from tests.world import Street, find_street, import_roll, keep, raw, signed, told


@pytest.fixture
def doors(books: Store, street: Street) -> Iterator[TestClient]:
    """Both providers' doors; what they keep is posted by the test."""
    with rails.door(books) as client:
        yield client


def sepay(client: TestClient, id: int, amount: int = 20_000, **more: Any) -> None:
    body = raw(told(id, amount, **more))
    assert client.post("/webhooks/sepay", content=body, headers=signed(body)).status_code == 200


def casso(client: TestClient, id: int, amount: int = 20_000, **more: Any) -> None:
    message = rails.casso_v2(id, amount, **more)
    answer = client.post("/webhooks/casso", content=rails.body(message), headers=rails.casso_signed(message))
    assert answer.status_code == 200


def post(books: Store) -> None:
    """Until nothing waits; the server behind the doors posts too, and may have claimed some already."""
    for _ in range(200):
        world.post(books)
        with books.engine.connect() as connection:
            if not connection.execute(text("SELECT EXISTS (SELECT FROM notice WHERE handled_at IS NULL)")).scalar_one():
                return
        time.sleep(0.05)
    raise AssertionError("some notices are never posted")


def beside(books: Store) -> list[str]:
    """The notices kept beside the books."""
    with books.engine.connect() as connection:
        rows = connection.execute(text("SELECT provider || ' ' || external_id FROM notice WHERE beside ORDER BY 1"))
        return list(rows.scalars())


def choose(books: Store, provider: str, since: str, account: str = "VCB:1000001") -> str:
    answer = run(books.settings, "feed", "set", "--account", account, "--provider", provider, "--since", since)
    assert answer.code == 0, answer.err
    assert_proven(books)
    return answer.out


def assert_proven(books: Store) -> None:
    assert verify.verify(books).differences == []


def test_one_payment_told_by_two_is_one_sale(books: Store, doors: TestClient) -> None:
    sepay(doors, 1)
    post(books)
    casso(doors, 7)
    post(books)
    assert sales(books) == [("A1", "2026-10-05", 20_000, 1, 0)]
    assert beside(books) == ["casso 7"] and findings(books) == []
    assert_proven(books)


def test_what_only_the_other_feed_told_waits_for_the_statement(books: Store, doors: TestClient) -> None:
    sepay(doors, 1)
    post(books)
    casso(doors, 7)
    casso(doors, 8, 35_000, transactionDateTime="2026-10-05 09:00:00")
    post(books)
    assert sales(books) == [("A1", "2026-10-05", 20_000, 1, 0)]
    state(books, [Stated("2026-10-05 08:30:00", 20_000), Stated("2026-10-05 09:00:00", 35_000)])
    bank_book.reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 55_000, 2, 55_000)]
    assert findings(books) == [("not_notified", "A1", 35_000, "resolved")]


def test_the_operator_sees_what_each_notice_corroborates(books: Store, street: Street) -> None:
    """A notice of the same payment, a line that nobody else told of, and nothing yet."""
    keep(books, [told(1)])
    post(books)
    for id, amount, hour in ((7, 20_000, "08:30"), (8, 35_000, "09:00"), (9, 41_000, "10:00")):
        rails_keep(books, id, amount, transactionDateTime=f"2026-10-05 {hour}:00")
    post(books)
    state(books, [Stated("2026-10-05 08:30:00", 20_000), Stated("2026-10-05 09:00:00", 35_000)])
    bank_book.reconcile(books)
    days = ("--from", "2026-10-01", "--to", "2026-10-05")
    listed = run(books.settings, "feed", "corroborations", *days, "--format", "json").document
    names = ("provider", "external_id", "amount", "line_day", "of_provider", "of_id")
    assert [tuple(row[name] for name in names) for row in listed] == [
        ("casso", "7", 20_000, "2026-10-05", "sepay", "1"),
        ("casso", "8", 35_000, "2026-10-05", None, None),
        ("casso", "9", 41_000, None, None, None),
    ]
    assert "41" in run(books.settings, "feed", "corroborations", *days).out
    assert run(books.settings, "feed", "corroborations", "--to", "2026-10-04", "--format", "json").document == []


def test_the_token_that_only_the_other_feed_kept_says_whose_the_line_is(books: Store, street: Street) -> None:
    for order in permutations(("casso", "line", "reconcile")):
        empty(books)
        keep(books, [told(1, 1_000, account="1000003", memo=street.token("B1"), at="2026-09-01 08:00:00")])
        post(books)
        for step in order:
            if step == "casso":
                token = street.token("B2")
                rails_keep(books, 8, 35_000, accountNumber="1000003", description=token)
                post(books)
            elif step == "line":
                state(books, [Stated("2026-10-05 08:30:05", 35_000)], number="1000003")
            else:
                bank_book.reconcile(books)
        bank_book.reconcile(books)
        assert sales(books)[1:] == [("B2", "2026-10-05", 35_000, 1, 35_000)], order
        assert {row[3] for row in findings(books)} == {"resolved"}


def test_three_providers_of_one_account_make_one_sale_in_every_order(books: Store, street: Street) -> None:
    """The first to tell posts; a change brings the sale to another one of them, and back."""
    for order in permutations(("sepay", "casso", "payos")):
        empty(books)
        for name in order:
            tell_of_one(books, name)
            post(books)
        assert sales(books) == [("A1", "2026-10-05", 20_000, 1, 0)], order
        assert [each.split()[0] for each in beside(books)] == sorted(order[1:])
        state(books, [Stated("2026-10-05 08:30:00", 20_000)])
        bank_book.reconcile(books)
        for posting_ in (*order[1:], order[0]):
            assert sales(books) == [("A1", "2026-10-05", 20_000, 1, 20_000)], (order, posting_)
            assert findings(books) == []
            choose(books, posting_, "2026-10-01")
        assert_proven(books)


def tell_of_one(books: Store, name: str) -> None:
    """The same payment, as each of them tells it: by its own number, and nothing else to know it by but when it was."""
    if name == "sepay":
        keep(books, [told(1)])
    elif name == "casso":
        rails_keep(books, 7)
    else:
        keep_translated(books, payos.translate(rails.body(rails.payos_signed(rails.payos(9)))))


def rails_keep(books: Store, id: int, amount: int = 20_000, **more: Any) -> None:
    """Casso's notice, kept as the door would."""
    keep_translated(books, provider.translate(rails.body(rails.casso_v2(id, amount, **more))))


def keep_translated(books: Store, notices: Sequence[Told]) -> None:
    with psycopg.connect(books.url, options="-c timezone=UTC") as connection:
        notice.keep(connection, [notice.seal(found, books.vault, clock.now()) for found in notices])


def empty(books: Store) -> None:
    """No payments, lines and feeds, but the registry."""
    lane_world.wipe(books)
    with books.engine.begin() as connection:
        connection.execute(text("TRUNCATE feed, corroboration"))


def test_alike_payments_stay_two_on_each_side(books: Store, doors: TestClient) -> None:
    for id in (1, 2):
        sepay(doors, id)
        casso(doors, 10 + id)
    post(books)
    replay.replay(books, everything=True)
    assert sales(books) == [("A1", "2026-10-05", 40_000, 2, 0)]
    assert len(beside(books)) == 2
    state(books, [Stated("2026-10-05 08:30:00", 20_000)] * 3)
    bank_book.reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 60_000, 3, 60_000)]


def test_a_change_of_feed_brings_days_that_were_posted_to_it_and_back(books: Store, doors: TestClient) -> None:
    for day in ("2026-10-04", "2026-10-05"):
        number = int(day[-1])
        sepay(doors, number, at=f"{day} 08:30:00")
        casso(doors, 10 + number, transactionDateTime=f"{day} 08:30:10")
        casso(doors, 20 + number, 11_000, transactionDateTime=f"{day} 10:00:00")
    sepay(doors, 9, 9_000, at="2026-10-05 12:00:00")
    post(books)
    before = sales(books)
    assert before == [("A1", "2026-10-04", 20_000, 1, 0), ("A1", "2026-10-05", 29_000, 2, 0)]
    assert "4 notices" in choose(books, "casso", "2026-10-05")
    changed = [("A1", "2026-10-04", 20_000, 1, 0), ("A1", "2026-10-05", 31_000, 2, 0)]
    assert sales(books) == changed
    replay.replay(books, everything=True)
    assert sales(books) == changed
    choose(books, "sepay", "2026-10-05")
    assert sales(books) == before
    listed = run(books.settings, "feeds", "--format", "json").document
    assert [(row["account"], row["provider"], row["since"], row["until"]) for row in listed] == [
        ("1000001", "sepay", None, "2026-10-05"),
        ("1000001", "sepay", "2026-10-05", None),
    ]


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [
        ("2026-10-05 23:59:50", "2026-10-06 00:00:05", ("A1", "2026-10-05", 20_000, 1, 0)),
        ("2026-10-06 00:00:05", "2026-10-05 23:59:50", ("A1", "2026-10-06", 20_000, 1, 0)),
        ("2026-10-05 23:59:50", "2026-10-05 23:59:55", ("A1", "2026-10-05", 20_000, 1, 0)),
        ("2026-10-06 00:00:05", "2026-10-06 00:00:06", ("A1", "2026-10-06", 20_000, 1, 0)),
    ],
)
def test_a_payment_at_the_border_of_two_feeds_is_one_sale_in_every_order(
    books: Store, street: Street, ours: str, theirs: str, wanted: tuple[Any, ...]
) -> None:
    for order in permutations(("sepay", "casso", "change")):
        empty(books)
        keep(books, [told(99, 1_000, at="2026-09-01 08:00:00")])
        post(books)
        for step in order:
            if step == "sepay":
                keep(books, [told(1, at=ours)])
            elif step == "casso":
                rails_keep(books, 7, transactionDateTime=theirs)
            else:
                choose(books, "casso", "2026-10-06")
            post(books)
        assert sales(books)[1:] == [wanted], order
        assert_proven(books)


def test_the_virtual_account_has_the_feed_of_the_account_it_leads_to(books: Store, doors: TestClient) -> None:
    bidv = {"bankName": "BIDV", "bankAbbreviation": "BIDV"}
    sepay(doors, 1, account="1000005", virtual="VA0005", gateway="BIDV")
    post(books)
    casso(doors, 7, accountNumber="VA0005", **bidv)
    casso(doors, 8, accountNumber="1000005", **bidv)
    post(books)
    assert sales(books) == [("C1", "2026-10-05", 20_000, 1, 0)]
    answer = run(
        books.settings, "feed", "set", "--account", "BIDV:VA0005", "--provider", "casso", "--since", "2026-10-01"
    )
    assert answer.code != 0 and "1000005" in answer.err


def test_an_account_that_the_roll_names_later_has_one_feed_all_the_same(books: Store, doors: TestClient) -> None:
    sepay(doors, 1, account="2000001", gateway="a bank of no name")
    casso(doors, 7, accountNumber="2000001")
    post(books)
    with books.session() as session:
        import_roll(
            session, find_street(session).market, "D1;D;;Ông Chín;;;;VCB;2000001;VO VAN CHIN;", on=date(2026, 10, 1)
        )
        session.commit()
    replay.replay(books)
    assert [row[2:4] for row in sales(books)] == [(20_000, 1)]
    assert_proven(books)


def test_posters_at_once_make_one_feed_for_an_account(books: Store, doors: TestClient) -> None:
    numbers = [f"30{place:05}" for place in range(40)]
    for place, number in enumerate(numbers):
        sepay(doors, place + 1, account=number)
        casso(doors, place + 1, accountNumber=number)

    def post_some(_: int) -> int:
        posted = 0
        for _ in range(40):
            with books.session() as session:
                posted += posting.post_batch(session, 5)
        return posted

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(post_some, range(4)))
    post(books)
    with books.engine.connect() as connection:
        feeds = connection.execute(text("SELECT number, count(*) FROM feed GROUP BY 1")).all()
        booked = connection.execute(text("SELECT count(*) FROM entry")).scalar_one()
    assert sorted(map(tuple, feeds)) == [(number, 1) for number in numbers]
    assert (booked, len(beside(books))) == (40, 40)
    assert_proven(books)


@pytest.mark.parametrize(
    ("account", "provider"), [("1000001", "casso"), ("VCB:1000001", "stripe"), ("VCB:77", "casso"), ("X:1", "casso")]
)
def test_a_feed_that_cannot_be_is_refused_in_words(books: Store, street: Street, account: str, provider: str) -> None:
    since = date(2026, 10, 1)
    answer = run(books.settings, "feed", "set", "--account", account, "--provider", provider, "--since", since)
    assert answer.code == 1 and answer.err.strip()
    assert run(books.settings, "feeds", "--format", "json").document == []
