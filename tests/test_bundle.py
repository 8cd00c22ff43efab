"""How days are put together: the rule of docs/suppression.md step by step."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from payments import binding, bundle
from payments.binding import Stretch
from payments.bundle import Bundle, Place, Tied
from payments.day_cell import DayCell
from payments.suppression import Contribution, Strength, contribution, strength

MANY = {"A": 100, "B": 90, "C": 80, "D": 70}
TWO = {"A": 5, "B": 5}
ONE_OF_THREE = {"A": 100, "B": 50, "C": 15}  # 15 % beside the two largest: fair
END = date(2026, 11, 30)
Days = dict[int, dict[str, int]]


def day(number: int) -> date:
    return date(2026, 10, number)


def cells(took: Days) -> dict[date, DayCell]:
    found = {number: contribution(by.values()) for number, by in took.items()}
    return {day(number): DayCell(cell.total, strength(cell)) for number, cell in found.items()}


def tied(took: Days, *, over: bool = True, bar: Strength = Strength.FIRM) -> tuple[list[list[int]], list[int]]:
    def pool(days: Sequence[date]) -> Contribution:
        sums: dict[str, int] = {}
        for each in days:
            for stall, amount in took[each.day].items():
                sums[stall] = sums.get(stall, 0) + amount
        return contribution(sums.values())

    found: Tied = bundle.tie(cells(took), bar, pool, over=over)
    return [sorted(each.day for each in bound) for bound in found.bundles], sorted(each.day for each in found.left)


def test_days_with_enough_sellers_stand_alone() -> None:
    assert tied({1: MANY, 2: MANY, 31: MANY}) == ([], [])


def test_a_weak_day_waits_for_the_next_ones_until_they_cover_it() -> None:
    assert tied({1: MANY, 5: TWO, 6: MANY, 7: MANY}) == ([[5, 6]], [])
    assert tied({5: TWO, 6: TWO, 7: {"C": 2}, 8: {"C": 3}, 9: MANY}) == ([[5, 6, 7, 8]], [])


def test_nothing_is_closed_in_the_last_days_before_the_month_is_over() -> None:
    took = {20: MANY, 22: TWO, 23: MANY, 25: TWO, 29: MANY}
    assert tied(took, over=False) == ([], [22, 23, 25, 29])
    assert tied(took, over=True) == ([[22, 23, 25, 29]], [])
    assert tied({21: TWO, 22: MANY}, over=False) == ([], [21, 22])


def test_what_is_open_at_the_end_takes_as_few_days_before_along_as_will_do() -> None:
    assert tied({29: MANY, 30: MANY, 31: TWO}) == ([[30, 31]], [])
    assert tied({5: TWO, 6: MANY, 31: {"A": 400}}) == ([[5, 6, 31]], [])
    assert tied({5: MANY, 6: MANY, 30: {"A": 5000}, 31: {"B": 1}}) == ([], [30, 31])


def test_a_month_that_covers_nobody_stays_open() -> None:
    assert tied({5: TWO, 6: TWO, 31: TWO}) == ([], [5, 6, 31])


def test_a_fair_day_stands_where_nothing_of_the_year_is_hidden() -> None:
    assert tied({5: ONE_OF_THREE}, bar=Strength.FAIR) == ([], [])
    assert tied({5: ONE_OF_THREE, 6: MANY}) == ([[5, 6]], [])


class Books:
    """Markets by number, each with its days of October 2026."""

    def __init__(self, markets: dict[int, Days]) -> None:
        self.markets = markets
        self.read_at: set[Any] = set()

    def read(self, keys: Iterable[Any]) -> None:
        self.read_at |= set(keys)

    def days(self, measure: str, key: tuple[int, date]) -> dict[date, DayCell]:
        return cells(self.markets[key[0]]) if key[1] == day(1) else {}

    def weakest(self, measure: str, key: tuple[int, date]) -> Strength:
        return min((cell.strength for cell in self.days(measure, key).values()), default=Strength.FIRM)

    def pool(self, measure: str, places: Iterable[Place]) -> Contribution:
        sums: dict[Any, int] = {}
        for market, each in places:
            for stall, amount in self.markets[market][each.day].items():
                sums[market, stall] = sums.get((market, stall), 0) + amount
        return contribution(sums.values())


def bound(markets: dict[int, Days], wards: dict[int, str], until: date = END) -> dict[bool, list[set[tuple[int, int]]]]:
    """What is bound, by whether its sum is known; a market's ward is named."""
    group = [Stretch(market, day(1), day(31), wards[market], "79") for market in markets]  # type: ignore[arg-type]
    found: dict[bool, list[set[tuple[int, int]]]] = {True: [], False: []}
    for each in binding.bind("value", [group], Books(markets), until):
        found[each.known].append({(market, when.day) for market, when in each.places})
    return found


