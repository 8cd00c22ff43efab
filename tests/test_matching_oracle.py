"""The matching against a brute-force matcher, on small worlds drawn at random: the same pairs, the same ties."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ground.store import Store
from payments import decision, verify
from tests import lane_world, matching_oracle
from tests.bank_book import reconcile, sales
from tests.bank_fact import Stated, Told
from tests.lane_world import Lane, World
from tests.matching_oracle import Matched
from tests.world import post

# Side by side in one set of books: reconciling them takes hardly longer than reconciling one.
MANY, LANES, FEW = 81, 27, 9
MANY_SIDE_BY_SIDE = st.lists(lane_world.worlds(), min_size=MANY, max_size=MANY)
SIDE_BY_SIDE = st.lists(lane_world.worlds(), min_size=LANES, max_size=LANES)
A_FEW = st.lists(lane_world.worlds(), min_size=FEW, max_size=FEW)
LINES_FIRST = st.tuples(*[st.booleans()] * 3)
CHANCE = st.randoms(use_true_random=False)
DRAWN = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Side(NamedTuple):
    """All that was told and stated of a lane."""

    lane: Lane
    told: list[Told]
    stated: list[Stated]


@pytest.fixture
def lanes(books: Store) -> list[Lane]:
    return lane_world.build(books, LANES)


@pytest.fixture
def many_lanes(books: Store) -> list[Lane]:
    return lane_world.build(books, MANY)


def meet_at_once(books: Store, lanes: Sequence[Lane], drawn: Sequence[World]) -> list[Side]:
    lane_world.wipe(books)
    sides = []
    for place, (lane, world) in enumerate(zip(lanes, drawn, strict=True), 1):
        notices = [(lane_world.notice_of(lane, fact, str(place * 100 + nr)), fact) for nr, fact in enumerate(world[0])]
        lines = [lane_world.line_of(lane, fact, f"{lane.number}/1/{row}") for row, fact in enumerate(world.lines)]
        lane_world.tell(books, lane, notices)
        if lines:
            lane_world.state(books, lane, lines)
        sides.append(Side(lane, [notice for notice, _ in notices], lines))
    post(books)
    reconcile(books)
    return sides


def meet_in_waves(
    books: Store, lanes: Sequence[Lane], drawn: Sequence[World], lines_first: Sequence[bool]
) -> list[Side]:
    lane_world.wipe(books)
    arranged = [
        (lane, lane_world.arrange(lane, place, world))
        for place, (lane, world) in enumerate(zip(lanes, drawn, strict=True), 1)
    ]
    for wave, lines_come_first in enumerate(lines_first):
        for lane, waves in arranged:
            notices, lines = waves[wave]
            lane_world.tell(books, lane, notices)
            if not lines_come_first:
                post(books)
            if lines:
                lane_world.state(books, lane, lines)
        reconcile(books)
        post(books)
    return [
        Side(
            lane,
            [notice for notices, _ in waves for notice, _ in notices],
            [line for _, lines in waves for line in lines],
        )
        for lane, waves in arranged
    ]


def compare(books: Store, sides: Sequence[Side]) -> None:
    """The engine's pairs and ties lane by lane with the oracle's, which follows it only among equals."""
    rules, ties = lane_world.read(books)
    assert verify.verify(books).differences == []
    lying: Counter[tuple[str, str]] = Counter()
    for lane, told, stated in sides:
        names = {line.name for line in stated}
        ours = {pair: rule for pair, rule in rules.items() if pair[1] in names}
        wanted = matching_oracle.match(told, stated, ours)
        decided = {line.name for line in stated if line.given}
        world = f"{told}\n{stated}"
        assert ours == wanted.rules, world
        tied = {line: among for line, among in wanted.ties.items() if line not in decided}
        assert {line: among for line, among in ties.items() if line in names} == tied, world
        lying.update(worth(lane, told, stated, wanted))
    assert {(stall, day): value for stall, day, value, _, _ in sales(books)} == lying


def worth(lane: Lane, told: Sequence[Told], stated: Sequence[Stated], matched: Matched) -> Counter[tuple[str, str]]:
    """What each stall has on each day: a payment lies where its line was given to, or where its notice or both of
    them say, with the statement's amount; a line that no notice told of lies where it was given or belongs."""
    found: Counter[tuple[str, str]] = Counter()
    of = {line.name: line for line in stated}
    partner = {notice: of[line] for notice, line in matched.rules}
    for notice in told:
        stall, amount, line = notice.stall, notice.amount, partner.get(notice.name)
        if line is not None and matched.rules[notice.name, line.name] != "batch":
            amount = line.amount
            stall = stall or lane.owner(notice.tokens | line.tokens, notice.virtual or line.virtual)
        stall = (line and line.given) or stall
        if stall:
            found[stall, notice.day.isoformat()] += amount
    for line in set(stated) - set(partner.values()):
        if line.owner and (line.given or line.name not in matched.ties):
            found[line.owner, line.day.isoformat()] += line.amount
    return found


