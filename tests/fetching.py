"""Fetching in the tests: the command against the fake, and what stands in the books afterwards."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import text

from ground import clock
from ground.settings import Settings
from ground.store import Store
from tests.sepay_api import Row, SepayFake
from tests.shell import Answer, run

ACCOUNT = "970436:1000001"
MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")
Moved = Counter[tuple[str, int]]


def fetch(to: Settings, sepay: SepayFake, *words: str, **more: str) -> Answer:
    command = ("statement", "fetch", "--account", ACCOUNT, "--format", "json", *words)
    return run(to, *command, **{**sepay.environment, **more})


def lines(books: Store) -> list[dict[str, Any]]:
    query = text("SELECT * FROM statement_line ORDER BY business_date, occurred_at, account_id, row, id")
    with books.engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def covered(books: Store) -> list[tuple[str, str]]:
    """The days that each statement in the books tells of."""
    with books.engine.connect() as connection:
        rows = connection.execute(text("SELECT first_day, last_day FROM statement ORDER BY id")).all()
    return [(str(first), str(last)) for first, last in rows]


def on_account(rows: Iterable[Row]) -> Moved:
    """What SePay tells, as moments and amounts, below 0 for money going out."""
    return Counter(
        (row["transaction_date"], int(float(row["amount_in"])) - int(float(row["amount_out"]))) for row in rows
    )


def in_books(books: Store) -> Moved:
    """The same of the statement lines in the books."""
    return Counter(
        (
            f"{line['occurred_at'].astimezone(clock.ZONE):%Y-%m-%d %H:%M:%S}",
            line["amount"] * (1 if line["direction"] == "in" else -1),
        )
        for line in lines(books)
    )