BIG = {29: MANY, 30: MANY, 31: MANY}
BIGGER = {number: {stall: 10 * amount for stall, amount in MANY.items()} for number in (29, 30, 31)}


def test_a_small_market_takes_the_smallest_other_of_its_ward_along() -> None:
    markets = {1: {5: TWO}, 2: BIGGER, 3: BIG}
    assert bound(markets, {1: "w", 2: "w", 3: "w"}) == {True: [{(1, 5), (3, 31)}], False: []}


def test_two_small_markets_may_cover_each_other() -> None:
    assert bound({1: {5: TWO}, 2: {7: TWO}, 3: BIG}, dict.fromkeys((1, 2, 3), "w")) == {
        True: [{(1, 5), (2, 7)}],
        False: [],
    }


def test_a_market_whose_last_day_was_shown_already_comes_last() -> None:
    markets = {1: {5: TWO}, 2: BIGGER, 3: {29: MANY, 30: MANY}}
    assert bound(markets, dict.fromkeys(markets, "w"))[True] == [{(1, 5), (2, 31)}]


def test_what_a_market_has_bound_already_comes_along_whole() -> None:
    markets = {1: {5: {"A": 40, "B": 40}}, 2: {27: MANY, 28: TWO, 31: MANY}}
    found = binding.bind(
        "value", [[Stretch(each, day(1), day(31), None, "79") for each in markets]], Books(markets), END
    )
    merged = bundle.merge(found)
    assert [{(market, when.day) for market, when in each.places} for each in merged] == [{(1, 5), (2, 28), (2, 31)}]
    assert all(each.known for each in merged)


def test_a_ward_that_covers_nobody_takes_the_smallest_market_of_the_province_along() -> None:
    markets = {1: {5: TWO}, 2: BIGGER, 3: BIG}
    assert bound(markets, {1: "v", 2: "w", 3: "w"}) == {True: [{(1, 5), (3, 31)}], False: []}


def test_what_nobody_covers_is_not_shown_at_all() -> None:
    assert bound({1: {5: TWO}, 2: {6: {"A": 7}}}, {1: "v", 2: "w"})[True] == [{(1, 5), (2, 6)}]
    assert bound({1: {5: TWO}, 2: {}}, {1: "v", 2: "w"}) == {True: [], False: [{(1, 5)}]}


def test_before_the_month_is_over_nobody_is_taken_along() -> None:
    assert bound({1: {5: TWO}, 2: BIG}, {1: "w", 2: "w"}, day(30)) == {True: [], False: [{(1, 5)}]}


def test_bundles_that_share_a_day_are_one_and_known_only_if_all_are() -> None:
    one, two, three = (frozenset({(1, day(number)), (1, day(number + 1))}) for number in (1, 2, 8))
    assert bundle.merge([Bundle(one, True), Bundle(three, True), Bundle(two, False)]) == [
        Bundle(three, True),
        Bundle(one | two, False),
    ]


def test_a_fair_day_needs_the_whole_year_and_its_edge_weeks_without_a_weak_one() -> None:
    class Year(Books):
        def days(self, measure: str, key: tuple[int, date]) -> dict[date, DayCell]:
            told = {date(2026, 10, 5): Strength.FAIR, weak: Strength.WEAK}
            return {when: DayCell(165, found) for when, found in told.items() if when.replace(day=1) == key[1]}

    group = [Stretch(1, day(1), day(31), None, "79")]
    # 2026 begins on a Thursday and ends on one: its weeks reach from 29 December 2025 to 3 January 2027.
    for weak, stands in (
        (date(2025, 12, 28), True),
        (date(2025, 12, 29), False),
        (date(2026, 3, 1), False),
        (date(2027, 1, 3), False),
        (date(2027, 1, 4), True),
    ):
        books = Year({1: {5: ONE_OF_THREE}})
        found = binding.bind("value", [group], books, date(2027, 3, 1))
        assert (found == []) is stands, weak
