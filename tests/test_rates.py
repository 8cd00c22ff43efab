"""The rates against a from-scratch oracle in random worlds, and the stories people would trip over."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground.refusal import Refusal
from ground.store import Store
from payments import indicator, stall_day
from payments.figure import Figure
from payments.indicator import Rates
from payments.period import parse
from tests import fate_world, rates_world
from tests.rates_oracle import Facts, Oracle, Rated

WORLDS = (*range(11), *range(32, 40))
DENSE = range(32, 40)
FATED = (102, 104, 105)
MOMENTS = (
    datetime(2026, 11, 10, 5, tzinfo=UTC),
    datetime(2026, 11, 9, 17, tzinfo=UTC),  # midnight of the 10th at the market
    datetime(2026, 8, 20, 5, tzinfo=UTC),
    datetime(2025, 8, 5, 5, tzinfo=UTC),
    datetime(2025, 6, 30, 16, 59, tzinfo=UTC),  # the last minute of the old units
)


@pytest.mark.parametrize("seed", WORLDS)
def test_every_figure_of_a_random_world_is_the_oracles(books: Store, session: Session, seed: int) -> None:
    by_notice = seed % 5 == 0
    facts = rates_world.draw(seed, postable=by_notice, dense=seed in DENSE)
    rates_world.store(books, session, facts, by_notice=by_notice)
    chance = Random(seed)
    for period in [*rates_world.reported(seed), chance.choice(rates_world.PERIODS)]:
        moment = chance.choice(MOMENTS)
        oracle = Oracle(facts, (moment + timedelta(hours=7)).date())
        for area in rates_world.areas(facts):
            for boundaries in ("period", "current"):
                audience = chance.choice(("public", "internal", "internal"))
                told = ask(session, area, period, boundaries, audience, moment)
                wanted = oracle.rates(area, period, boundaries, audience)
                assert compared(told) == wanted, (seed, area, period, boundaries, audience, moment)
        check_front_page(session, oracle, period, moment)


@pytest.mark.parametrize("seed", FATED)
def test_what_became_of_sales_and_what_came_late_counts_as_in_the_oracle(
    books: Store, session: Session, seed: int
) -> None:
    chance = Random(seed)
    facts = rates_world.draw(seed, postable=False, dense=True, fated=True)
    before = fate_world.earlier(chance, facts)
    rates_world.store(books, session, before, by_notice=False)
    periods = [*rates_world.reported(seed), "2026", "2026-11"]
    compare_all(session, before, periods[:2], chance)
    rates_world.come_late(session, facts, before)
    compare_all(session, facts, periods, chance)
    kept = session.execute(text(BOOKS)).all()
    stall_day.rebuild(session)
    assert session.execute(text(BOOKS)).all() == kept


BOOKS = """
    SELECT * FROM stall_day WHERE (sales_value, sales_count, refunds_value, confirmed_value) <> (0, 0, 0, 0)
    ORDER BY market_id, business_date, stall_id
"""


def compare_all(session: Session, facts: Facts, periods: list[str], chance: Random) -> None:
    oracle = Oracle(facts, (MOMENTS[0] + timedelta(hours=7)).date())
    for period in periods:
        for area in rates_world.areas(facts):
            boundaries, audience = chance.choice(("period", "current")), chance.choice(("public", "internal"))
            told = ask(session, area, period, boundaries, audience, MOMENTS[0])
            wanted = oracle.rates(area, period, boundaries, audience)
            assert compared(told) == wanted, (area, period, boundaries, audience)


def check_front_page(session: Session, oracle: Oracle, text: str, moment: datetime) -> None:
    """All markets read at once are what each of them is by itself."""
    try:
        told = indicator.rates_of_markets(session, parse(text), as_of=moment)
    except Refusal:
        return
    for each in told:
        wanted = oracle.rates(each.area.key, text, "period", "public")
        assert wanted is not None
        assert figures(each.figures) == wanted.figures, (each.area.key, text, moment)
    assert [each.area.key for each in told] == [f"market:{code}" for code in sorted(oracle.facts.moves)]


def ask(session: Session, area: str, period: str, boundaries: Any, audience: Any, moment: datetime) -> Rates | None:
    """None: refused."""
    try:
        return indicator.rates(session, area, period, boundaries=boundaries, audience=audience, as_of=moment)
    except Refusal:
        return None


def compared(told: Rates | None) -> Rated | None:
    """What the oracle speaks of; of the rest only that each says why it is not shown."""
    if told is None:
        return None
    parts = [(part.area.key, figures(part.figures)) for part in told.parts]
    return Rated(told.whole.area.key, figures(told.whole.figures), parts)


def figures(told: tuple[Figure, ...]) -> dict[str, dict[str, Any]]:
    assert tuple(figure.indicator for figure in told) == ALL
    found = {}
    for figure in told:
        assert figure.value is not None or figure.reason, figure
        if figure.indicator in UNKNOWN:
            assert figure.value is None
            continue
        assert isinstance(figure.value, float if figure.indicator in SHARES else int) or figure.value is None
        names = NAMES + OF_EVIDENCE if figure.indicator in FROM_EVIDENCE else NAMES
        names += BOUNDS if figure.indicator == "verified_acceptance" else ()
        found[figure.indicator] = {name: getattr(figure, name) for name in names}
        if figure.indicator in FROM_EVIDENCE:
            remarks = [tuple(remark) for remark in figure.remarks]
            found[figure.indicator] |= {"sources": list(figure.sources), "remarks": remarks}
        if figure.indicator == "active_use":
            found[figure.indicator]["k"] = figure.k
    return found


NAMES = ("value", "low", "high", "numerator", "denominator", "n", "N", "coverage", "status")
OF_EVIDENCE = ("sources", "method", "reason", "remarks", "population", "connected")
BOUNDS = ("least", "most")
FROM_EVIDENCE = ("count_share", "value_share", "verified_acceptance")
SHARES = ("onboarded", "acceptance", "active_use", "reconciled_share", *FROM_EVIDENCE)
UNKNOWN = ("bill_share",)
ALL = (
    "onboarded",
    "acceptance",
    "verified_acceptance",
    "active_use",
    "count_share",
    "value_share",
    "cashless_value",
    "cashless_count",
    "bill_share",
    "reconciled_share",
)
