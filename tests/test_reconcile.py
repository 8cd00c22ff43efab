"""Reconciliation, story by story: what the bank says against what the providers told."""

import pytest

from ground.store import Store
from tests import bank_book
from tests.bank_book import Stated, findings, pairs, reconcile, sales, state
from tests.world import Street, keep, post, told


@pytest.fixture
def market(books: Store, street: Street) -> Street:
    return street


def tell(books: Store, *payments: dict[str, object]) -> None:
    keep(books, payments)
    post(books)


def test_a_line_and_its_notice_confirm_one_sale(books: Store, market: Street) -> None:
    tell(books, told(1, 50_000, referenceCode="FT26278000001"))
    state(books, [Stated("2026-10-05 08:30:04", 50_000, "FT26278000001")])
    done = reconcile(books)
    assert (done.confirmed, done.posted_from_statement, done.opened, done.open) == (1, 0, 0, 0)
    assert pairs(books) == [("1", "2026-10-05 08:30:04", "reference")]
    assert sales(books) == [("A1", "2026-10-05", 50_000, 1, 50_000)]


def test_a_line_that_no_notice_told_of_is_posted_on_its_day(books: Store, market: Street) -> None:
    state(books, [Stated("2026-10-05", 70_000, "FT1")])
    done = reconcile(books)
    assert done == (0, 1, 1, 1, 0)
    assert sales(books) == [("A1", "2026-10-05", 70_000, 1, 70_000)]
    assert findings(books) == [("not_notified", "A1", 70_000, "resolved")]


def test_a_late_notice_of_a_posted_line_is_known_in_its_own_posting(books: Store, market: Street) -> None:
    state(books, [Stated("2026-10-05", 70_000, "FT1")])
    reconcile(books)
    tell(books, told(1, 70_000, at="2026-10-05 09:00:00"))
    assert pairs(books) == [("1", "2026-10-05", "time")]
    assert sales(books) == [("A1", "2026-10-05", 70_000, 1, 70_000)]
    assert reconcile(books).confirmed == 0


def test_a_late_notice_that_knows_the_time_corrects_the_day(books: Store, market: Street) -> None:
    state(books, [Stated("2026-10-06", 70_000)])
    reconcile(books)
    assert sales(books) == [("A1", "2026-10-06", 70_000, 1, 70_000)]
    tell(books, told(1, 70_000, at="2026-10-05 22:15:00"))
    assert sales(books) == [("A1", "2026-10-05", 70_000, 1, 70_000)]
    bank_book.reconcile(books)


def test_a_notice_is_only_expected_until_a_statement_covers_its_posting_day(books: Store, market: Street) -> None:
    tell(books, told(1, 30_000, at="2026-10-02 22:30:00"))  # a Friday night: booked on Monday at the latest
    state(books, [], first="2026-10-01", last="2026-10-04")
    assert reconcile(books, "2026-10-04").opened == 0
    state(books, [], first="2026-10-05", last="2026-10-05")
    assert reconcile(books, "2026-10-05").opened == 1
    assert findings(books) == [("not_in_statement", "A1", 30_000, "open")]
    assert sales(books) == [("A1", "2026-10-02", 30_000, 1, 0)]
    state(books, [Stated("2026-10-05", 30_000)])
    done = reconcile(books, "2026-10-05")
    assert (done.confirmed, done.resolved, done.open) == (1, 1, 0)
    assert sales(books) == [("A1", "2026-10-02", 30_000, 1, 30_000)]


def test_another_amount_on_the_statement_is_corrected_and_the_statement_wins(books: Store, market: Street) -> None:
    tell(books, told(1, 50_000, referenceCode="FT26278000001"))
    state(books, [Stated("2026-10-05 08:30:04", 45_000, "FT26278000001")])
    reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 45_000, 1, 45_000)]
    assert findings(books) == [("amount_differs", "A1", 45_000, "open")]


def test_a_line_between_two_stalls_is_nobodys_pair(books: Store, market: Street) -> None:
    tell(
        books,
        told(1, 20_000, account="1000003", memo=market.token("B1"), at="2026-10-05 08:00:00"),
        told(2, 20_000, account="1000003", memo=market.token("B2"), at="2026-10-05 08:10:00"),
    )
    state(books, [Stated("2026-10-05 08:00:02", 20_000)], number="1000003")
    done = reconcile(books)
    assert (done.confirmed, done.posted_from_statement, done.open) == (0, 0, 1)
    assert findings(books) == [("ambiguous", None, 20_000, "open")]
    assert [row[4] for row in sales(books)] == [0, 0]
    state(books, [Stated("2026-10-05 08:10:02", 20_000)], number="1000003")
    done = reconcile(books)
    assert (done.confirmed, done.resolved, done.open) == (2, 1, 0)
    assert [row[4] for row in sales(books)] == [20_000, 20_000]


