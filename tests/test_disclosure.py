"""What may be shown, against an attacker who has all of it: every area, period, boundary and day, and a calculator."""

from collections.abc import Iterable
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from ground.store import Store
from payments import binding, indicator, published_day
from payments.area import Span
from payments.bundle import Bundle
from payments.disclosure import Disclosure
from payments.indicator import Rated
from payments.kept import Kept
from payments.suppression import Strength
from tests import attacker, small_world
from tests.attacker import Cell
from tests.small_world import Shown, Told, World

LEVELS = ("cashless_value", "cashless_count")
MEASURES = ("value", "count")
TRIES = 6  # primarily suppressed cells that are attacked in a world
DAY = timedelta(days=1)
SEEDS = st.integers(0, 10**9)


def disclose(world: World, until: date, kept: Kept | None = None) -> tuple[Told, Disclosure]:
    told = Told(world)
    groups = told.groups(until)
    kept = kept or {}
    bundles = {each: [*kept.get(each, ()), *binding.bind(each, groups, told, until)] for each in MEASURES}
    return told, Disclosure(until, bundles)


def spans(told: Told, cell: Iterable[tuple[str, date]]) -> list[Span]:
    ids = {code: id_ for id_, code in told.ids.items()}
    return [Span(ids[code], day, day) for code, day in cell]


def shown(world: World, until: date, measure: int) -> tuple[dict[Cell, str], dict[Cell, int]]:
    """Every area and period up to a day, by its market-days; and the levels of those that are shown."""
    told, disclosed = disclose(world, until)
    cells = {cell: str(name) for name, cell in small_world.cells(world, until)}
    levels = {}
    for cell in cells:
        may = all(disclosed.may_show(each, spans(told, cell)) for each in MEASURES[: measure + 1])
        if may and not hidden_by_itself(world, cell, measure):
            levels[cell] = small_world.level(world, cell, measure)
    return cells, levels


def hidden_by_itself(world: World, cell: Cell, measure: int) -> bool:
    return any(small_world.is_primary(small_world.takings(world, cell, each)) for each in range(measure + 1))


def primary(world: World, cells: Iterable[Cell], measure: int) -> list[Cell]:
    """Those that somebody took something in and that fewer than three or one nearly alone stand behind."""
    found = [(cell, small_world.takings(world, cell, measure)) for cell in cells]
    return [cell for cell, takings in found if takings and small_world.is_primary(takings)]


def pinned(world: World, until: date, measure: int, chance: Random, tries: int) -> dict[str, object]:
    """The hidden levels that everything shown tells to within 5 %."""
    cells, levels = shown(world, until, measure)
    weak = primary(world, cells, measure)
    enemy = attacker.Attacker(levels)
    found: dict[str, object] = {}
    for cell in chance.sample(weak, min(tries, len(weak))):
        level = small_world.level(world, cell, measure)
        if cell in levels or (told := enemy.range(cell)).pins(level):
            found[cells[cell]] = (level, cell in levels or told)
    return found


def moments(world: World) -> tuple[date, date]:
    """When all is over, and some days before."""
    return world.last + 40 * DAY, world.last - 4 * DAY


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_no_attacker_pins_a_hidden_level(seed: int) -> None:
    chance = Random(seed)
    world = small_world.draw(seed, chance.choice((12, 16, 24)))
    assert pinned(world, chance.choice(moments(world)), chance.choice((0, 1)), chance, TRIES) == {}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_no_attacker_pins_a_hidden_level_in_many_worlds(seed: int) -> None:
    world = small_world.draw(seed, Random(seed).choice((12, 24, 45)))
    for until in moments(world):
        for measure in (0, 1):
            assert pinned(world, until, measure, Random(seed), 30) == {}


def test_the_attacker_beats_whoever_hides_single_cells_only() -> None:
    """So that the other tests can fail: what hides only cells that tell too much by themselves is laid open."""
    found = []
    for seed in range(4):
        world = small_world.draw(seed)
        cells = {cell: str(name) for name, cell in small_world.cells(world, world.last)}
        levels = {cell: small_world.level(world, cell) for cell in cells if not hidden_by_itself(world, cell, 0)}
        enemy = attacker.Attacker(levels)
        weak = primary(world, cells, 0)[:10]
        found.append(sum(enemy.range(cell).pins(small_world.level(world, cell)) for cell in weak))
    assert sum(found) > 8


@given(SEEDS)
@settings(max_examples=12, deadline=None)
def test_no_stall_works_out_what_another_took(seed: int) -> None:
    """It knows what it took itself on each day, and everything shown."""
    chance = Random(seed)
    world = small_world.draw(seed, 12)
    cells, levels = shown(world, moments(world)[0], 0)
    took = {place: {who: sale[0] for who, sale in by.items()} for place, by in world.took.items()}
    weak = [cell for cell in cells if small_world.takings(world, cell)]
    for cell in chance.sample(weak, min(5, len(weak))):
        takings = small_world.takings(world, cell)
        me, *others = sorted(takings, key=takings.__getitem__)[-2:]
        for other in others:
            assert attacker.most(other, cell, me, took, levels) > 1.05 * takings[other], cells[cell]


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_what_was_shown_alone_on_one_day_is_shown_alone_on_later_days_of_the_month(seed: int) -> None:
    """But in a market's year that has fair days and no weak one yet: its first weak day may hide what was shown."""
    world = small_world.draw(seed)
    until = world.first + Random(seed).randint(2, 10) * DAY
    told = Told(world)
    before, after = (disclose(world, day)[1] for day in (until, until + DAY))
    for code, day in small_world.places(world):
        id_ = next(id_ for id_, each in told.ids.items() if each == code)
        open_month = day <= until and binding.month_end(day.replace(day=1)) > until + DAY
        if open_month and before.may_show("value", [Span(id_, day, day)]) and not is_only_fair(told, id_, day, until):
            assert after.may_show("value", [Span(id_, day, day)])


