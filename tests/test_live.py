"""The stall speaks: what an open page is told, once, at once, and to nobody else."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from main import House
from payments import horizon, journal, posting
from payments.demo.card_office import serving
from payments.movement import Movement
from portal import newsroom, vendor_account, visit
from portal.visit import Guest
from tests.cast import Cast
from tests.ear import Ear
from tests.world import keep, post, told

Listen = Callable[..., Ear]


@pytest.fixture
def address(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server beside the cast's own app: what one process posts, another one's pages hear."""
    monkeypatch.setattr(newsroom, "BEAT_SECONDS", 0.3)
    with serving(House(cast.books)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def listen(cast: Cast, address: str) -> Iterator[Listen]:
    ears: list[Ear] = []

    def begin(who: str = "vendor", **place: int) -> Ear:
        ear = Ear(address, cast.sign_in(who).client.cookies, **place)
        ears.append(ear)
        return ear

    yield begin
    for ear in ears:
        ear.close()


def now(ago: timedelta = timedelta()) -> str:
    return f"{(clock.now() - ago).astimezone(clock.ZONE):%Y-%m-%d %H:%M:%S}"


def pay(cast: Cast, id: int, amount: int, **more: Any) -> None:
    keep(cast.books, [told(id, amount, **{"at": now(), **more})])
    post(cast.books)


KEEP = text("""
    INSERT INTO notice (provider, external_id, received_at, occurred_at, business_date, direction, amount, account,
        tokens, handled_at)
    VALUES ('sepay', :id, :moment, :moment, :day, 'in', :amount, '1000001', '{}', :moment) RETURNING id
""")


def kept(session: Session, id: str, amount: int) -> int:
    """A notice in the caller's transaction, as one that is being posted just now."""
    facts = {"id": id, "moment": clock.now(), "day": clock.today(), "amount": amount}
    return int(session.execute(KEEP, facts).scalar_one())


def sale(session: Session, id: str, amount: int) -> int:
    """A sale of A1 as posting writes it, in a transaction that somebody else commits; its entry's number."""
    notice_id = kept(session, id, amount)
    stall_id = session.execute(text("SELECT id FROM stall WHERE number = 'A1' ORDER BY id")).scalars().first()
    account = journal.stall_account(stall_id or 0)
    journal.write(session, [Movement("sale", "world:sepay", account, amount, clock.today(), clock.now(), notice_id)])
    return int(session.execute(text("SELECT max(id) FROM entry")).scalar_one())


def test_a_payment_is_told_in_words_at_once_and_to_its_vendor_alone(cast: Cast, listen: Listen) -> None:
    ear = listen()
    assert ear.upto_ready() == []
    pay(cast, 1, 70_000, account="1000002")  # Chú Tư's
    began = time.monotonic()
    pay(cast, 2, 200_000)
    heard = ear.next("news")
    assert heard is not None and heard.at - began < 1
    assert heard.content["shown"] == "200.000 ₫" and heard.content["say"] == "Đã nhận hai trăm nghìn đồng"
    assert not heard.content["tiny"] and not heard.content["late"]
    pay(cast, 3, 200)
    heard = ear.next("news")
    assert heard is not None and heard.content["tiny"]
    assert heard.content["say"] == "Chú ý! Chỉ nhận hai trăm đồng"
    pay(cast, 4, 50_000, at=now(timedelta(days=2)))
    heard = ear.next("news")
    assert heard is not None and heard.content["late"], "shown, but not said as if it came just now"
    for who in ("board", "stranger"):
        assert listen(who).next("news") is None


def test_what_came_while_the_page_slept_is_told_once_after_its_last_event(cast: Cast, listen: Listen) -> None:
    ear = listen()
    pay(cast, 1, 10_000)
    heard, beat = ear.next("news"), ear.next("beat")
    assert heard is not None
    while beat is not None and beat.id < heard.content["id"]:
        beat = ear.next("beat")
    assert beat is not None
    ear.close()
    for id in (2, 3):
        pay(cast, id, 1_000 * id)
    slept = listen(last=beat.id)
    assert slept.upto_ready() == [heard.content["id"] + 1, heard.content["id"] + 2]
    # A place that these books have never reached is another installation's: it goes on from where these are.
    stranger = listen(since=10**15)
    stranger.upto_ready()
    pay(cast, 4, 4_000)
    found = stranger.next("news")
    assert found is not None and found.content["amount"] == 4_000 and found.id < 10**15


def test_a_lower_number_that_commits_later_is_not_missed(cast: Cast, listen: Listen) -> None:
    pay(cast, 1, 1_000)
    ear = listen()
    ear.upto_ready()
    with cast.books.session() as slow, cast.books.session() as fast:
        fast.execute(text("SET LOCAL lock_timeout = '5s'"))
        lower = sale(slow, "slow", 5_000)
        # Another day's row of the rollup: the same one would make the second writer wait for the first.
        keep(cast.books, [told(7_000, 7_000, at=now(timedelta(days=1)))])
        posting.post_all(fast)
        heard = ear.next("news")
        assert heard is not None and heard.content["id"] > lower
        place = heard.id
        assert place < lower, "where to go on lies below what is still being written"
        away = listen(last=place)
        away_heard = away.upto_ready()
        assert away_heard == [heard.content["id"]]
        slow.commit()
    for each in (ear, away):
        later = each.next("news")
        assert later is not None and later.content["id"] == lower
    assert sorted(listen(last=place).upto_ready()) == [lower, heard.content["id"]]


def test_the_horizon_stays_below_whoever_still_writes_whichever_began_first(cast: Cast) -> None:
    pay(cast, 1, 1_000)
    with cast.books.session() as older, cast.books.session() as younger, cast.books.session() as reader:
        older.execute(text("SELECT pg_current_xact_id()"))
        lower = sale(younger, "younger", 5_000)
        keep(cast.books, [told(2, 7_000, at=now(timedelta(days=1)))])
        posting.post_all(older)
        first = horizon.begin(reader)
        assert first.floor < lower < horizon.look(reader).last
        again = horizon.advance(first, horizon.look(reader))
        assert again.floor < lower
        younger.commit()
        assert horizon.advance(again, horizon.look(reader)).floor > lower
    assert horizon.begin(reader).floor > lower


def test_each_of_many_payments_is_heard_once_at_its_own_stall(cast: Cast, listen: Listen, address: str) -> None:
    with cast.books.session() as session:
        neighbour = vendor_account.take_up(session, "0912000002", clock.now())
        guest = Guest("127.0.0.1", "test")
        token = visit.begin(session, cast.books.vault, clock.now(), guest, vendor_id=neighbour)
        session.commit()
    ears = {"1000001": listen(), "1000002": Ear(address, {"visit": token})}
    for ear in ears.values():
        ear.upto_ready()

    def sell(account: str) -> list[int]:
        amounts = [1_000 * (number + 1) + int(account[-1]) for number in range(40)]
        for amount in amounts:
            pay(cast, amount, amount, account=account)
        return amounts

    with ThreadPoolExecutor() as pool:
        sold = dict(zip(ears, pool.map(sell, ears), strict=True))
    for account, ear in ears.items():
        heard = [ear.next("news") for _ in sold[account]]
        assert sorted(each.content["amount"] for each in heard if each is not None) == sorted(sold[account])
        ear.close()


def test_a_payment_told_by_another_source_is_no_news(cast: Cast, listen: Listen) -> None:
    """What stands by a line, and then by the notice that came late, came once."""
    ear = listen()
    pay(cast, 1, 30_000)
    assert ear.next("news") is not None
    with cast.books.session() as session:
        old = session.execute(text("SELECT id, credit FROM entry")).one()
        notice_id = session.execute(text("SELECT id FROM notice")).scalar_one()
        facts = (30_000, clock.today(), clock.now())
        # As a change of feed does it: off by one notice, on by another, in one commit.
        other = kept(session, "other", 30_000)
        journal.write(
            session,
            [
                Movement("reversal", old.credit, "world:sepay", *facts, notice_id),
                Movement("sale", "world:sepay", old.credit, *facts, other),
            ],
        )
        session.commit()
    heard = ear.next("news", "changed")
    assert heard is not None and heard.kind == "changed"


@pytest.mark.parametrize("ending", ["signed out", "the stall is another's"])
def test_the_stream_ends_with_the_visit_and_with_the_stall(cast: Cast, listen: Listen, ending: str) -> None:
    ear = listen()
    ear.upto_ready()
    with cast.books.session() as session:
        if ending == "signed out":
            session.execute(text("UPDATE visit SET ended_at = now()"))
        else:
            session.execute(text("UPDATE merchant SET phone = NULL"))
        session.commit()
    pay(cast, 1, 40_000)
    assert ear.next("news") is None
