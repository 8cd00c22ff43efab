"""The warmer: what the wards' pages ask for is counted before anybody asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from sqlalchemy import event, text
from starlette.testclient import TestClient

from ground import clock
from ground.store import Store
from main import House
from payments import counted, period_run, takings, warmer
from tests.cast import Cast
from tests.person import comes_true
from tests.world import Street, three_and_one

PATHS = ("/ward/26506", "/api/v1/rates?area=ward:26506&period={quarter}", "/province/79?period={quarter}")


@contextmanager
def heard(books: Store) -> Iterator[list[str]]:
    """The statements that read the takings of stalls."""
    told: list[str] = []

    def hear(*statement: Any) -> None:
        if "FROM stall_day" in statement[2]:
            told.append(statement[2])

    event.listen(books.engine, "before_cursor_execute", hear)
    yield told
    event.remove(books.engine, "before_cursor_execute", hear)


def forget(books: Store) -> None:
    with books.engine.connect() as connection:
        takings.SHELF.forget(connection)
        counted.SHELF.forget(connection)


def test_what_was_warmed_is_not_read_again(cast: Cast, books: Store) -> None:
    three_and_one(books)
    quarter = period_run.back(period_run.at(clock.today(), "quarter"), 2)[0].text
    with heard(books) as told:
        assert list(warmer.warm(books)) == ["province:01", "province:79", "ward:00004", "ward:26506"]
        assert told
        told.clear()
        for path in PATHS:
            assert cast.sign_in("province").get(path.format(quarter=quarter)).status_code == 200
        assert told == []
        forget(books)
        cast.sign_in("province").get(PATHS[0])
        assert told  # it can fail


def test_a_server_warms_itself(books: Store, house: House, street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmer, "PAUSE_SECONDS", 0.01)
    with TestClient(house), heard(books) as told:
        assert comes_true(lambda: len(told) > 0)


def test_books_that_cannot_be_read_do_no_harm(books: Store, street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmer, "PAUSE_SECONDS", 0.0)
    with books.session() as session:
        session.execute(text("ALTER TABLE stall_day RENAME TO gone"))
        session.commit()
    begun = warmer.Warmer(books)
    with structlog.testing.capture_logs() as said:
        begun.start()
        assert comes_true(lambda: bool(said))
    assert said[0]["event"] == "not warmed" and said[0]["reason"] == "ProgrammingError"
