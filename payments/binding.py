"""Binding: all the bundles there are in some provinces and months, from what was taken there and nothing else."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple, Protocol

from merchants.ward import Ward
from payments import bundle
from payments.bundle import Bundle, Cell, Place, Stock, Tied
from payments.day_cell import DayCell, Key
from payments.suppression import Contribution, Strength

DAY = timedelta(days=1)
NOTHING_TIED = Tied((), frozenset())


class Stretch(NamedTuple):
    """The days of one market in one month, in one ward."""

    market_id: int
    first: date
    last: date
    ward: Ward | None
    province: str

    @property
    def month(self) -> date:
        return self.first.replace(day=1)


class Known(Protocol):
    """What was taken, in one measure or another (`takings.Takings`)."""

    def read(self, keys: Iterable[Key]) -> None: ...

    def weakest(self, measure: str, key: Key) -> Strength: ...

    def days(self, measure: str, key: Key) -> Mapping[date, DayCell]: ...

    def pool(self, measure: str, places: Iterable[Place]) -> Contribution: ...


def bind(measure: str, groups: Iterable[Sequence[Stretch]], known: Known, until: date) -> list[Bundle]:
    """`groups`: each all the stretches of a province and month. `until`: the last day that is over."""
    stretches = list(groups)
    fair = _fair(measure, stretches, known, until)
    return [found for group in stretches for found in _bind(measure, group, known, fair, until)]


def month_end(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - DAY


def _fair(measure: str, groups: Iterable[Sequence[Stretch]], known: Known, until: date) -> set[tuple[int, int]]:
    """The markets and years in which a day that is merely fair may be shown: no day of them has to be hidden."""
    asked = {
        (each.market_id, each.month.year)
        for group in groups
        for each in group
        if known.weakest(measure, (each.market_id, each.month)) is not Strength.FIRM
        and any(cell.strength is Strength.FAIR for cell in _days(measure, each, known, until).values())
    }
    return {each for each in asked if not _hides_any(measure, *each, known, until)}


def _hides_any(measure: str, market_id: int, year: int, known: Known, until: date) -> bool:
    """Weeks that reach over the year's ends count as a whole."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    first, last = first - first.weekday() * DAY, min(last + (6 - last.weekday()) * DAY, until)
    months = sorted({(first + number * DAY).replace(day=1) for number in range((last - first).days + 1)})
    known.read((market_id, month) for month in months)
    return any(
        cell.strength is Strength.WEAK
        for month in months
        for day, cell in known.days(measure, (market_id, month)).items()
        if first <= day <= last
    )


def _days(measure: str, stretch: Stretch, known: Known, until: date) -> Mapping[date, DayCell]:
    last = min(stretch.last, until)
    found = known.days(measure, (stretch.market_id, stretch.month))
    if not found or (stretch.first <= min(found) and max(found) <= last):
        return found
    return {day: cell for day, cell in found.items() if stretch.first <= day <= last}


def _bind(
    measure: str, group: Sequence[Stretch], known: Known, fair: set[tuple[int, int]], until: date
) -> list[Bundle]:
    """The bundles of a province's month: of each stretch by itself, then of what is left open, ward by ward."""
    over = month_end(group[0].month) <= until
    tied = {each: _tie(measure, each, known, fair, until, over=over) for each in group}
    bundles = [Bundle(_places(each, bound), True) for each in group for bound in tied[each].bundles]
    if not any(each.left for each in tied.values()):
        return bundles
    if not over:
        return bundles + [Bundle(_places(each, tied[each].left), False) for each in group if tied[each].left]
    wards: dict[Ward | None, list[Stock]] = defaultdict(list)
    for each in group:
        wards[each.ward].append(_stock(each, tied[each], _days(measure, each, known, until)))
    return bundles + _bind_left(measure, wards.values(), known)


def _tie(measure: str, stretch: Stretch, known: Known, fair: set[tuple[int, int]], until: date, *, over: bool) -> Tied:
    if known.weakest(measure, (stretch.market_id, stretch.month)) is Strength.FIRM:
        return NOTHING_TIED
    bar = Strength.FAIR if (stretch.market_id, stretch.month.year) in fair else Strength.FIRM
    days = _days(measure, stretch, known, until)
    return bundle.tie(days, bar, lambda bound: known.pool(measure, _places(stretch, bound)), over=over)


def _bind_left(measure: str, wards: Iterable[Sequence[Stock]], known: Known) -> list[Bundle]:
    """What the stretches of a finished month left open: in its ward, else in the province, else not even its sum."""
    bundles, left = [], Cell()
    rest: list[Stock] = []
    for stocks in wards:
        open_, bound = Cell().union(*(each.left for each in stocks)), None
        if open_:
            bound = bundle.gather(open_, stocks, lambda cell: known.pool(measure, cell))
        if bound is None:
            left |= open_
        else:
            bundles.append(Bundle(bound, True))
        rest += [each for each in stocks if bound is None or not each.last & bound]
    if left:
        bound = bundle.gather(left, rest, lambda cell: known.pool(measure, cell))
        bundles.append(Bundle(left if bound is None else bound, bound is not None))
    return bundles


def _stock(stretch: Stretch, tied: Tied, days: Mapping[date, DayCell]) -> Stock:
    last = bundle.last_of(tied, days)
    total = sum(cell.total for cell in days.values())
    return Stock(_places(stretch, tied.left), _places(stretch, last), month_end(stretch.month) in last, total)


def _places(stretch: Stretch, days: Iterable[date]) -> Cell:
    return Cell((stretch.market_id, day) for day in days)
