"""Small worlds for the attacker: a few markets with few stalls, over the edge of a month, a quarter, a year or the
reform of July 2025; one market may move, some days one stall takes nearly all."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from random import Random
from typing import Any, NamedTuple

from sqlmodel import Session

from merchants import market
from merchants.stall import Stall
from payments import stall_day
from payments.binding import Stretch
from payments.day_cell import DayCell
from payments.stall_day import Change
from payments.suppression import Contribution, Strength, contribution, strength
from tests.attacker import Cell, Place
from tests.place_oracle import DAY, place_now, place_then
from tests.rates_oracle import days_of, names_of

REFORM = date(2025, 7, 1)
EDGES = (date(2026, 4, 1), REFORM, date(2026, 1, 1), date(2026, 9, 1))
# Of one province each: before the reform, of one that merged into another.
OLD, NEW = ("26506", "26512", "26533"), ("26506", "26536", "26526")
ROUND = (1, 2, 5, 10, 11, 20, 21, 50, 100, 100, 1000)  # so that the edges of the rule are met exactly
Sale = tuple[int, int]  # đồng and number of sales of a stall on a day


class World(NamedTuple):
    """`moves` as a market's board told them; `took`: what each stall of a market took on a day."""

    moves: dict[str, list[tuple[date, str]]]
    took: dict[Place, dict[str, Sale]]
    first: date
    last: date


class Shown(NamedTuple):
    """An area in a period, under one choice of boundaries: its market-days, up to a day."""

    area: str
    period: str
    boundaries: str


def draw(seed: int, length: int = 16) -> World:
    chance = Random(seed)
    first = chance.choice(EDGES) - chance.randint(3, length - 4) * DAY
    last = first + (length - 1) * DAY
    world = World({}, {}, first, last)
    wards = OLD if first < REFORM else NEW
    wards = wards[: chance.randint(1, 3)]
    for number in range(chance.randint(2, 4)):
        code = f"cho-{number}"
        world.moves[code] = [(_opening(first), chance.choice(wards))]
        if chance.random() < 0.3:
            day = first + chance.randint(1, length - 1) * DAY
            world.moves[code].append((day, chance.choice(OLD if day < REFORM else NEW)))
        _draw_market(chance, world, code)
    return world


def _opening(first: date) -> date:
    return date(2025, 1, 1) if first < REFORM else date(2025, 8, 1)


def _draw_market(chance: Random, world: World, code: str) -> None:
    stalls = [f"{code}/S{number}" for number in range(chance.choice((1, 2, 3, 4, 6, 9)))]
    often = chance.choice((0.15, 0.4, 0.7, 0.95))
    skew = chance.choice((0.3, 1.0, 2.0))
    size = {stall: chance.lognormvariate(11, skew) for stall in stalls}
    round_sums = chance.random() < 0.4
    day = world.first
    while day <= world.last:
        took = {}
        for stall in stalls:
            if chance.random() < often:
                amount = max(1, round(size[stall] * chance.lognormvariate(0, skew)))
                took[stall] = (chance.choice(ROUND) if round_sums else amount, chance.randint(1, 4))
        if took and chance.random() < 0.1:
            big = chance.choice(sorted(took))
            took[big] = (took[big][0] * chance.choice((10, 1000)), took[big][1] * 20)
        if took and chance.random() < 0.9:
            world.took[code, day] = took
        day += DAY


def places(world: World) -> list[Place]:
    return [(code, world.first + number * DAY) for code in world.moves for number in range(_length(world))]


def _length(world: World) -> int:
    return (world.last - world.first).days + 1


def level(world: World, cell: Cell, measure: int = 0) -> int:
    return sum(sale[measure] for place in cell for sale in world.took.get(place, {}).values())


def takings(world: World, cell: Iterable[Place], measure: int = 0) -> dict[str, int]:
    """What each stall took in a cell."""
    found: dict[str, int] = {}
    for place in cell:
        for stall, sale in world.took.get(place, {}).items():
            found[stall] = found.get(stall, 0) + sale[measure]
    return found


