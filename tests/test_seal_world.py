"""Seals of random worlds into which facts keep coming: each is the oracle's figures of its time, and stays provable."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from ground.store import Store
from merchants import market
from payments import indicator, published, revision, seal, verify
from payments.indicator import Rates
from tests import rates_world, share_world
from tests.rates_oracle import Facts, Oracle
from tests.test_rates import compared
from tests.world import keep

ROUNDS = 3
NUMBERS = 100_000  # of the notices that come late


def part(rows: list[Any], turn: int) -> list[Any]:
    """What is known by a turn, in the order of recording."""
    return rows[: len(rows) * (turn + 1) // ROUNDS]


def known(facts: Facts, turn: int) -> Facts:
    sales, reports, seen = (part(rows, turn) for rows in (facts.sales, facts.reports, facts.seen))
    return facts._replace(sales=sales, reports=reports, seen=seen, codes=list(facts.codes))


def come_late(books: Store, session: Session, before: Facts, now: Facts, chance: Random) -> None:
    """Sales, reports, counts, and a code that turns out to have been revoked long ago."""
    late = now.sales[len(before.sales) :]
    first = NUMBERS + len(before.sales)
    keep(books, [rates_world._told(first + number, sale, now) for number, sale in enumerate(late)])
    markets = {found.code: found.key for found in market.every(session)}
    rows = session.execute(text("SELECT market_id, number, id FROM stall"))
    ids = {(market_id, number): id_ for market_id, number, id_ in rows}
    stalls = {(code, number): id_ for code, key in markets.items() for (of, number), id_ in ids.items() if of == key}
    fresh = now._replace(
        reports=now.reports[len(before.reports) :], seen=now.seen[len(before.seen) :], lots=[], looks=[]
    )
    share_world.store(session, fresh, markets, stalls)
    live = [number for number, code in enumerate(now.codes) if code[3] is None]
    if live:
        number = chance.choice(live)
        code, stall, since, _ = now.codes[number]
        now.codes[number] = (code, stall, since, since + timedelta(days=chance.randint(1, 300)))
        revoked = {"serial": f"C{number}", "day": now.codes[number][3]}
        told = "UPDATE code SET revoked_on = :day, revoked_at = now(), revoke_reason = 'lost' WHERE serial = :serial"
        session.execute(text(told), revoked)
    session.commit()


def finished(seed: int) -> list[str]:
    return [period for period in rates_world.reported(seed) if period not in ("2026-11", "2026-W46")] + ["2026-02"]


def as_counted(rates: Rates) -> Rates:
    """Without what only the seal adds."""
    areas = [
        rated._replace(
            figures=tuple(replace(f, status="provisional") if f.status == "final" else f for f in rated.figures)
        )
        for rated in (rates.whole, *rates.parts)
    ]
    return rates._replace(whole=areas[0], parts=tuple(areas[1:]))


def hidden(rates: Rates) -> Iterator[tuple[str, object, str]]:
    for rated in (rates.whole, *rates.parts):
        for figure in rated.figures:
            if figure.status == "suppressed":
                yield rated.area.key, rated.area.since, figure.indicator


@pytest.mark.parametrize("seed", range(6))
def test_sealed_figures_are_the_oracles_of_their_time(books: Store, session: Session, seed: int) -> None:
    facts = rates_world.draw(seed, postable=True, dense=seed % 2 == 0)
    Random(seed).shuffle(facts.sales)
    chance = Random(seed)
    told = known(facts, 0)
    rates_world.store(books, session, told, by_notice=True)
    areas = [area for area in rates_world.areas(facts) if chance.random() < 0.5]
    once: dict[tuple[str, str], set[Any]] = {}
    for turn in range(ROUNDS):
        if turn:
            before, told = told, known(facts, turn)
            told.codes[:] = before.codes
            come_late(books, session, before, told, chance)
        oracle = Oracle(told, clock.today())
        for period in finished(seed)[:2]:
            for area in areas:
                try:
                    seal.seal(books, area, period, by="somebody")
                except Refusal:
                    assert oracle.rates(area, period, "period", "internal") is None
                    continue
                row = revision.latest(session, area, period)
                assert row is not None
                sealed = as_counted(revision.read(row, "internal"))
                assert compared(sealed) == oracle.rates(area, period, "period", "internal"), (area, period, turn)
                session.rollback()
        for period in finished(seed)[:2]:
            for area in areas:
                check_hidden(session, area, period, once)
        done = verify.verify(books)
        assert done.ok, done.differences
    assert done.seals > 2


def check_hidden(session: Session, area: str, period: str, once: dict[tuple[str, str], set[Any]]) -> None:
    """What was hidden in a revision is hidden in the next, and in what is told as of now."""
    try:
        answers = [published.rates(session, area, period), indicator.rates(session, area, period)]
    except Refusal:
        return
    for answer in answers:
        assert once.get((area, period), set()) <= set(hidden(answer))
    once[area, period] = set(hidden(answers[0]))
    session.rollback()
