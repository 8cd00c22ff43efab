"""Decisions on what a statement says, and the notice that comes before or after them: the money is where they said."""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from ground.refusal import Refusal
from ground.store import Store
from payments import decision, verify
from tests.bank_book import Stated, pairs, reconcile, sales, state
from tests.world import Street, keep, post, told

SHARED = "1000003"
Step = Callable[[], None]


class Desk:
    """Whoever sits at the books: tells notices, imports statements, decides."""

    def __init__(self, books: Store, street: Street) -> None:
        self.books, self.street = books, street

    def tell(self, amount: int = 20_000, *, token: str = "", number: str = SHARED, reference: str = "N1") -> None:
        memo = self.street.token(token) if token else ""
        keep(
            self.books, [told(1, amount, account=number, memo=memo, at="2026-10-05 08:00:00", referenceCode=reference)]
        )
        post(self.books)
        self.prove()

    def state(self, amount: int = 20_000, *, token: str = "", number: str = SHARED, reference: str = "L1") -> None:
        memo = self.street.token(token) if token else ""
        state(self.books, [Stated("2026-10-05 08:00:02", amount, reference, memo)], number=number)
        reconcile(self.books)

    def decide(self, stall: str) -> None:
        with self.books.session() as session:
            owner = session.execute(text("SELECT id FROM stall WHERE number = :number"), {"number": stall}).scalar_one()
            decision.assign(session, self._of_line(), owner, by="operator", reason="seen in her app")
            session.commit()
        self.prove()

    def undo(self) -> None:
        with self.books.session() as session:
            decision.undo(session, self._of_line(), by="operator", reason="it was another day")
            session.commit()
        self.prove()

    def _of_line(self) -> int:
        with self.books.engine.connect() as connection:
            return int(connection.execute(text("SELECT id FROM finding WHERE line_id IS NOT NULL")).scalar_one())

    def prove(self) -> None:
        assert verify.verify(self.books).differences == []

    def lying(self) -> list[tuple[str, int, int]]:
        """(stall, value, count)."""
        return [(stall, value, count) for stall, _, value, count, _ in sales(self.books)]

    def statuses(self) -> dict[str, str]:
        """Of the findings about the line and about the notice."""
        found = text("SELECT CASE WHEN line_id IS NULL THEN 'notice' ELSE 'line' END, status FROM finding")
        with self.books.engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(found)}


@pytest.fixture
def desk(books: Store, street: Street) -> Desk:
    return Desk(books, street)


NOTICE_FIRST, NOTICE_LAST = (True, False)


@pytest.mark.parametrize("notice_first", [NOTICE_FIRST, NOTICE_LAST])
def test_the_money_of_both_halves_is_where_the_line_was_given(desk: Desk, notice_first: bool) -> None:
    desk.state()
    steps: list[Step] = [desk.tell, lambda: desk.decide("B1")]
    for step in steps if notice_first else steps[::-1]:
        step()
    assert desk.lying() == [("B1", 20_000, 1)]
    assert [row[2] for row in pairs(desk.books)] == ["time"]
    desk.decide("B2")
    assert desk.lying() == [("B2", 20_000, 1)]
    desk.undo()
    assert desk.lying() == []
    assert desk.statuses() == {"line": "resolved", "notice": "open"}
    reconcile(desk.books)
    assert desk.lying() == []


def test_what_was_taken_back_before_the_notice_came_is_not_carried_over(desk: Desk) -> None:
    desk.state()
    desk.decide("B1")
    desk.undo()
    desk.tell()
    assert desk.lying() == []
    assert desk.statuses() == {"line": "resolved", "notice": "open"}


@pytest.mark.parametrize("notice_first", [NOTICE_FIRST, NOTICE_LAST])
def test_a_line_given_to_a_stall_is_not_another_stalls_notice_by_its_time_alone(desk: Desk, notice_first: bool) -> None:
    """Then there were two payments, and one of them has no line: a person will be asked about that."""
    desk.state()
    steps: list[Step] = [lambda: desk.tell(token="B2"), lambda: desk.decide("B1")]
    for step in steps if notice_first else steps[::-1]:
        step()
    assert pairs(desk.books) == []
    assert desk.lying() == [("B1", 20_000, 1), ("B2", 20_000, 1)]
    desk.undo()
    assert desk.lying() == [("B2", 20_000, 1)]
    assert [row[2] for row in pairs(desk.books)] == ["time"]


