"""Reconciliation where it is odd: what nobody plans for and every market has once a year."""

import pytest
from sqlalchemy import text

from ground.store import Store
from payments import decision, verify
from tests.bank_book import Stated, findings, pairs, reconcile, sales, state
from tests.world import Street, keep, post, told


@pytest.fixture
def market(books: Store, street: Street) -> Street:
    return street


def tell(books: Store, *payments: dict[str, object]) -> None:
    keep(books, payments)
    post(books)


def only(books: Store, status: str) -> int:
    with books.engine.connect() as connection:
        found = connection.execute(text("SELECT id FROM finding WHERE status = :status"), {"status": status})
        return int(found.scalar_one())


def assign(books: Store, number: str, finding_id: int | None = None) -> None:
    with books.session() as session:
        owner = session.execute(text("SELECT id FROM stall WHERE number = :number"), {"number": number}).scalar_one()
        decision.assign(session, finding_id or only(books, "open"), owner, by="operator", reason="seen in her app")
        session.commit()
    assert verify.verify(books).differences == []


def undo(books: Store, finding_id: int | None = None) -> None:
    with books.session() as session:
        decision.undo(session, finding_id or only(books, "assigned"), by="operator", reason="it was another day")
        session.commit()
    assert verify.verify(books).differences == []


def close(books: Store, finding_id: int | None = None) -> None:
    with books.session() as session:
        decision.close(session, finding_id or only(books, "open"), by="operator", reason="nothing to be done")
        session.commit()


def test_a_batch_whose_notices_come_one_by_one_ends_as_one(books: Store, market: Street) -> None:
    state(books, [Stated("2026-10-05 21:00:00", 100_000, "BATCH20261005A")])
    reconcile(books)
    assert sales(books) == [("A1", "2026-10-05", 100_000, 1, 100_000)]
    for id_, amount in ((1, 50_000), (2, 30_000), (3, 20_000)):
        tell(books, told(id_, amount, referenceCode="BATCH20261005A", at=f"2026-10-05 1{id_}:00:00"))
        reconcile(books)
    assert pairs(books) == [(str(id_), "2026-10-05 21:00:00", "batch") for id_ in (1, 2, 3)]
    assert sales(books) == [("A1", "2026-10-05", 100_000, 3, 100_000)]


def test_a_notice_that_two_batches_could_hold_is_in_neither(books: Store, market: Street) -> None:
    tell(
        books,
        told(1, 50_000, referenceCode="BATCH20261002A", at="2026-10-02 22:30:00"),
        told(2, 30_000, referenceCode="BATCH20261002A", at="2026-10-02 10:00:00"),
        told(3, 30_000, referenceCode="BATCH20261002A", at="2026-10-03 10:00:00"),
    )
    state(books, [Stated(f"2026-10-0{day}", 80_000, "BATCH20261002A") for day in (2, 5)])
    reconcile(books)
    assert pairs(books) == []
    assert findings(books) == [("ambiguous", None, 80_000, "open")] * 2
    assert [row[2] for row in sales(books)] == [80_000, 30_000]


def test_a_batch_that_lacks_a_notice_is_not_counted_beside_the_others(books: Store, market: Street) -> None:
    tell(
        books,
        told(1, 50_000, referenceCode="BATCH20261005A", at="2026-10-05 08:00:00"),
        told(2, 30_000, referenceCode="BATCH20261005A", at="2026-10-05 12:00:00"),
    )
    state(books, [Stated("2026-10-05 21:00:00", 100_000, "BATCH20261005A")])
    reconcile(books)
    assert findings(books) == [("ambiguous", None, 100_000, "open")]
    assert sales(books) == [("A1", "2026-10-05", 80_000, 2, 0)]
    tell(books, told(3, 20_000, referenceCode="BATCH20261005A", at="2026-10-05 13:00:00"))
    assert sales(books) == [("A1", "2026-10-05", 100_000, 3, 100_000)]
    assert findings(books) == [("ambiguous", None, 100_000, "resolved")]


def test_a_person_says_what_a_line_is_that_does_not_add_up(books: Store, market: Street) -> None:
    """Either one more sale of a stall, or nothing that is not told of already; and the decision can be taken back."""
    tell(books, *(told(id_, 30_000, referenceCode="BATCH20261005A") for id_ in (1, 2)))
    state(books, [Stated("2026-10-05 21:00:00", 100_000, "BATCH20261005A")])
    reconcile(books)
    assign(books, "A2")
    assert sales(books) == [("A1", "2026-10-05", 60_000, 2, 0), ("A2", "2026-10-05", 100_000, 1, 100_000)]
    undo(books)
    assert sales(books) == [("A1", "2026-10-05", 60_000, 2, 0)]
    close(books)
    reconcile(books, "2026-11-02")
    assert sales(books) == [("A1", "2026-10-05", 60_000, 2, 0)]
    assert findings(books) == [("ambiguous", None, 100_000, "closed")]
