"""A vendor's own word of her payments: it counts, can be undone, and stays right whatever the bank says later."""

from collections.abc import Iterable
from datetime import date
from uuid import uuid4

import pytest
from httpx2 import Response
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ground import clock, store
from ground.refusal import Refusal
from ground.store import Store
from payments import decision, own_day, own_payment, own_word, reconciliation, replay, stall_day
from payments.own_word import Said
from payments.verify import verify
from tests import lane_world
from tests.bank_book import Stated, reconcile, state
from tests.cast import VENDOR_PHONE, Cast
from tests.conftest import Copy
from tests.world import keep, post, told

DAY = "2026-10-05"
Row = tuple[str, str, int, int, int, int]


def tell(books: Store, *payments: dict[str, object]) -> None:
    keep(books, payments)
    post(books)


def say(cast: Cast, kind: str, payment: str = "n1", **fields: str) -> Response:
    sent = {"payment": payment, "kind": kind, "sent_id": str(uuid4()), "day": DAY, **fields}
    return cast.sign_in("vendor").submit("/stall", "/stall/words", **sent)


def undo(cast: Cast, word: int) -> Response:
    return cast.sign_in("vendor").submit("/stall", "/stall/words/undoing", word=str(word), day=DAY)


def days(books: Store) -> list[Row]:
    """(stall, day, value, count, refunds, confirmed), and the books are proven."""
    with books.session() as session:
        rows = session.execute(
            text("""
                SELECT s.number, d.business_date::text, d.sales_value, d.sales_count, d.refunds_value, d.confirmed_value
                FROM stall_day d JOIN stall s ON s.id = d.stall_id
                WHERE (sales_value, sales_count, refunds_value, confirmed_value) <> (0, 0, 0, 0) ORDER BY 1, 2
            """)
        )
        found = [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]
        assert verify(books).differences == []
        stall_day.rebuild(session)
        session.commit()
    assert verify(books).differences == []
    return found


def today() -> str:
    return clock.today().isoformat()


def test_what_was_returned_comes_off_the_day_it_was_said_and_never_more_than_stands(cast: Cast) -> None:
    tell(cast.books, told(1, 200_000))
    assert say(cast, "returned", amount="50.000").status_code == 303
    assert days(cast.books) == [("A1", DAY, 200_000, 1, 0, 0), ("A1", today(), -50_000, 0, 50_000, 0)]
    for wrong in ("150.001", "0", "abc", "-5"):
        answer = say(cast, "returned", amount=wrong)
        assert answer.status_code == 422 and "error" in answer.text, wrong
    assert say(cast, "returned").status_code == 303, "without an amount: all that is left"
    assert say(cast, "returned").status_code == 409
    assert days(cast.books)[1] == ("A1", today(), -200_000, 0, 200_000, 0)
    assert undo(cast, 1).status_code == 303
    assert days(cast.books)[1] == ("A1", today(), -150_000, 0, 150_000, 0)
    assert undo(cast, 1).status_code == 303, "undone twice is undone once"
    assert undo(cast, 2).status_code == 303
    assert days(cast.books) == [("A1", DAY, 200_000, 1, 0, 0)]


def test_what_was_no_sale_is_neither_value_nor_count_until_it_is_undone(cast: Cast) -> None:
    tell(cast.books, told(1, 200_000), told(2, 30_000))
    assert say(cast, "returned", amount="50000").status_code == 303
    assert say(cast, "not_sale").status_code == 303
    assert days(cast.books) == [("A1", DAY, 30_000, 1, 0, 0)], "nor is it a refund"
    assert say(cast, "returned").status_code == 409
    page = cast.sign_in("vendor").get(f"/stall?day={DAY}").text
    assert "Không phải tiền bán hàng" in page and "30.000" in page
    assert undo(cast, 2).status_code == 303
    assert days(cast.books) == [("A1", DAY, 230_000, 2, 0, 0), ("A1", today(), -50_000, 0, 50_000, 0)]


def test_a_double_tap_says_it_once_and_every_word_is_in_the_audit(cast: Cast) -> None:
    tell(cast.books, told(1, 200_000))
    twice = str(uuid4())
    for _ in range(2):
        assert say(cast, "returned", amount="20.000", sent_id=twice).status_code == 303
    assert days(cast.books)[1] == ("A1", today(), -20_000, 0, 20_000, 0)
    undo(cast, 1)
    undo(cast, 1)
    with cast.books.session() as session:
        acts = session.execute(text("SELECT what, subject FROM audit WHERE what LIKE 'payment.%' ORDER BY number"))
        told_of = [row.what for row in acts]
        amounts = session.execute(text("SELECT count(*) FROM audit WHERE after::text LIKE '%20000%'")).scalar_one()
    assert told_of == ["payment.returned", "payment.undone"] and amounts == 0