def is_only_fair(told: Told, id_: int, day: date, until: date) -> bool:
    """Whether the market has fair days and no weak one in the day's year, up to a day."""
    months = (date(day.year, number, 1) for number in range(1, 13))
    days = (told.days("value", (id_, month)).items() for month in months)
    strengths = {cell.strength for each in days for when, cell in each if when <= until}
    return Strength.FAIR in strengths and Strength.WEAK not in strengths


@given(SEEDS)
@settings(max_examples=6, deadline=None)
def test_what_was_hidden_once_stays_hidden_when_more_is_known(seed: int) -> None:
    """A late sale may make a cell strong enough; the earlier revision's total and its own would tell what came."""
    world = small_world.draw(seed, 12)
    until = moments(world)[0]
    told, first = disclose(world, until)
    cells = [cell for _, cell in small_world.cells(world, until)]
    place = Random(seed).choice(sorted(world.took))
    world.took[place].update({f"{place[0]}/late{number}": (50_000, 2) for number in range(4)})
    kept = first.kept(spans(told, small_world.places(world)))
    later = disclose(world, until, kept)[1]
    for cell in cells:
        for measure in MEASURES:
            if not first.may_show(measure, spans(told, cell)):
                assert not later.may_show(measure, spans(told, cell))


def through_the_doors(session: Session, world: World, today: date) -> dict[str, dict[Cell, int]]:
    """What is shown of every area and period as of a day, by indicator."""
    ids = small_world.store(session, world)
    cells = dict(small_world.cells(world, today))
    found: dict[str, dict[Cell, int]] = {name: {} for name in LEVELS}
    for area, period, boundaries in sorted({(_asked(each.area), *each[1:]) for each in cells}):
        try:
            rated = indicator.rates(session, area, period, boundaries=boundaries, as_of=_noon(today))
        except Refusal:  # a code that no unit bears in this period
            continue
        for part in (rated.whole, *rated.parts):
            cell = cells[Shown(_name(part, rated.whole), period, boundaries)]
            for figure in part.figures:
                if figure.indicator in LEVELS and figure.value is not None:
                    told_of = frozenset(place for place in cell if place[1] <= part.until)
                    found[figure.indicator][told_of] = int(figure.value)
    for code, id_ in ids.items():
        for day in published_day.read(session, id_, world.first, world.last, today):
            if day.value is not None and day.number is not None:
                for name, value in zip(LEVELS, (day.value, day.number), strict=True):
                    assert found[name].setdefault(frozenset({(code, day.date)}), value) == value
    return found


def _noon(day: date) -> object:
    return clock.day_start(day) + timedelta(hours=12)


def _asked(area: str) -> str:
    """A unit by its code alone, which is all a reader can ask for."""
    return ":".join(area.split("/")[0].split(":")[:2])


def _name(part: Rated, whole: Rated) -> str:
    name = f"{part.area.key}:{part.area.since or date.min}" if part.area.key.startswith("ward") else part.area.key
    if part is not whole and whole.area.key.startswith("ward"):
        return f"{whole.area.key}:{whole.area.since or date.min}/{name}"
    return name


@pytest.mark.parametrize("seed", [3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(20, 26))])
def test_all_doors_show_the_same_and_no_attacker_pins_what_they_hide(books: Store, session: Session, seed: int) -> None:
    world = small_world.draw(seed, 12)
    chance = Random(seed)
    today = chance.choice((world.last + 40 * DAY, world.last - 2 * DAY))
    told = through_the_doors(session, world, today)
    for measure, name in enumerate(LEVELS):
        cells, levels = shown(world, today - DAY, measure)
        assert {cell: level for cell, level in told[name].items() if cell in cells}.items() <= levels.items()
        if today > world.last:
            wanted = {cell: level for cell, level in levels.items() if len({day for _, day in cell}) > 1}
            missing = {cells[cell] for cell in wanted.keys() - told[name].keys()}
            assert missing == set()
        enemy = attacker.Attacker(told[name])
        weak = primary(world, cells, measure)
        for cell in chance.sample(weak, min(TRIES, len(weak))):
            assert not enemy.range(cell).pins(small_world.level(world, cell, measure)), cells[cell]


def test_a_bundle_of_which_nothing_is_known_hides_whatever_touches_it() -> None:
    day = date(2026, 10, 5)
    disclosed = Disclosure(day, {"value": [Bundle(frozenset({(1, day)}), False)]})
    assert not disclosed.may_show("value", [Span(1, day, day + DAY), Span(2, day, day)])
    assert disclosed.may_show("value", [Span(2, day, day)])
    assert disclosed.may_show("count", [Span(1, day, day)])
    assert disclosed.latest(["value"], [Span(1, day - 3 * DAY, day)]) == day - DAY
    assert disclosed.latest(["value"], [Span(1, day, day)]) is None
