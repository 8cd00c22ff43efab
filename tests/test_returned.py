"""Money of the vendor's own that comes back is no customer's: what a bank marks as undoing a debit is no sale."""

from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import text

from ground.store import Store
from payments import verify
from tests.bank_book import Stated, findings, pairs, reconcile, sales, state
from tests.shell import run
from tests.test_feed import empty
from tests.world import Street, keep, post, told

OUT = Stated("2026-10-05 08:00:00", -7_000_000, "FT26278000009", named=("FT26278000009",))
BACK = Stated("2026-10-05 08:30:00", 7_000_000, "FT26278000009", reversal=True)
SALE = Stated("2026-10-05 09:00:00", 20_000, "FT1")
MT940 = """:20:1
:25:1000001
:28C:1/1
:60F:C261005VND9000000,
:61:2610051005D7000000,NTRFNONREF//OUT1
:86:tien hang
:61:2610051005RD7000000,NTRFNONREF//OUT1
:86:hoan tra
:61:2610051005C20000,NTRFNONREF//FT77
:86:mua rau
:62F:C261005VND9020000,
"""


@pytest.fixture
def market(books: Store, street: Street) -> Street:
    return street


def tell(books: Store, amount: int, reference: str, at: str, id: int = 1) -> None:
    keep(books, [told(id, amount, referenceCode=reference, at=at)])
    post(books)


def test_a_transfer_of_the_vendors_that_bounced_is_no_sale(books: Store, market: Street, tmp_path: Path) -> None:
    """Through the doors: the bank's file, and the books brought to it."""
    (tmp_path / "saoke.sta").write_text(MT940, "utf-8")
    taken = run(books.settings, "statement", "import", str(tmp_path / "saoke.sta"), "--account", "VCB:1000001")
    assert taken.code == 0, taken.err
    assert run(books.settings, "reconcile", "--through", "2026-10-31").code == 0
    assert sales(books) == [("A1", "2026-10-05", 20_000, 1, 20_000)]
    assert findings(books) == [("not_notified", "A1", 20_000, "resolved")]
    assert run(books.settings, "verify").code == 0


def test_a_sale_of_the_same_amount_is_not_paired_with_what_bounced(books: Store, market: Street) -> None:
    tell(books, 7_000_000, "MBVCB.1", "2026-10-05 08:31:00")
    state(books, [OUT, BACK], last="2026-10-06")
    reconcile(books)
    assert pairs(books) == []
    assert sales(books) == [("A1", "2026-10-05", 7_000_000, 1, 0)]
    assert findings(books) == [("not_in_statement", "A1", 7_000_000, "open")]


def test_a_notice_of_the_money_that_came_back_is_taken_off_in_every_order(books: Store, market: Street) -> None:
    steps = {
        "notice": lambda: tell(books, BACK.amount, "ft26278000009", BACK.at),
        "other": lambda: tell(books, 20_000, "FT1", SALE.at, 2),
        "statement": lambda: (state(books, [OUT, BACK, SALE]), reconcile(books)),
    }
    for order in permutations(steps):
        empty(books)
        for step in order:
            steps[step]()
        assert (order, sales(books)) == (order, [("A1", "2026-10-05", 20_000, 1, 20_000)])
        assert pairs(books)[0] == ("1", BACK.at, "reference")
        reconcile(books)
        assert [each for each in findings(books) if each[3] == "open"] == []


def test_what_is_taken_back_is_a_customers_not_what_came_back(books: Store, market: Street) -> None:
    sold = Stated("2026-10-05 08:10:00", 7_000_000, "FT2")
    state(books, [OUT, sold, BACK, Stated("2026-10-05 10:00:00", -7_000_000, reversal=True)])
    reconcile(books)
    assert sales(books) == []
    assert [each for each in findings(books) if each[3] == "open"] == []


def test_money_that_came_back_posted_as_a_sale_would_be_told(books: Store, market: Street) -> None:
    state(books, [SALE])
    reconcile(books)
    with books.engine.begin() as connection:
        connection.execute(text("UPDATE statement_line SET reversal = true"))
    assert any(each.startswith("what undoes a debit is no sale: line") for each in verify.verify(books).differences)
