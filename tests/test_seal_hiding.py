"""What seals hid stays hidden, and what they showed does not tell what has to be hidden since."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import Session

from ground.store import Store
from merchants import code, market
from payments import indicator, published, published_day, revision, seal, verify
from payments.figure import Figure
from tests.bank_book import Stated, reconcile, state
from tests.world import VUNG_TAU, import_roll, keep, post, told

WARD, PERIOD = f"ward:{VUNG_TAU}", "2026-10"
SINCE = date(2026, 1, 1)


@pytest.fixture
def pair(books: Store, session: Session) -> Store:
    """Two markets of one ward, five stalls and four, all with an account of their own."""
    for name, size in (("cho-a", 5), ("cho-b", 4)):
        found = market.add(session, name, name, VUNG_TAU, since=SINCE)
        rows = [f"S{n};A;Rau;Hộ {n};091200{size}00{n};;;VCB;{account(name, n)};HO;" for n in range(size)]
        import_roll(session, found, "\n".join(rows))
        code.issue(session, found, since=SINCE)
    session.commit()
    return books


def account(name: str, stall: int) -> str:
    return f"{'7' if name == 'cho-a' else '8'}00{stall}"


def sell(books: Store, name: str, stalls: range, first: int, amount: int = 100_000, day: str = "2026-10-05") -> None:
    at = f"{day} 08:00:00"
    keep(
        books,
        [told(first + n, amount, account=account(name, n), at=at, referenceCode=f"FT{first + n}") for n in stalls],
    )
    post(books)


def figures(session: Session, area: str, **options: Any) -> dict[str, Figure]:
    rated = published.rates(session, area, PERIOD, **options)
    session.rollback()
    return {each.indicator: each for each in rated.whole.figures}


def take(books: Store, area: str) -> None:
    seal.seal(books, area, PERIOD, by="somebody")
    proved = verify.verify(books)
    assert proved.ok, proved.differences


def undo(books: Store, name: str, stall: int, number: int) -> None:
    """The bank takes a payment back, as its statement tells."""
    line = Stated("2026-10-05 08:00:00", 100_000, f"FT{number}")
    back = Stated("2026-10-07 10:00:00", -100_000, f"FT{number}", reversal=True)
    state(books, [line, back], number=account(name, stall))
    reconcile(books)


def test_a_cell_hidden_in_one_revision_stays_hidden_in_the_next(pair: Store, session: Session) -> None:
    """Four more stalls turn out to have sold; before minus after would tell what the first took."""
    sell(pair, "cho-a", range(5), 100)
    sell(pair, "cho-b", range(1), 200)
    take(pair, WARD)
    assert figures(session, "market:cho-b")["cashless_value"].status == "suppressed"
    assert figures(session, WARD)["cashless_value"].value == 600_000
    sell(pair, "cho-b", range(1, 4), 300)
    for live in (False, True):
        assert figures(session, "market:cho-b", live=live)["cashless_value"].status == "suppressed"
        assert figures(session, "market:cho-a", live=live)["cashless_value"].status == "suppressed"
    take(pair, WARD)
    assert figures(session, WARD)["cashless_value"].value == 900_000
    row = revision.latest(session, WARD, PERIOD)
    assert row is not None
    hidden = [
        [each.indicator for each in part.figures if each.status == "suppressed"]
        for part in revision.read(row, "public").parts
    ]
    assert all("cashless_value" in each for each in hidden) and len(hidden) == 2
    told_ = {
        part.area.key: {f.indicator: f.value for f in part.figures} for part in revision.read(row, "internal").parts
    }
    assert told_["market:cho-b"]["cashless_value"] == 400_000


def test_a_day_bound_in_a_seal_stays_bound_in_the_chart(pair: Store, session: Session) -> None:
    sell(pair, "cho-a", range(5), 100, day="2026-10-12")
    sell(pair, "cho-a", range(2), 200)
    take(pair, "market:cho-a")
    sell(pair, "cho-a", range(2, 5), 300)
    id_ = market.find(session, "cho-a").key
    days = published_day.read(session, id_, date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 15))
    assert [(each.date.day, each.value) for each in days] == [(5, None), (12, None)]
    assert figures(session, "market:cho-a")["cashless_value"].value == 700_000


def test_what_was_shown_does_not_tell_what_has_to_be_hidden_now(pair: Store, session: Session) -> None:
    """Market B was shown with four sellers. Two sales are undone: the ward's new total less A's old one is B's."""
    sell(pair, "cho-a", range(5), 100)
    sell(pair, "cho-b", range(4), 200)
    take(pair, WARD)
    row = revision.latest(session, WARD, PERIOD)
    assert row is not None
    values = [
        next(f.value for f in part.figures if f.indicator == "cashless_value")
        for part in revision.read(row, "public").parts
    ]
    assert values == [500_000, 400_000]
    session.rollback()
    undo(pair, "cho-b", 0, 200)
    undo(pair, "cho-b", 1, 201)
    assert figures(session, "market:cho-b", live=True)["cashless_value"].status == "suppressed"
    assert figures(session, WARD, live=True)["cashless_value"].status == "suppressed"
    take(pair, WARD)
    assert figures(session, WARD)["cashless_value"].status == "suppressed"
    assert figures(session, WARD, audience="internal")["cashless_value"].value == 700_000


def test_books_without_a_seal_keep_nothing(pair: Store, session: Session) -> None:
    sell(pair, "cho-b", range(1), 200)
    assert figures(session, "market:cho-b")["cashless_value"].status == "suppressed"
    sell(pair, "cho-b", range(1, 4), 300)
    rated = indicator.rates(session, "market:cho-b", PERIOD)
    assert next(f.value for f in rated.whole.figures if f.indicator == "cashless_value") == 400_000