def decide(books: Store, sides: Sequence[Side], chance: random.Random) -> list[Side]:
    """Say of some lines that were found whose they are; what follows is as if that had always been known."""
    known = lane_world.findings(books)
    said = {}
    for lane, _, stated in sides:
        names = [line.name for line in stated if line.name in known]
        for name in chance.sample(names, chance.randint(0, len(names))):
            said[name] = stall = chance.choice((*lane.stalls, "X1"))
            with books.session() as session:
                owner = session.execute(text("SELECT id FROM stall WHERE number = :number"), {"number": stall})
                decision.assign(session, known[name], owner.scalar_one(), by="operator", reason="her app shows it")
                session.commit()
    return [side._replace(stated=[line._replace(given=said.get(line.name)) for line in side.stated]) for side in sides]


def take_back(books: Store, sides: Sequence[Side]) -> None:
    found = lane_world.findings(books)
    for line in (line for side in sides for line in side.stated if line.given):
        with books.session() as session:
            decision.undo(session, found[line.name], by="operator", reason="it was another day")
            session.commit()


@settings(DRAWN, max_examples=6)
@given(drawn=SIDE_BY_SIDE)
def test_the_pairs_are_those_of_the_oracle(books: Store, lanes: list[Lane], drawn: list[World]) -> None:
    compare(books, meet_at_once(books, lanes, drawn))


@settings(DRAWN, max_examples=3)
@given(drawn=A_FEW, lines_first=LINES_FIRST)
def test_the_pairs_are_the_same_however_the_facts_come_in(
    books: Store, lanes: list[Lane], drawn: list[World], lines_first: tuple[bool, ...]
) -> None:
    compare(books, meet_in_waves(books, lanes[:FEW], drawn, lines_first))


@settings(DRAWN, max_examples=3)
@given(drawn=SIDE_BY_SIDE, chance=CHANCE)
def test_a_decision_is_a_fact_like_others(
    books: Store, lanes: list[Lane], drawn: list[World], chance: random.Random
) -> None:
    told = meet_at_once(books, lanes, drawn)
    decided = decide(books, told, chance)
    compare(books, decided)
    take_back(books, decided)
    compare(books, told)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(DRAWN, max_examples=26)
@given(drawn=MANY_SIDE_BY_SIDE)
def test_thousands_of_worlds_are_paired_as_the_oracle_says(
    books: Store, many_lanes: list[Lane], drawn: list[World]
) -> None:
    compare(books, meet_at_once(books, many_lanes, drawn))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(DRAWN, max_examples=6)
@given(drawn=SIDE_BY_SIDE, chance=CHANCE)
def test_more_worlds_are_paired_and_decided_as_the_oracle_says(
    books: Store, lanes: list[Lane], drawn: list[World], chance: random.Random
) -> None:
    told = meet_at_once(books, lanes, drawn)
    compare(books, told)
    compare(books, decide(books, told, chance))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(DRAWN, max_examples=8)
@given(drawn=A_FEW, lines_first=LINES_FIRST)
def test_more_worlds_are_paired_the_same_however_they_come_in(
    books: Store, lanes: list[Lane], drawn: list[World], lines_first: tuple[bool, ...]
) -> None:
    compare(books, meet_in_waves(books, lanes[:FEW], drawn, lines_first))