def is_primary(takings: dict[str, int]) -> bool:
    """docs/indicators.md, "Suppression"."""
    largest = sorted(takings.values(), reverse=True)
    return len(largest) < 3 or 10 * sum(largest[2:]) < largest[0]


def cells(world: World, today: date) -> Iterator[tuple[Shown, Cell]]:
    """Every area and period there is something to say of up to `today`, with its market-days."""
    every = [(place, where) for place in places(world) for where in _where(world, place, today)]
    found: dict[Shown, set[Place]] = {}
    for (code, day), (boundaries, area) in every:
        for period in _names(day):
            found.setdefault(Shown(area, period, boundaries), set()).add((code, day))
    for shown, cell in found.items():
        if days_of(shown.period)[0] <= today:
            yield shown, frozenset(place for place in cell if place[1] <= today)


def _where(world: World, place: Place, today: date) -> Iterator[tuple[str, str]]:
    code, day = place
    for boundaries in ("period", "current"):
        moves = world.moves[code]
        found = place_then(moves, day) if boundaries == "period" else place_now(moves, day, today)
        yield boundaries, f"market:{code}"
        if found is not None:
            yield boundaries, f"province:{found.province}"
            if found.ward is not None:
                # A unit, not a code: two may have borne it in turn. And the market's part of it.
                yield boundaries, f"ward:{found.ward.code}:{found.ward.first}"
                yield boundaries, f"ward:{found.ward.code}:{found.ward.first}/market:{code}"


@cache
def _names(day: date) -> list[str]:
    return names_of(day)


def store(session: Session, world: World) -> dict[str, int]:
    """Into the books, straight into the rollup; returns the markets' ids."""
    ids, stalls = {}, {}
    for code, ((since, ward), *moves) in world.moves.items():
        found = market.add(session, code, code, ward, since=since)
        for day, other in moves:
            market.move(session, found, other, since=day)
        ids[code] = found.key
    for name in sorted({stall for took in world.took.values() for stall in took}):
        stall = Stall(market_id=ids[name.split("/")[0]], number=name.split("/")[1])
        session.add(stall)
        session.flush()
        assert stall.id is not None
        stalls[name] = stall.id
    changes = [Change(stalls[name], day, *sale) for (_, day), took in world.took.items() for name, sale in took.items()]
    stall_day.add(session, changes)
    session.commit()
    return ids


class Told:
    """A world as the binding asks for it, without any books."""

    def __init__(self, world: World, measures: tuple[str, ...] = ("value", "count")) -> None:
        self._world, self._measures = world, measures
        self.ids = dict(enumerate(sorted(world.moves), 1))

    def read(self, keys: Iterable[tuple[int, date]]) -> None:
        """Everything is known."""

    def days(self, measure: str, key: tuple[int, date]) -> dict[date, DayCell]:
        found = {}
        for (code, day), took in self._world.took.items():
            if (code, day.replace(day=1)) == (self.ids[key[0]], key[1]):
                sums = [sale[self._measures.index(measure)] for sale in took.values()]
                found[day] = DayCell(sum(sums), strength(contribution(sums)))
        return found

    def weakest(self, measure: str, key: tuple[int, date]) -> Strength:
        return min((cell.strength for cell in self.days(measure, key).values()), default=Strength.FIRM)

    def pool(self, measure: str, cell: Iterable[tuple[int, date]]) -> Contribution:
        found = takings(self._world, [(self.ids[id_], day) for id_, day in cell], self._measures.index(measure))
        return contribution(found.values())

    def groups(self, until: date) -> list[list[Stretch]]:
        """Each market's days by ward, then by province and month."""
        found: dict[tuple[date, str], dict[tuple[int, Any], list[date]]] = {}
        for id_, code in self.ids.items():
            day = self._world.first.replace(day=1)
            while day <= min(until, self._world.last + 31 * DAY):
                place = place_then(self._world.moves[code], day)
                if place is not None:
                    group = found.setdefault((day.replace(day=1), place.province), {})
                    group.setdefault((id_, place.ward), []).append(day)
                day += DAY
        return [
            [Stretch(id_, min(days), max(days), ward, province) for (id_, ward), days in group.items()]
            for (_, province), group in found.items()
        ]
