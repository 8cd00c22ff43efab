"""Downloads that meet between alike lines: the larger count stands, and a finding says that it may be too small."""

import pytest

from ground.store import Store
from tests.bank_book import Stated, findings, reconcile, sales, state
from tests.world import Street

ALIKE = Stated("2026-10-05 08:30:00", 20_000, memo="tra tien")


@pytest.fixture
def market(books: Store, street: Street) -> Street:
    return street


def test_alike_lines_at_the_seam_of_two_downloads_are_a_question(books: Store, market: Street) -> None:
    state(books, [Stated("2026-10-05 07:00:00", 5_000), ALIKE, ALIKE])
    assert state(books, [ALIKE, ALIKE, Stated("2026-10-05 09:00:00", 7_000)]) == 1
    assert findings(books) == [("ambiguous", None, 20_000, "open")]
    reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 52_000, 4, 52_000)]
    assert ("ambiguous", "A1", 20_000, "open") in findings(books)


def test_a_longer_download_from_the_same_side_leaves_no_doubt(books: Store, market: Street) -> None:
    state(books, [Stated("2026-10-05 07:00:00", 5_000), ALIKE])
    assert state(books, [Stated("2026-10-05 07:00:00", 5_000), ALIKE, ALIKE]) == 1
    assert findings(books) == []


def test_a_reference_or_a_balance_tells_them_apart(books: Store, market: Street) -> None:
    named = ALIKE._replace(reference="FT26278000001")
    state(books, [Stated("2026-10-05 07:00:00", 5_000), named])
    state(books, [named, Stated("2026-10-05 09:00:00", 7_000)])
    balanced = ALIKE._replace(at="2026-10-06 08:30:00")
    state(books, [Stated("2026-10-06 07:00:00", 5_000, balance=5_000), balanced._replace(balance=25_000)])
    further = [balanced._replace(balance=25_000), balanced._replace(balance=45_000)]
    assert state(books, [*further, Stated("2026-10-06 09:00:00", 7_000, balance=52_000)]) == 2
    assert findings(books) == []


def test_whole_days_that_tell_the_same_are_no_question(books: Store, market: Street) -> None:
    day = Stated("2026-10-05", 20_000)
    state(books, [Stated("2026-10-04", 5_000), day, day])
    assert state(books, [day, day, Stated("2026-10-06", 7_000)]) == 1
    assert findings(books) == []
    state(books, [day, day, day, Stated("2026-10-07", 7_000)])
    assert [row[0] for row in findings(books)] == ["ambiguous"]
