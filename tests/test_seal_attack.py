"""The attacker, who remembers what seals have shown, against what is shown after a correction."""

from datetime import date
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from payments import binding, bundle, disclosure
from payments.bundle import Bundle
from payments.disclosure import Disclosure
from payments.kept import Shown
from tests import attacker, small_world
from tests.attacker import Cell
from tests.small_world import Told, World
from tests.test_disclosure import DAY, TRIES, disclose, hidden_by_itself, primary, spans

MEASURE = "value"
SEEDS = st.integers(0, 10**9)


def shown(world: World, cells: list[Cell], told: Told, disclosed: Disclosure) -> dict[Cell, int]:
    return {
        cell: small_world.level(world, cell)
        for cell in cells
        if disclosed.may_show(MEASURE, spans(told, cell)) and not hidden_by_itself(world, cell, 0)
    }


def numbered(told: Told, sealed: list[Cell]) -> Shown:
    found: Shown = {}
    for number, cell in enumerate(sealed):
        for span in spans(told, cell):
            found.setdefault(span.market_id, []).append((number, span.first, span.last))
    return found


def after(told: Told, until: date, kept: list[Bundle], sealed: Shown) -> Disclosure:
    """As `disclosure.draw` has it, without books."""
    bound = bundle.merge([*kept, *binding.bind(MEASURE, told.groups(until), told, until)])
    return Disclosure(until, {MEASURE: [disclosure.guard(each, sealed, MEASURE, told) for each in bound]})


def correct(world: World, chance: Random) -> Cell:
    """Some sales turn out to be another's, or to be more; returns where."""
    changed = chance.sample(sorted(world.took), chance.choice((1, 1, 2, 6)))
    for place in changed:
        took = world.took[place]
        for stall in chance.sample(sorted(took), chance.randint(0, len(took))):
            del took[stall]
        if chance.random() < 0.3:
            took[f"{place[0]}/late"] = (chance.choice((10, 1000)), 1)
    return Cell(changed)


def pinned(seed: int) -> dict[str, object]:
    chance = Random(seed)
    world = small_world.draw(seed, chance.choice((12, 16)))
    until = world.last + 40 * DAY
    told, first = disclose(world, until)
    names = {cell: str(name) for name, cell in small_world.cells(world, until)}
    asked = chance.sample(list(names), min(len(names), chance.choice((1, 3, 10, len(names)))))
    sealed = shown(world, asked, told, first)
    kept = first.kept([span for cell in asked for span in spans(told, cell)])[MEASURE]
    changed = correct(world, chance)
    later = after(told, until, kept, numbered(told, list(sealed)))
    levels = shown(world, list(names), told, later)
    still_true = {cell: level for cell, level in sealed.items() if not cell & changed}
    enemy = attacker.Attacker(levels | still_true)
    found: dict[str, object] = {}
    weak = [cell for cell in primary(world, names, 0) if cell & changed or cell not in still_true]
    for cell in chance.sample(weak, min(TRIES, len(weak))):
        level = small_world.level(world, cell)
        if cell in levels or (range_ := enemy.range(cell)).pins(level):
            found[names[cell]] = (level, cell in levels or range_)
    return found


@given(SEEDS)
@example(1101)  # told by a bundle of five days of which a week and three of the days had been shown
@settings(max_examples=15, deadline=None)
def test_what_seals_have_shown_and_what_is_shown_now_pin_no_hidden_level(seed: int) -> None:
    assert pinned(seed) == {}
