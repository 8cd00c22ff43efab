"""Sealing while others write: it waits for them, they wait for it only a moment, and no smaller number comes later."""

from concurrent.futures import Future, ThreadPoolExecutor
from time import sleep
from typing import Any

import pytest
from sqlalchemy import text

from ground.refusal import Refusal
from ground.store import Store
from payments import posting, revision, seal, verify
from tests.world import Street, keep, told

AREA, PERIOD = "market:cho-a", "2026-10"
A_MOMENT = 0.8  # longer than a sealing that waits for nobody, and than one of its tries


def take(books: Store) -> Any:
    return seal.seal(books, AREA, PERIOD, by="somebody")


def post(books: Store) -> int:
    with books.session() as session:
        return posting.post_all(session)


def value(books: Store) -> Any:
    with books.session() as session:
        row = revision.latest(session, AREA, PERIOD)
        assert row is not None
        return next(
            each.value for each in revision.read(row, "internal").whole.figures if each.indicator == "cashless_value"
        )


def test_a_posting_in_flight_is_waited_for(books: Store, street: Street) -> None:
    """Its entry has a number already; a seal that read past it would miss it for ever."""
    keep(books, [told(1, 70_000)])
    with ThreadPoolExecutor() as pool, books.engine.connect() as blocking:
        blocking.execute(text("LOCK TABLE stall_day IN EXCLUSIVE MODE"))
        posting_: Future[int] = pool.submit(post, books)
        sleep(0.3)
        sealing = pool.submit(take, books)
        sleep(A_MOMENT)
        assert not posting_.done() and not sealing.done()
        blocking.rollback()
        assert posting_.result() == 1
        sealing.result()
    assert value(books) == 70_000
    assert verify.verify(books).ok


def test_a_report_in_flight_is_waited_for(books: Store, street: Street) -> None:
    insert = text("""
        INSERT INTO cash_report (market_id, stall_id, business_date, source, amount, recorded_at, recorded_by)
        SELECT market_id, id, '2026-10-05', 'declared', 5, now(), 'somebody' FROM stall WHERE number = 'A1'
    """)
    with ThreadPoolExecutor() as pool, books.engine.connect() as reporting:
        reporting.execute(insert)
        sealing = pool.submit(take, books)
        sleep(A_MOMENT)
        assert not sealing.done()
        reporting.commit()
        sealing.result()
    with books.session() as session:
        row = revision.latest(session, AREA, PERIOD)
        assert row is not None and '"cash_report":1' in row.document


def test_whoever_writes_for_too_long_is_not_waited_for(
    books: Store, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "PATIENCE_SECONDS", 0.1)
    with books.engine.connect() as writing:
        writing.execute(text("LOCK TABLE entry IN ROW EXCLUSIVE MODE"))
        with pytest.raises(Refusal, match="nothing was sealed"):
            take(books)
    assert verify.verify(books).seals == 0


def test_postings_go_on_while_figures_are_counted(books: Store, street: Street) -> None:
    """Sealings one after the other, postings all the while: each seal can be proved, and nothing is lost."""
    with ThreadPoolExecutor() as pool:
        for turn in range(6):
            keep(books, [told(100 * turn + number, 1_000) for number in range(1, 101)])
            jobs: list[Future[Any]] = [pool.submit(post, books) for _ in range(2)]
            jobs += [pool.submit(take, books) for _ in range(2)]
            for job in jobs:
                job.result()
    take(books)
    assert value(books) == 600_000
    done = verify.verify(books)
    assert (done.ok, done.entries) == (True, 600), done.differences
    assert done.seals >= 6
