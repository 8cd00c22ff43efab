"""Suppression: who may not learn what a single stall took, and what is shown all the same."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from ground.store import Store
from merchants import market
from payments import indicator, published_day, suppression
from payments.figure import Figure
from payments.indicator import AUDIENCES, FROM_TAKINGS
from tests.rates_oracle import small
from tests.world import Street, build_street, import_roll, keep, post, told

NOVEMBER = datetime(2026, 11, 1, 2, tzinfo=UTC)
AREA = "market:cho-a"
NULLS = ("value", "low", "high", "numerator", "denominator")
TAKINGS = st.lists(st.integers(-(10**9), 10**12) | st.integers(0, 30), max_size=8)


@pytest.mark.parametrize(
    ("takings", "hidden"),
    [
        ([], True),
        ([50], True),
        ([50, 50], True),
        ([50, 50, 0], True),  # who took nothing contributes nothing
        ([50, 50, 5], False),  # what is left is just 10 % of the largest
        ([50, 50, 4], True),
        ([100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], True),  # 9 are left of 100
        ([100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], False),
        ([1000, 999, 100], False),
        ([1000, 100, 99], True),
        ([10**12, 10**12, 10**11 - 1], True),  # whole numbers: no rounding at the edge
        ([10**12, 10**12, 10**11], False),
        ([-50, 50, 4], True),
    ],
)
def test_a_cell_is_hidden(takings: list[int], hidden: bool) -> None:
    assert suppression.is_suppressed(suppression.contribution(takings)) is hidden


@given(TAKINGS.filter(lambda takings: all(value >= 0 for value in takings)))
@settings(max_examples=200, deadline=None)
def test_the_rule_is_the_oracles(takings: list[int]) -> None:
    assert suppression.is_suppressed(suppression.contribution(takings)) is small(takings)


@given(st.lists(TAKINGS, max_size=5))
@settings(max_examples=200, deadline=None)
def test_cells_put_together_are_as_if_they_had_been_one(cells: list[list[int]]) -> None:
    together = suppression.pool([suppression.contribution(cell) for cell in cells])
    assert together == suppression.contribution(value for cell in cells for value in cell)


def sell(books: Store, *takings: tuple[str, int], at: str = "2026-10-05 08:30:00", first: int = 1) -> None:
    """A1, A2 and C1 have an account of their own each."""
    accounts = {
        "A1": {"account": "1000001"},
        "A2": {"account": "1000002"},
        "C1": {"account": "999", "gateway": "BIDV", "virtual": "VA0005"},
    }
    keep(books, [told(id_, amount, at=at, **accounts[stall]) for id_, (stall, amount) in enumerate(takings, first)])
    post(books)


def figures(session: Session, audience: str = "public", area: str = AREA, period: str = "2026-10") -> dict[str, Figure]:
    rated = indicator.rates(session, area, period, audience=audience, as_of=NOVEMBER)
    return {figure.indicator: figure for figure in rated.whole.figures}


def hidden(session: Session, audience: str = "public", **options: str) -> set[str]:
    return {name for name, figure in figures(session, audience, **options).items() if figure.status == "suppressed"}


def test_two_selling_stalls_are_hidden_from_everybody_but_the_operator(
    books: Store, session: Session, street: Street
) -> None:
    sell(books, ("A1", 700_000), ("A2", 500_000))
    assert [hidden(session, audience) for audience in AUDIENCES] == [set(FROM_TAKINGS)] * 3 + [set()]
    assert figures(session, "internal")["cashless_value"].value == 1_200_000


def test_what_is_hidden_tells_nothing_and_says_why(books: Store, session: Session, street: Street) -> None:
    sell(books, ("A1", 700_000), ("A2", 500_000))
    for name in FROM_TAKINGS:
        shown = figures(session)[name].shown()
        assert [shown[field] for field in NULLS] == [None] * 5
        assert (shown["status"], shown["reason"]) == ("suppressed", "figure.suppressed")
    assert (shown["n"], shown["N"]) == (6, 6)
    document = indicator.shown(indicator.rates(session, AREA, "2026-10", as_of=NOVEMBER), "vi")
    assert {figure["reason"] for figure in document["figures"] if figure["indicator"] in FROM_TAKINGS} == {
        "ẩn để bảo vệ doanh thu của từng sạp"
    }
    for telling in ("700000", "500000", "1200000"):
        assert telling not in str(document)


def test_activity_is_shown_however_few_sell(books: Store, session: Session, street: Street) -> None:
    sell(books, *[("A1", 20_000)] * 5)
    shown = figures(session)
    assert [shown[name].numerator for name in ("onboarded", "acceptance", "active_use")] == [5, 5, 1]


def test_nobody_selling_is_hidden_too(session: Session, street: Street) -> None:
    """That nobody sold would be told of each of them."""
    assert hidden(session) == set(FROM_TAKINGS)
    assert figures(session, "internal")["cashless_value"].value == 0


@pytest.mark.parametrize(("third", "names"), [(100_000, set()), (99_999, set(FROM_TAKINGS))])
def test_the_second_may_not_work_the_first_out(
    books: Store, session: Session, street: Street, third: int, names: set[str]
) -> None:
    sell(books, ("A1", 600_000), ("A1", 400_000), ("A2", 1_000_000), ("C1", third))
    assert hidden(session) == names


def test_a_number_of_sales_is_hidden_by_its_own_dominance(books: Store, session: Session, street: Street) -> None:
    """Three stalls took alike, but nearly all the sales are the first one's."""
    sell(books, *[("A1", 10_000)] * 30, ("A2", 300_000), ("C1", 300_000))
    assert hidden(session) == {"cashless_count", "count_share"}
    assert figures(session)["cashless_value"].value == 900_000