def test_only_her_own_payments_are_hers_to_speak_of(cast: Cast) -> None:
    tell(cast.books, told(1, 70_000, account="1000002"), told(2, 10_000, account="9999"))
    for payment in ("n1", "n2", "n77", "l1", "x", "n", "n9999999999999999999"):
        assert say(cast, "not_sale", payment).status_code == 404, payment
    with cast.books.session() as session:
        stall = session.execute(text("SELECT id FROM stall WHERE number = 'A2' ORDER BY id")).scalars().first() or 0
        said = Said("not_sale", None, uuid4())
        word = own_word.say(session, (1, None), [stall], said, by="vendor:9", moment=clock.now())
        assert word is not None
        session.commit()
        assert undo(cast, word.id or 0).status_code == 404
        session.execute(text("UPDATE stall_state SET since = '2026-10-06' WHERE stall_id = 1"))
        session.commit()
    tell(cast.books, told(3, 5_000, at="2026-10-06 08:00:00"))
    assert say(cast, "not_sale", "n3").status_code == 303, "since it is hers"


def test_a_card_sale_is_the_card_companys_to_refund(cast: Cast) -> None:
    with cast.books.session() as session:
        tell(cast.books, told(1, 20_000))
        session.execute(text("ALTER TABLE entry DISABLE TRIGGER ALL"))
        session.execute(text("UPDATE notice SET provider = 'stripe'"))
        session.commit()
    assert say(cast, "returned").status_code == 409
    assert say(cast, "not_sale").status_code == 409


def test_her_word_of_a_line_holds_for_the_notice_that_comes_late(cast: Cast) -> None:
    """The line goes off the books for the notice: what she said was said of the payment."""
    state(cast.books, [Stated(DAY, 70_000, "FT1"), Stated(DAY, 90_000, "FT2")])
    reconcile(cast.books)
    assert say(cast, "not_sale", "l1").status_code == 303
    assert say(cast, "returned", "l2", amount="40.000").status_code == 303
    before = [("A1", DAY, 90_000, 1, 0, 90_000), ("A1", today(), -40_000, 0, 40_000, 0)]
    assert days(cast.books) == before
    tell(cast.books, told(1, 70_000, referenceCode="FT1"), told(2, 90_000, referenceCode="FT2"))
    assert days(cast.books) == before
    shown = own_payments(cast.books)
    assert [(each.key, each.apart, each.returned, [word.kind for word in each.words]) for each in shown] == [
        ("n1", True, 0, ["not_sale"]),
        ("n2", False, 40_000, ["returned"]),
    ]
    for word in (1, 2):
        assert undo(cast, word).status_code == 303
    assert days(cast.books) == [("A1", DAY, 160_000, 2, 0, 160_000)]
    reconcile(cast.books)


def own_payments(books: Store, day: str = DAY) -> list[own_payment.OwnPayment]:
    with books.session() as session:
        stalls = own_day.held_on(session, VENDOR_PHONE, date.fromisoformat(day))
        found = own_payment.of_day(session, VENDOR_PHONE, stalls, date.fromisoformat(day))
    return sorted(found, key=lambda each: each.key)


def test_what_another_stall_turns_out_to_own_is_that_stalls_sale(cast: Cast) -> None:
    """Her word was about money that was hers: of another's it says nothing, and comes back with the money."""
    tell(cast.books, told(1, 60_000, account="1000003"))
    state(cast.books, [Stated("2026-10-05 08:30:00", 60_000, "MBVCB.1")], number="1000003")
    reconcile(cast.books)
    with cast.books.session() as session:
        rows = session.execute(text("SELECT number, id FROM stall ORDER BY id DESC"))
        stalls = {row.number: int(row.id) for row in rows}
        decision.assign(session, 1, stalls["B1"], by="test", reason="chị Sáu nói")
        said = Said("not_sale", None, uuid4())
        own_word.say(session, (1, None), [stalls["B1"]], said, by="vendor:3", moment=clock.now())
        session.commit()
        assert days(cast.books) == []
        decision.assign(session, 1, stalls["B2"], by="test", reason="đúng sạp")
        session.commit()
        assert days(cast.books) == [("B2", DAY, 60_000, 1, 0, 60_000)]
        decision.assign(session, 1, stalls["B1"], by="test", reason="nhầm")
        session.commit()
    assert days(cast.books) == []


