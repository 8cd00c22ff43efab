"""What the suppression keeps in memory: never older than the books, however late a fact comes."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground.store import Store
from payments import cash_report, indicator, takings
from payments.takings import Takings
from tests.world import Street, keep, post, told

NOVEMBER = datetime(2026, 11, 1, 2, tzinfo=UTC)
DAY, OCTOBER, END = date(2026, 10, 5), date(2026, 10, 1), date(2026, 10, 31)
ACCOUNTS = {
    "A1": {"account": "1000001"},
    "A2": {"account": "1000002"},
    "C1": {"account": "999", "gateway": "BIDV", "virtual": "VA0005"},
}


def sell(books: Store, number: int, stall: str, day: date = DAY) -> None:
    keep(books, [told(number, 100_000, at=f"{day} 08:00:00", **ACCOUNTS[stall])])
    post(books)


def days(session: Session, street: Street, measure: str = "value") -> dict[date, int]:
    """As an answer that begins now has them."""
    known = Takings(session.connection(), END)
    known.read([(street.market.key, OCTOBER)])
    return {day: cell.total for day, cell in known.days(measure, (street.market.key, OCTOBER)).items()}


def kept(session: Session) -> set[tuple[int, date]]:
    return set(takings.SHELF.boards[session.connection().engine].kept)


def test_a_late_sale_is_seen_by_the_next_answer(books: Store, session: Session, street: Street) -> None:
    for number, stall in enumerate(("A1", "A2"), 1):
        sell(books, number, stall)
    assert days(session, street) == {DAY: 200_000}
    assert days(session, street) == {DAY: 200_000}
    sell(books, 3, "C1")
    assert days(session, street) == {DAY: 300_000}


def test_a_level_is_shown_as_soon_as_a_late_sale_covers_it(books: Store, session: Session, street: Street) -> None:
    def level() -> object:
        rated = indicator.rates(session, "market:cho-a", "2026-10", as_of=NOVEMBER)
        return next(each.value for each in rated.whole.figures if each.indicator == "cashless_value")

    sell(books, 1, "A1")
    sell(books, 2, "A2")
    assert level() is None
    sell(books, 3, "C1")
    assert level() == 300_000


def test_what_is_sold_today_leaves_past_months_at_hand(books: Store, session: Session, street: Street) -> None:
    sell(books, 1, "A1")
    days(session, street)
    days(session, street)
    assert kept(session) == {(street.market.key, OCTOBER)}
    sell(books, 2, "A2", date(2026, 11, 5))
    months = takings.SHELF.boards[session.connection().engine].kept
    before = months[street.market.key, OCTOBER]
    days(session, street)
    assert months[street.market.key, OCTOBER] is before


def test_a_cash_report_is_seen_by_the_next_answer(
    books: Store, session: Session, street: Street, tmp_path: Path
) -> None:
    sell(books, 1, "A1")
    assert days(session, street, "sales") == {}
    days(session, street)
    file = tmp_path / "cash.csv"
    file.write_text("stall,date,amount,count,source\nA1,2026-10-05,40000,2,declared\n", "utf-8")
    cash_report.take_in(session, street.market, file, by="the tests")
    session.commit()
    assert days(session, street, "sales") == {DAY: 140_000}
    assert days(session, street, "purchases") == {DAY: 3}


def test_a_sale_under_a_lower_number_that_is_committed_later_is_seen(
    books: Store, session: Session, street: Street
) -> None:
    """Two postings at once: the first one's entry has the lower id, and comes last."""
    sell(books, 1, "A1")
    days(session, street)
    days(session, street)
    with books.session() as slow:
        slow.execute(
            text("""
                INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id)
                SELECT 'reversal', credit, debit, 1, business_date, occurred_at, posted_at, notice_id FROM entry LIMIT 1
            """)
        )
        slow.execute(text("UPDATE stall_day SET sales_value = sales_value - 1"))
        sell(books, 2, "A2")  # a higher id, and first
        assert days(session, street) == {DAY: 200_000}
        assert days(session, street) == {DAY: 200_000}
        slow.commit()
    assert days(session, street) == {DAY: 199_999}


def test_the_later_one_may_have_begun_to_write_later_too(books: Store, session: Session, street: Street) -> None:
    """The lower number belongs to a transaction that no snapshot counts yet: none with a higher one has ended."""
    sell(books, 1, "A1")
    sell(books, 2, "A2")
    days(session, street)
    with books.session() as elder, books.session() as slow:
        elder.execute(text("SELECT pg_current_xact_id()"))
        take_off(slow, street, "A1")
        take_off(elder, street, "A2")
        elder.commit()
        assert days(session, street) == {DAY: 199_999}
        session.rollback()
        assert days(session, street) == {DAY: 199_999}
        session.rollback()
        slow.commit()
    assert days(session, street) == {DAY: 199_998}


def take_off(session: Session, street: Street, stall: str) -> None:
    """One đồng, by an entry and in the rollup."""
    where = {"market": street.market.key, "stall": stall}
    session.execute(
        text("""
            INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id)
            SELECT 'reversal', e.credit, e.debit, 1, e.business_date, e.occurred_at, e.posted_at, e.notice_id
            FROM stall s JOIN entry e ON e.credit = 'stall:' || s.id
            WHERE s.market_id = :market AND s.number = :stall
        """),
        where,
    )
    of_stall = "stall_id = (SELECT id FROM stall WHERE market_id = :market AND number = :stall)"
    session.execute(text(f"UPDATE stall_day SET sales_value = sales_value - 1 WHERE {of_stall}"), where)


def test_who_looks_at_an_older_state_of_the_books_spoils_nobody_elses(
    books: Store, session: Session, street: Street
) -> None:
    sell(books, 1, "A1")
    with books.engine.connect().execution_options(isolation_level="REPEATABLE READ") as old:
        old.execute(text("SELECT count(*) FROM entry"))
        sell(books, 2, "A2")
        days(session, street)
        known = Takings(old, END)
        known.read([(street.market.key, OCTOBER)])
        assert known.days("value", (street.market.key, OCTOBER))[DAY].total == 100_000
    assert days(session, street) == {DAY: 200_000}


@pytest.mark.parametrize("later", [date(2026, 10, 6), END])
def test_a_day_that_was_not_over_is_read_when_it_is(
    books: Store, session: Session, street: Street, later: date
) -> None:
    sell(books, 1, "A1")
    sell(books, 2, "A1", date(2026, 10, 6))
    for until, wanted in ((DAY, [DAY]), (later, [DAY, date(2026, 10, 6)])):
        known = Takings(session.connection(), until)
        known.read([(street.market.key, OCTOBER)])
        assert sorted(known.days("value", (street.market.key, OCTOBER))) == wanted
