"""Retention: after its time the raw notice and the memo are gone, and the books say the same."""

from datetime import timedelta

from sqlalchemy import text

from ground import clock
from ground.store import Store
from payments import replay, retention, verify
from tests.world import Street, keep, post, told


def test_old_raw_notices_are_dropped_and_the_books_stay(books: Store, street: Street) -> None:
    long_ago = clock.now() - timedelta(days=91)
    keep(books, [told(1, memo=f"rau {street.token('A1')}"), told(2, memo="ca")], received_at=long_ago)
    post(books)
    keep(books, [told(3, memo="thit")])
    post(books)
    keep(books, [told(4, memo="still to be posted")], received_at=long_ago)
    with books.session() as session:
        assert retention.drop_old(session, 90, clock.now()) == 2
        assert retention.drop_old(session, 90, clock.now()) == 0
    with books.engine.connect() as connection:
        left = connection.execute(text("SELECT external_id FROM notice WHERE raw IS NOT NULL ORDER BY 1")).scalars()
        assert list(left) == ["3", "4"]
        memos = connection.execute(text("SELECT external_id FROM notice WHERE memo IS NOT NULL ORDER BY 1")).scalars()
        assert list(memos) == ["3", "4"]
    done = replay.replay(books, everything=True)
    assert (done.told_again, done.new, done.posted) == (4, 0, 1)
    assert verify.verify(books).ok