def test_replay_changes_nothing_and_verify_sees_a_word_that_the_journal_does_not_follow(cast: Cast) -> None:
    tell(cast.books, told(1, 200_000))
    say(cast, "returned", amount="50.000")
    before = days(cast.books)
    replay.replay(cast.books, everything=True)
    assert days(cast.books) == before
    with cast.books.session() as session:
        session.execute(text("UPDATE own_word SET amount = 60000"))
        session.commit()
    assert any("follows a vendor's own word" in each for each in verify(cast.books).differences)


# One payment, told by a notice, a line or both, partly or wholly taken back by the bank, and her words in between.
STEPS = ("notice", "line", "debit", "returned", "returned", "not_sale", "undo")


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[str], dict[str, int]]:
    """Steps in some order, some of them left out, and the amounts told of."""
    steps = draw(st.permutations(STEPS))[: draw(st.integers(4, len(STEPS)))]
    amounts = {"notice": (100_000, 90_000), "line": (100_000, 120_000), "debit": (100_000, 40_000)}
    told_of = {name: draw(st.sampled_from(among)) for name, among in amounts.items()}
    told_of["debit"] = min(told_of["debit"], told_of["line"])
    return steps, told_of


def expected(facts: dict[str, int], words: Iterable[tuple[str, int]]) -> tuple[int, int, int, int]:
    """Gross value, count, confirmed and refunds, from the facts alone, in whatever order they came."""
    stands = facts.get("line", facts.get("notice", 0))
    if "line" in facts:
        stands -= facts.get("debit", 0)
    said = list(words)
    if any(kind == "not_sale" for kind, _ in said):
        return (0, 0, 0, 0)
    refunds, left = 0, stands
    for _, amount in said:
        given_back = min(amount, left)
        refunds, left = refunds + given_back, left - given_back
    return (stands, int(stands > 0), stands if "line" in facts else 0, refunds)


@pytest.fixture(scope="module")
def long_books(copy: Copy, street_database: str) -> Iterable[Store]:
    opened = store.open_store(copy(street_database, "own_word_stories"))
    yield opened
    opened.engine.dispose()


@settings(max_examples=10, deadline=None)
@given(story=stories())
def test_in_every_order_the_books_say_what_the_facts_and_her_words_say(
    long_books: Store, story: tuple[list[str], dict[str, int]]
) -> None:
    steps, told_of = story
    lane_world.wipe(long_books)
    facts: dict[str, int] = {}
    words: dict[int, tuple[str, int]] = {}
    for step in steps:
        if step in told_of:
            facts[step] = told_of[step]
        if step == "notice":
            tell(long_books, told(1, told_of[step], referenceCode="FT1"))
        elif step == "line":
            state(long_books, [Stated("2026-10-05 08:30:00", told_of[step], "FT1")])
        elif step == "debit":
            state(long_books, [Stated("2026-10-06", -told_of[step], "R1", reversal=True, named=("FT1",))])
        else:
            speak(long_books, step, words)
        if step in ("line", "debit"):
            reconciliation.reconcile(long_books, date(2026, 10, 31))
    with long_books.session() as session:
        sums = "sum(sales_value + refunds_value), sum(sales_count), sum(confirmed_value), sum(refunds_value)"
        found = session.execute(text(f"SELECT {sums} FROM stall_day")).one()
    assert tuple(each or 0 for each in found) == expected(facts, words.values()), words
    assert verify(long_books).differences == []


def speak(books: Store, step: str, words: dict[int, tuple[str, int]]) -> None:
    """Say it of whichever of notice and line stands then, or undo the first word; what is refused is not said."""
    with books.session() as session:
        if step == "undo":
            if words:
                first = min(words)
                assert own_word.undo(session, first, [1], by="vendor:1", moment=clock.now()) is not None
                del words[first]
                session.commit()
            return
        standing = own_payment.of_day(session, VENDOR_PHONE, [1], date.fromisoformat(DAY))
        said = Said("returned" if step == "returned" else "not_sale", 40_000 if step == "returned" else None, uuid4())
        try:
            word = own_word.say(session, standing[0].payment, [1], said, by="vendor:1", moment=clock.now())
        except (Refusal, IndexError):
            session.rollback()
            return
        session.commit()
    assert word is not None and word.id is not None
    words[word.id] = (word.kind, word.amount or 0)