def test_two_genuine_alike_sales_stay_two(books: Store, market: Street) -> None:
    tell(books, *(told(number, 20_000, at="2026-10-05 08:30:00") for number in (1, 2)))
    state(books, [Stated("2026-10-05 08:30:00", 20_000)] * 3)
    done = reconcile(books)
    assert (done.confirmed, done.posted_from_statement) == (2, 1)
    assert sales(books) == [("A1", "2026-10-05", 60_000, 3, 60_000)]


def test_an_equal_reference_displaces_a_weaker_pair(books: Store, market: Street) -> None:
    tell(books, told(1, 20_000, at="2026-10-05 08:30:00", referenceCode="FT26278000009"))
    state(books, [Stated("2026-10-05 08:30:10", 20_000, "FT26278000001")])
    reconcile(books)
    assert pairs(books) == [("1", "2026-10-05 08:30:10", "time")]
    state(books, [Stated("2026-10-05 08:31:00", 20_000, "FT26278000009")])
    done = reconcile(books)
    assert pairs(books) == [("1", "2026-10-05 08:31:00", "reference")]
    assert (done.confirmed, done.posted_from_statement) == (1, 1)
    assert sales(books) == [("A1", "2026-10-05", 40_000, 2, 40_000)]


def test_the_reference_in_the_memo_pairs(books: Store, market: Street) -> None:
    tell(books, told(1, 20_000, at="2026-10-05 08:30:00", referenceCode="MBVCB.3278907687"))
    memo = "MBVCB.3278907687.577023.tien rau.CT tu 0011001234567 NGUYEN VAN A toi 1000001 NGUYEN THI BA"
    state(books, [Stated("2026-10-05", 20_000, "5078 - 12345", memo), Stated("2026-10-05", 20_000, "5078 - 12346")])
    reconcile(books)
    assert [row[2] for row in pairs(books)] == ["memo"]


def test_a_marked_reversal_takes_value_and_count_off_the_sales_own_day(books: Store, market: Street) -> None:
    tell(books, told(1, 50_000, referenceCode="FT26278000001"), told(2, 10_000, at="2026-10-05 10:00:00"))
    state(
        books,
        [
            Stated("2026-10-05 08:30:04", 50_000, "FT26278000001"),
            Stated("2026-10-05 10:00:04", 10_000),
            Stated("2026-10-07 09:00:00", -50_000, "FT26278000001", reversal=True),
        ],
    )
    reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 10_000, 1, 10_000)]


def test_a_debit_is_a_reversal_only_by_its_reference(books: Store, market: Street) -> None:
    state(
        books,
        [
            Stated("2026-10-05 08:30:04", 50_000, "FT26278000001"),
            Stated("2026-10-06 08:30:04", -50_000, "FT26279000002"),
            Stated("2026-10-07 09:00:00", -20_000, "FT26280000003", named=("FT26278000001",)),
        ],
    )
    reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 30_000, 1, 30_000)]


def test_one_line_for_a_batch_confirms_the_notices_that_name_it(books: Store, market: Street) -> None:
    tell(
        books,
        told(1, 50_000, referenceCode="BATCH20261005A", at="2026-10-05 08:00:00"),
        told(2, 30_000, referenceCode="BATCH20261005A", at="2026-10-05 12:00:00"),
    )
    state(books, [Stated("2026-10-05 21:00:00", 80_000, "BATCH20261005A")])
    reconcile(books)
    assert [row[2] for row in pairs(books)] == ["batch", "batch"]
    assert sales(books) == [("A1", "2026-10-05", 80_000, 2, 80_000)]


def test_a_line_of_nobody_waits_in_suspense(books: Store, market: Street) -> None:
    state(books, [Stated("2026-10-05 08:30:00", 20_000)], number="1000003")
    state(books, [Stated("2026-10-05 08:30:00", 20_000)], number="999")
    done = reconcile(books)
    assert (done.posted_from_statement, done.open) == (2, 2)
    assert {row[0] for row in findings(books)} == {"unattributed", "unknown_account"}
    assert sales(books) == []


def test_what_a_later_statement_takes_back_is_taken_from_the_corrected_amount(books: Store, market: Street) -> None:
    tell(books, told(1, 90_000, referenceCode="FT1"))
    state(books, [Stated("2026-10-05 08:30:00", 120_000, "FT1")])
    reconcile(books)
    state(books, [Stated("2026-10-07", -100_000, "R1", reversal=True, named=("FT1",))])
    reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 20_000, 1, 20_000)]