@pytest.mark.parametrize("notice_first", [NOTICE_FIRST, NOTICE_LAST])
def test_a_payment_that_its_reference_proves_stays_where_it_was_given(desk: Desk, notice_first: bool) -> None:
    desk.state(reference="FT26278000001")
    steps: list[Step] = [
        lambda: desk.tell(token="B2", reference="FT26278000001"),
        lambda: desk.decide("B1"),
    ]
    for step in steps if notice_first else steps[::-1]:
        step()
    assert [row[2] for row in pairs(desk.books)] == ["reference"]
    assert desk.lying() == [("B1", 20_000, 1)]
    desk.undo()
    assert desk.lying() == [("B2", 20_000, 1)]


@pytest.mark.parametrize("notice_first", [NOTICE_FIRST, NOTICE_LAST])
def test_a_sale_that_was_moved_stays_moved_when_its_notice_comes(desk: Desk, notice_first: bool) -> None:
    desk.state(number="1000001")
    steps: list[Step] = [lambda: desk.tell(number="1000001"), lambda: desk.decide("A2")]
    for step in steps if notice_first else steps[::-1]:
        step()
    assert desk.lying() == [("A2", 20_000, 1)]
    assert len(pairs(desk.books)) == 1
    desk.undo()
    assert desk.lying() == [("A1", 20_000, 1)]


@pytest.mark.parametrize("order", [("state", "tell"), ("tell", "state")])
def test_a_token_that_only_the_bank_kept_names_the_stall(desk: Desk, order: tuple[str, ...]) -> None:
    for step in order:
        {"state": lambda: desk.state(token="B1"), "tell": desk.tell}[step]()
    assert len(pairs(desk.books)) == 1
    assert desk.lying() == [("B1", 20_000, 1)]
    assert "open" not in desk.statuses().values()


def test_what_the_line_told_of_a_notice_is_forgotten_with_the_pair(desk: Desk) -> None:
    """An equal reference outranks the time: the other line's token says nothing of this payment any more."""
    desk.tell(reference="FT26278000001")
    desk.state(token="B1")
    assert desk.lying() == [("B1", 20_000, 1)]
    state(desk.books, [Stated("2026-10-05 08:20:00", 20_000, "FT26278000001")], number=SHARED)
    reconcile(desk.books)
    assert desk.lying() == [("B1", 20_000, 1)]  # the line's own
    with desk.books.engine.connect() as connection:
        held = connection.execute(text("SELECT status FROM finding WHERE notice_id IS NOT NULL")).scalar_one()
    assert held == "open"


def test_a_decision_on_the_notice_is_one_on_its_line_too(desk: Desk) -> None:
    desk.state()
    desk.decide("B1")
    desk.tell()
    with desk.books.session() as session:
        found = session.execute(text("SELECT id FROM finding WHERE notice_id IS NOT NULL")).scalar_one()
        owner = session.execute(text("SELECT id FROM stall WHERE number = 'B2'")).scalar_one()
        decision.assign(session, found, owner, by="operator", reason="it was her brother")
        session.commit()
    desk.prove()
    assert desk.lying() == [("B2", 20_000, 1)]
    with desk.books.session() as session:
        decision.undo(session, found, by="operator", reason="no, nobody knows")
        session.commit()
    desk.prove()
    assert desk.lying() == []
    assert desk.statuses() == {"line": "resolved", "notice": "open"}


def test_a_reversal_cannot_be_given_to_a_stall(desk: Desk) -> None:
    state(desk.books, [Stated("2026-10-05", -20_000, "X1", reversal=True)], number=SHARED)
    reconcile(desk.books)
    with pytest.raises(Refusal, match="holds no money"):
        desk.decide("B1")
