"""A card company's payout on a bank statement: one line that confirms many sales, whichever is told first."""

from collections.abc import Iterator
from typing import Any

import pytest

from ground.store import Store
from payments import settler
from tests import bank_book
from tests.bank_book import Stated, findings, pairs, reconcile, sales
from tests.cards import Cards, cards, keyed, office
from tests.test_card import take
from tests.world import Street

__all__ = ["cards"]  # a fixture

OURS = "777000111"
"""The account that the card company pays to; no stall's."""


@pytest.fixture
def api(cards: Cards) -> Iterator[str]:
    with office(cards) as address:
        yield address


@pytest.fixture
def paid_out(books: Store, street: Street, cards: Cards) -> Any:
    """Two sales and a payout of both, told by the card company."""
    cards.sale(street.codes["A1"]["serial"], 260_000)
    cards.sale(street.codes["A2"]["serial"], 520_000)
    told = cards.company.pay_out()
    take(books, cards.events)
    return told


def fetch(books: Store, api: str) -> None:
    settler.fetch(books._replace(settings=keyed(books.settings, api)))


def state(books: Store, *lines: Stated) -> None:
    bank_book.state(books, lines, number=OURS, first="2026-10-05", last="2026-10-10")


def confirmed(books: Store) -> list[tuple[str, int, int]]:
    return [(stall, value, seen) for stall, _, value, _, seen in sales(books)]


def test_its_line_confirms_every_sale_it_was_made_of(books: Store, paid_out: Any, api: str) -> None:
    fetch(books, api)
    state(books, Stated("2026-10-07", 71_000_000, paid_out["id"]))
    reconcile(books)
    assert confirmed(books) == [("A1", 260_000, 260_000), ("A2", 520_000, 520_000)]
    assert {pair[2] for pair in pairs(books)} == {"batch"}
    assert findings(books) == []


def test_a_line_before_the_payout_is_known_waits_as_nobodys_and_then_finds_its_sales(
    books: Store, paid_out: Any, api: str
) -> None:
    state(books, Stated("2026-10-07", 71_000_000, paid_out["id"]))
    reconcile(books)
    assert [(kind, status) for kind, _, _, status in findings(books)] == [("unknown_account", "open")]
    assert confirmed(books) == [("A1", 260_000, 0), ("A2", 520_000, 0)]
    fetch(books, api)
    reconcile(books)
    assert [(kind, status) for kind, _, _, status in findings(books)] == [("unknown_account", "resolved")]
    assert confirmed(books) == [("A1", 260_000, 260_000), ("A2", 520_000, 520_000)]
    reconcile(books)
    assert len(pairs(books)) == 2


def test_a_payout_that_failed_confirms_nothing(books: Store, cards: Cards, paid_out: Any, api: str) -> None:
    fetch(books, api)
    state(books, Stated("2026-10-07", 71_000_000, paid_out["id"]))
    reconcile(books)
    cards.clock.sleep(1)
    cards.company.fail_payout(paid_out["id"])
    take(books, cards.events)
    reconcile(books)
    assert confirmed(books) == [("A1", 260_000, 0), ("A2", 520_000, 0)]
    assert pairs(books) == []
    assert [(kind, status) for kind, _, _, status in findings(books)] == [("unknown_account", "open")]


def test_two_lines_that_name_it_are_nobodys(books: Store, paid_out: Any, api: str) -> None:
    fetch(books, api)
    state(books, Stated("2026-10-07", 71_000_000, paid_out["id"]), Stated("2026-10-08", 71_000_000, paid_out["id"]))
    reconcile(books)
    assert pairs(books) == []


def test_another_line_that_names_it_later_takes_the_first_one_back(books: Store, paid_out: Any, api: str) -> None:
    fetch(books, api)
    state(books, Stated("2026-10-07", 71_000_000, paid_out["id"]))
    reconcile(books)
    bank_book.state(books, [Stated("2026-10-20", 71_000_000, paid_out["id"])], number=OURS)
    reconcile(books)
    assert pairs(books) == []


def test_in_the_same_money_the_amounts_are_equal_too(books: Store, paid_out: Any, api: str) -> None:
    fetch(books, api)
    with books.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE payout SET currency = 'vnd'")
    state(books, Stated("2026-10-07", paid_out["amount"] + 1, paid_out["id"]))
    reconcile(books)
    assert pairs(books) == []
    state(books, Stated("2026-10-08", paid_out["amount"], paid_out["id"]))
    reconcile(books)
    assert len(pairs(books)) == 2
