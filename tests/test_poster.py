"""In a rush the poster gives way to the door; what has waited long, and all when it stops, is posted anyway."""

import time

import pytest
from sqlalchemy import text

from ground.store import Store
from payments import poster
from payments.poster import RUSH, Poster
from tests.world import Street, keep, told


def posted(books: Store) -> int:
    with books.engine.connect() as connection:
        found: int = connection.execute(text("SELECT count(*) FROM notice WHERE handled_at IS NOT NULL")).scalar_one()
    return found


def first_round(books: Store) -> int:
    """How many the first commit posted."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if count := posted(books):
            return count
        time.sleep(0.01)
    raise TimeoutError


@pytest.fixture
def waiting(books: Store, street: Street, monkeypatch: pytest.MonkeyPatch) -> int:
    """Notices that are kept; between two rounds there is time to look."""
    count = 2 * RUSH + 50
    keep(books, [told(number, 20_000) for number in range(1, count + 1)])
    monkeypatch.setattr(poster, "BREATH_SECONDS", 1.5)
    return count


@pytest.mark.parametrize(
    ("kept", "patience", "expected"),
    [(RUSH, 60.0, RUSH), (RUSH - 1, 60.0, 2 * RUSH + 50), (RUSH, -60.0, 2 * RUSH + 50)],
    ids=["in a rush few at a time", "without one all of it", "in a rush all that waits too long"],
)
def test_a_round(
    books: Store, waiting: int, monkeypatch: pytest.MonkeyPatch, kept: int, patience: float, expected: int
) -> None:
    monkeypatch.setattr(poster, "PATIENCE_SECONDS", patience)
    at_work = Poster(books)
    at_work.wake(kept)
    at_work.start()
    assert first_round(books) == expected
    at_work.stop()
    assert posted(books) == waiting


def test_the_rest_is_posted_when_the_rush_is_over(books: Store, waiting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poster, "PAUSE_SECONDS", 600.0)
    at_work = Poster(books)
    at_work.wake(waiting)
    at_work.start()
    assert first_round(books) == RUSH
    deadline = time.monotonic() + 60
    while posted(books) < waiting and time.monotonic() < deadline:
        time.sleep(0.05)
    assert posted(books) == waiting
    at_work.stop()
