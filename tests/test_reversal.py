"""What a bank took back stays taken back, however long ago, whatever comes afterwards and in whichever order."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ground.store import Store
from payments import verify
from tests import lane_world
from tests.bank_book import Stated, findings, reconcile, sales, state
from tests.world import Street, keep, post, told

OCTOBER_5 = ("A1", "2026-10-05", 50_000, 1, 50_000)
LATER = Stated("2026-11-20 09:00:00", 7_000)
SHARED = "1000003"


@pytest.fixture
def market(books: Store, street: Street) -> Street:
    return street


def tell(books: Store, *payments: dict[str, object]) -> None:
    keep(books, payments)
    post(books)


def kinds(books: Store) -> list[str]:
    with books.session() as session:
        return list(session.execute(text("SELECT kind FROM entry ORDER BY id")).scalars())


@pytest.mark.parametrize("notified", [True, False])
def test_a_reversal_is_not_undone_by_what_comes_a_month_later(books: Store, market: Street, notified: bool) -> None:
    if notified:
        tell(books, told(1, 50_000, referenceCode="FT26278000001"))
    back = Stated("2026-10-07 09:00:00", -50_000, "FT26278000001", reversal=True)
    state(books, [Stated("2026-10-05 08:30:04", 50_000, "FT26278000001"), back])
    reconcile(books)
    assert sales(books) == []
    state(books, [LATER])
    reconcile(books, "2026-11-21")
    tell(books, told(2, 9_000, at="2026-11-21 08:00:00"))
    assert sales(books) == [("A1", "2026-11-20", 7_000, 1, 7_000), ("A1", "2026-11-21", 9_000, 1, 0)]
    assert kinds(books)[:2] == ["sale", "reversal"] and "restored" not in kinds(books)
    assert verify.verify(books).differences == []


@pytest.mark.parametrize("notified", [True, False])
def test_parts_taken_back_weeks_apart_all_stay_taken_back(books: Store, market: Street, notified: bool) -> None:
    """A scope in November reaches the second debit, the third only through it, and the first through both."""
    if notified:
        tell(books, told(1, 50_000, referenceCode="FT26278000001"))
    state(books, [Stated("2026-10-05 08:30:04", 50_000, "FT26278000001"), Stated("2026-10-20 08:00:00", 4_000, "FT3")])
    parts = ((6, 5_000), (20, 10_000), (31, 2_000))
    state(
        books,
        [Stated(f"2026-10-{day:02}", -amount, f"FT9{day}", named=("FT26278000001",)) for day, amount in parts],
    )
    reconcile(books, "2026-11-10")
    for day in ("2026-11-12", "2026-11-19", "2026-11-20"):
        state(books, [Stated(day, 7_000, f"FT{day}")])
        reconcile(books, "2026-11-21")
        assert sales(books)[0] == ("A1", "2026-10-05", 33_000, 1, 33_000)
    assert "restored" not in kinds(books)


@pytest.mark.parametrize("notified", [True, False])
def test_a_debit_that_could_mean_two_payments_takes_back_neither(books: Store, market: Street, notified: bool) -> None:
    """The second one is found a fortnight later, in a file of its own day."""
    if notified:
        tell(books, told(1, 50_000))
    state(books, [Stated("2026-10-05 08:30:04", 50_000), Stated("2026-10-25 09:00:00", -50_000, reversal=True)])
    reconcile(books)
    assert sales(books) == []
    state(books, [Stated("2026-10-24 08:30:04", 50_000)])
    reconcile(books)
    assert sales(books) == [OCTOBER_5, ("A1", "2026-10-24", 50_000, 1, 50_000)]
    assert ("ambiguous", None, 50_000, "open") in findings(books)


def test_which_of_two_stalls_money_was_taken_back_is_asked_at_once(books: Store, market: Street) -> None:
    """Nobody told of the two payments: whose they are is known before they are posted."""
    lines = [Stated(f"2026-10-05 1{hour}:00:00", 50_000, None, market.token(f"B{hour}")) for hour in (1, 2)]
    state(books, [*lines, Stated("2026-10-06 09:00:00", -50_000, reversal=True)], number=SHARED)
    for day in ("2026-10-31", "2026-11-01"):
        reconcile(books, day)
        assert [row[2] for row in sales(books)] == [50_000, 50_000]
    assert "reversal" not in kinds(books)


def test_a_batch_of_long_ago_is_not_posted_beside_its_notices(books: Store, market: Street) -> None:
    tell(books, *(told(id_, 40_000, referenceCode="BATCH20261005A", at=f"2026-10-05 1{id_}:00:00") for id_ in (1, 2)))
    state(books, [Stated("2026-10-05 21:00:00", 80_000, "BATCH20261005A")])
    state(books, [Stated("2026-10-30", -10_000, named=("BATCH20261005A",))])
    reconcile(books)
    state(books, [LATER])
    reconcile(books, "2026-11-21")
    assert sales(books) == [("A1", "2026-10-05", 80_000, 2, 80_000), ("A1", "2026-11-20", 7_000, 1, 7_000)]


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_what_is_taken_back_of_a_batch_is_asked_about_once(
    books: Store, market: Street, marked: bool, together: bool
) -> None:
    tell(books, *(told(id_, 40_000, referenceCode="BATCH20261005A", at=f"2026-10-05 1{id_}:00:00") for id_ in (1, 2)))
    batch = Stated("2026-10-05 21:00:00", 80_000, "BATCH20261005A")
    back = Stated("2026-10-12", -40_000, "R1", reversal=marked, named=("BATCH20261005A",))
    if together:
        state(books, [batch, back])
    else:
        state(books, [batch])
        reconcile(books, "2026-10-10")
        state(books, [back])
    for through in ("2026-10-12", "2026-10-13"):
        reconcile(books, through)
        assert sales(books) == [("A1", "2026-10-05", 80_000, 2, 80_000)]
        assert [(row[0], row[2]) for row in findings(books)] == [("ambiguous", 40_000)]


@pytest.mark.parametrize("notified", [True, False])
def test_verify_sees_money_that_came_back_by_itself(books: Store, market: Street, notified: bool) -> None:
    if notified:
        tell(books, told(1, 50_000, referenceCode="FT26278000001"))
    back = Stated("2026-10-07 09:00:00", -50_000, "FT26278000001", reversal=True)
    state(books, [Stated("2026-10-05 08:30:04", 50_000, "FT26278000001"), back])
    reconcile(books)
    with books.session() as session:
        session.execute(
            text("""
                INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id,
                    line_id, by_line_id, sales)
                SELECT 'restored', credit, debit, amount, business_date, occurred_at, now(), notice_id, line_id,
                    by_line_id, sales FROM entry WHERE kind = 'reversal'
            """)
        )
        session.commit()
    found = verify.verify(books).differences
    assert any("what was taken back stays off" in each and "50000" in each for each in found)


def story(chance: random.Random) -> tuple[list[dict[str, object]], list[Stated]]:
    """Five months of two stalls' account: few amounts, so that debits could mean several payments."""
    notices, lines = [], []
    paid = []
    for number in range(1, chance.randint(3, 8)):
        day = date(2026, 6, 1) + timedelta(days=chance.randint(0, 140))
        amount, name = chance.choice((20_000, 50_000)), f"FT26{number:08}"
        paid.append((day, amount, name))
        if chance.random() < 0.6:
            memo = chance.choice(("", "B1", "B2"))
            notices.append((number, amount, name, memo, day))
        lines.append(Stated(f"{day} 08:30:04", amount, name))
    for number in range(chance.randint(2, 7)):
        day, amount, name = chance.choice(paid)
        part = chance.choice((amount, amount, amount // 2, 5_000))
        back = day + timedelta(days=chance.randint(0, 34))
        marked = chance.random() < 0.6
        mentioned = (name,) if not marked or chance.random() < 0.4 else ()
        lines.append(Stated(f"{back} 1{number}:00:00", -part, f"FT99{number:08}", reversal=marked, named=mentioned))
    return notices, lines


@settings(
    deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(seed=st.integers(0, 2**32))
def test_every_order_takes_back_the_same(books: Store, market: Street, seed: int) -> None:
    """Each step proves the books; in the end they are what they are when all is known at once."""
    chance = random.Random(seed)
    notices, lines = story(chance)
    payments = [
        told(number, amount, account=SHARED, referenceCode=name, memo=memo and market.token(memo), at=f"{day} 08:30:00")
        for number, amount, name, memo, day in notices
    ]
    ends = []
    for pieces in (1, 4):
        lane_world.wipe(books)
        facts: list[Any] = [*payments, *lines]
        if pieces > 1:
            chance.shuffle(facts)
        size = -(-len(facts) // pieces)
        for start in range(0, len(facts), size):
            here = facts[start : start + size]
            stated = [fact for fact in here if isinstance(fact, Stated)]
            if stated:
                state(books, stated, number=SHARED)
            tell(books, *(fact for fact in here if not isinstance(fact, Stated)))
            reconcile(books)
        ends.append(sales(books))
    assert ends[0] == ends[1]
