"""Retention: after its time the raw notice and the memo are gone, and the books say the same."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from ground import clock
from ground.store import Store
from payments import poster, replay, retention, verify
from tests.bank_book import Stated, pairs, reconcile, sales, state
from tests.world import Street, keep, post, raw, signed, told

BOOK = [
    Stated("2026-10-05 08:30:00", 40_000, "B1", "NGUYEN VAN A tra tien rau FT26278000777"),
    Stated("2026-10-05", -90_000, None, "tra no"),
    Stated("2026-10-06 07:10:00", 15_000, "B2", "TRAN THI B"),
    Stated("2026-10-08 07:10:00", 25_000, "B3", "LE VAN C"),
]


def line_memos(books: Store) -> list[int]:
    """The amounts of the lines whose memo is still here."""
    with books.engine.connect() as connection:
        rows = connection.execute(text("SELECT amount FROM statement_line WHERE memo IS NOT NULL ORDER BY 1"))
        return list(rows.scalars())


def test_old_raw_notices_are_dropped_and_the_books_stay(books: Store, street: Street) -> None:
    long_ago = clock.now() - timedelta(days=91)
    keep(books, [told(1, memo=f"rau {street.token('A1')}"), told(2, memo="ca")], received_at=long_ago)
    post(books)
    keep(books, [told(3, memo="thit")])
    post(books)
    keep(books, [told(4, memo="still to be posted")], received_at=long_ago)
    with books.session() as session:
        assert sum(retention.drop_old(session, 90, clock.now())) == 2
        assert sum(retention.drop_old(session, 90, clock.now())) == 0
    with books.engine.connect() as connection:
        left = connection.execute(text("SELECT external_id FROM notice WHERE raw IS NOT NULL ORDER BY 1")).scalars()
        assert list(left) == ["3", "4"]
        memos = connection.execute(text("SELECT external_id FROM notice WHERE memo IS NOT NULL ORDER BY 1")).scalars()
        assert list(memos) == ["3", "4"]
    done = replay.replay(books, everything=True)
    assert (done.told_again, done.new, done.posted) == (4, 0, 1)
    assert verify.verify(books).ok


def test_old_memos_of_statement_lines_are_dropped_once_they_are_in_the_books(
    books: Store, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    state(books, BOOK)
    state(books, [Stated("2026-10-05 09:00:00", 33_000, "B4", "PHAM D")], number="1000002")
    reconcile(books, "2026-10-06")
    state(books, [Stated("2026-10-05 09:00:00", 50_000, "B5", "VO E")], number="1000003")  # never reconciled
    now = clock.now()
    with books.session() as session:
        assert sum(retention.drop_old(session, 90, now + timedelta(days=89))) == 0
        assert sum(retention.drop_old(session, 90, now + timedelta(days=91))) == 3
        assert sum(retention.drop_old(session, 90, now + timedelta(days=91))) == 0
    assert line_memos(books) == [25_000, 50_000]
    reconcile(books, "2026-10-08")
    with books.session() as session:
        assert sum(retention.drop_old(session, 90, now + timedelta(days=91))) == 2
    assert line_memos(books) == []


def test_a_line_without_its_memo_is_matched_as_before(books: Store, street: Street) -> None:
    """By what its memo mentioned, and as the same line of another file."""
    state(books, BOOK)
    reconcile(books, "2026-10-08")
    with books.session() as session:
        assert sum(retention.drop_old(session, 90, clock.now() + timedelta(days=91))) == 3
    before = sales(books)
    assert state(books, BOOK) == 0
    keep(books, [told(1, 40_000, at="2026-10-05 11:30:00", referenceCode="FT26278000777")])  # no other rule fits
    post(books)
    assert pairs(books) == [("1", "2026-10-05 08:30:00", "memo")]
    assert reconcile(books, "2026-10-08").opened == 0
    assert [each[:4] for each in sales(books)] == [each[:4] for each in before]


def test_the_server_drops_them_by_itself(
    client: TestClient, books: Store, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poster, "RETENTION_SECONDS", 0.0)
    keep(books, [told(1, memo="ca")], received_at=clock.now() - timedelta(days=91))
    body = raw(told(2, memo="rau"))
    assert client.post("/webhooks/sepay", content=body, headers=signed(body)).status_code == 200
    deadline = time.monotonic() + 10
    left: list[str] = []
    while left != ["2"] and time.monotonic() < deadline:
        time.sleep(0.02)
        with books.engine.connect() as connection:
            left = list(connection.execute(text("SELECT external_id FROM notice WHERE memo IS NOT NULL")).scalars())
    assert left == ["2"]