def test_a_part_takes_the_smallest_other_along_so_that_the_whole_can_be_shown(
    books: Store, session: Session, street: Street
) -> None:
    other = market.add(session, "cho-b", "Chợ B", "26506", since=date(2026, 1, 1))
    import_roll(session, other, "X1;;;Bà Ba;;;;VCB;2000001;;\nX2;;;Bà Tư;;;;VCB;2000002;;")
    session.commit()
    sell(books, ("A1", 100_000), ("A2", 100_000), ("C1", 100_000))
    keep(books, [told(9, 100_000, account="2000001"), told(10, 100_000, account="2000002")])
    post(books)
    rated = indicator.rates(session, "ward:26506", "2026-10", as_of=NOVEMBER)
    levels = {
        area.area.key: figure.value
        for area in (rated.whole, *rated.parts)
        for figure in area.figures
        if figure.indicator == "cashless_value"
    }
    assert levels == {"ward:26506": 500_000, "market:cho-a": None, "market:cho-b": None}


def test_a_shorter_period_is_hidden_on_its_own(books: Store, session: Session, street: Street) -> None:
    sell(books, ("A1", 100_000), ("A2", 100_000), at="2026-10-05 08:00:00")
    sell(books, ("C1", 100_000), at="2026-10-06 08:00:00", first=3)
    assert hidden(session) == set()
    assert hidden(session, period="2026-10-05") == hidden(session, period="2026-10-06") == set(FROM_TAKINGS)


def test_a_day_that_tells_too_much_is_shown_together_with_the_next(books: Store, session: Session) -> None:
    street = build_street(session)
    sell(books, ("A1", 100_000), ("A2", 100_000), ("C1", 100_000), at="2026-10-05 08:00:00")
    sell(books, ("A1", 100_000), ("A2", 100_000), at="2026-10-06 08:00:00", first=4)
    sell(books, *[("A1", 10_000)] * 30, ("A2", 300_000), ("C1", 300_000), at="2026-10-07 08:00:00", first=6)
    found = published_day.read(session, street.market.key, date(2026, 10, 5), date(2026, 10, 31), date(2026, 11, 1))
    assert found == [
        (date(2026, 10, 5), 300_000, 3),
        (date(2026, 10, 6), None, None),
        (date(2026, 10, 7), None, None),
    ]
    weeks = {period: hidden(session, period=period) for period in ("2026-W41", "2026-10-06", "2026-10")}
    assert weeks == {
        "2026-W41": {"cashless_count", "count_share"},  # the sales are nearly all the first one's
        "2026-10-06": set(FROM_TAKINGS),
        "2026-10": {"cashless_count", "count_share"},
    }
