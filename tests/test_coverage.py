"""What a statement tells of which days: its lines wherever they lie, its silence only on days that it covers."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ground import clock
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from merchants import account
from payments import reconciliation, statement
from payments.statements.reading import read
from tests import shell
from tests.bank_book import Stated, findings, pairs, reconcile, sales, state
from tests.paper_statement import Paid, at, csv_bytes, mb
from tests.world import VIETCOMBANK, Street, keep, post, told


@pytest.fixture
def market(books: Store, street: Street) -> Street:
    return street


def tell(books: Store, *payments: dict[str, object]) -> None:
    keep(books, payments)
    post(books)


def downloaded(books: Store, moment: str) -> None:
    """The statements were brought in then."""
    with books.session() as session:
        session.execute(text("UPDATE statement SET imported_at = :moment"), {"moment": clock.read_local(moment)})
        session.commit()


def test_a_line_from_before_the_files_period_is_taken_to_the_books(
    books: Store, market: Street, tmp_path: Path
) -> None:
    """MB lists by the day it booked: what came at 22:40 of the last evening stands in the next month's file."""
    file = tmp_path / "thang-10.csv"
    rows = mb([Paid(at(30, "22:40:00", 9), 50_000, "FT1"), Paid(at(5, "08:00:00"), 20_000, "FT2")])
    rows.insert(2, ["Từ ngày/From date: 01/10/2026 đến ngày/To date: 31/10/2026"])
    file.write_bytes(csv_bytes(rows))
    [section] = read(file).sections
    assert (section.first, section.last) == (date(2026, 10, 1), date(2026, 10, 31))
    tell(books, told(1, 50_000, at="2026-09-30 22:40:00"))
    with books.session() as session:
        key = account.take_up(session, [(VIETCOMBANK, "1000001")])[VIETCOMBANK, "1000001"]
        statement.take_in(session, books.vault, key, section, bank="mb", by="test")
        session.commit()
    assert reconcile(books)[:2] == (1, 1)
    assert sales(books) == [("A1", "2026-09-30", 50_000, 1, 50_000), ("A1", "2026-10-05", 20_000, 1, 20_000)]


def test_lines_on_either_side_of_the_period_are_taken_and_cover_nothing(books: Store, market: Street) -> None:
    """Accepted on Friday at 22:30, booked in Monday's file; of the other payments of Friday that file says nothing."""
    tell(books, told(1, 30_000, at="2026-10-02 22:30:00"), told(2, 40_000, at="2026-10-02 10:00:00"))
    lines = [Stated("2026-10-02 22:30:00", 30_000), Stated("2026-10-06 00:10:00", 15_000)]
    state(books, lines, first="2026-10-05", last="2026-10-05")
    assert reconcile(books, "2026-10-05")[:2] == (1, 0)
    assert reconcile(books, "2026-10-06")[:2] == (0, 1)
    assert pairs(books) == [("1", "2026-10-02 22:30:00", "time")]
    assert findings(books) == [("not_notified", "A1", 15_000, "resolved")]


def test_a_late_notice_meets_a_line_from_before_the_period_at_once(books: Store, market: Street) -> None:
    state(books, [Stated("2026-09-01 22:40:00", 50_000)], first="2026-10-01", last="2026-10-31")
    reconcile(books)
    tell(books, told(1, 50_000, at="2026-09-01 22:40:10"))
    assert sales(books) == [("A1", "2026-09-01", 50_000, 1, 50_000)]


def test_a_file_tells_nothing_of_the_days_after_it_was_downloaded(books: Store, market: Street) -> None:
    tell(books, *(told(day, 30_000, at=f"2026-10-{day:02} 10:00:00") for day in (8, 9, 12)))
    state(books, [], first="2026-10-01", last="2026-10-31")
    downloaded(books, "2026-10-10 09:00:00")
    assert reconcile(books).opened == 2
    with books.session() as session:
        days = session.execute(text("SELECT business_date FROM finding ORDER BY 1")).scalars().all()
    assert days == [date(2026, 10, 8), date(2026, 10, 9)]


def test_no_day_that_is_yet_to_come_is_reconciled(books: Store, market: Street, test_settings: Settings) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    ran = shell.run(test_settings, "reconcile", "--through", tomorrow.isoformat())
    assert ran.code == 1
    assert tomorrow.isoformat() in ran.err
    with pytest.raises(Refusal, match="still to come"):
        reconciliation.reconcile(books, date.max)
    with books.session() as session:
        assert session.execute(text("SELECT through FROM reconciliation")).scalar_one() is None
    assert reconcile(books, clock.today().isoformat()) == (0, 0, 0, 0, 0)
