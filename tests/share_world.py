"""Random evidence for the worlds of rates_world.py: reports, corrections, observations and samples."""

from datetime import date
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from payments import cash_report, observation
from payments.intake import Kind
from tests.rates_oracle import Facts, holds
from tests.share_oracle import Look, Lot, Report, Seen

VERDICTS = ("genuine",) * 6 + ("revoked", "foreign", "unreadable")


class Habit(NamedTuple):
    """How a stall reports: on which part of the days, from which sources, whether it counts its sales."""

    often: float
    sources: tuple[str, ...]
    counts: bool


def draw(chance: Random, facts: Facts, periods: dict[str, list[date]]) -> None:
    """Add evidence to the facts: reports for each of the periods, and rounds through some of the markets."""
    usual = chance.choice((0, 30_000, 30_000, 30_000, 2_000_000))  # 0: nobody ever took cash
    stalls = sorted({(state.market, state.stall) for state in facts.states})
    sold: dict[tuple[str, str, date], list[int]] = {}
    for market, stall, day, amount in facts.sales:
        sold.setdefault((market, stall, day), []).append(amount)
    diligence = chance.choice(((1.0,), (0.0, 1.0), (0.45, 0.6, 0.9, 1.0), (0.9, 1.0)))
    for days in periods.values():
        for stall in stalls:
            habit, taken = _habit(chance, diligence), {day: sold.get((*stall, day), []) for day in days}
            _report(chance, facts, stall, taken, habit, usual)
        for market in facts.moves:
            if chance.random() < 0.5:
                _watch(chance, facts, market, days)
    # Corrections come later than everything else, and some come twice.
    for _ in range(2):
        for report in chance.sample(facts.reports, len(facts.reports) // 10):
            facts.reports.append(report._replace(amount=usual * chance.randint(0, 9)))
        for seen in chance.sample(facts.seen, len(facts.seen) // 5):
            facts.seen.append(seen._replace(cashless=chance.randint(0, seen.total)))


def _habit(chance: Random, diligence: tuple[float, ...]) -> Habit:
    sources = chance.choice((("declared",), ("declared",), ("booked",), ("declared", "booked")))
    return Habit(chance.choice(diligence), sources, chance.random() < 0.7)


def _report(
    chance: Random, facts: Facts, stall: tuple[str, str], taken: dict[date, list[int]], habit: Habit, usual: int
) -> None:
    for day, sold in taken.items():
        for source in habit.sources:
            if chance.random() < habit.often and (_trades(facts, stall, day) or chance.random() < 0.05):
                cash, number = usual * chance.randint(0, 5), chance.randint(0, 4)
                if source == "booked":
                    cash, number = cash + sum(sold), number + len(sold)
                    if chance.random() < 0.06:
                        cash, number = chance.choice(((sum(sold) // 2, number), (cash, len(sold) // 2)))
                counted = habit.counts and chance.random() < 0.9
                facts.reports.append(Report(*stall, day, source, cash, number if counted else None))


def _watch(chance: Random, facts: Facts, market: str, days: list[date]) -> None:
    """A sample drawn and counted; now and then a helper sits down at another stall, or comes a second day."""
    on = chance.choice(days)
    frame = sorted({each.stall for each in facts.states if each.market == market and _trades(facts, each[:2], on)})
    if not frame:
        return
    drawn = chance.sample(frame, chance.randint(1, len(frame)))
    facts.lots.append(Lot(market, days[0], days[-1], drawn))
    if chance.random() < 0.3:  # a second lot, of part of those days, draws some of the same stalls
        first, last = sorted(chance.choice(days) for _ in range(2))
        facts.lots.append(Lot(market, first, last, chance.sample(frame, chance.randint(1, len(frame)))))
    drawn = [stall if chance.random() < 0.97 else chance.choice(frame) for stall in drawn]
    for day in chance.sample(days, min(len(days), 3)):
        for stall in chance.sample(frame, chance.randint(0, len(frame))):
            # Some are looked at because they were drawn, some again on another day, some just so.
            facts.looks.append(Look(market, stall, day, chance.choice(VERDICTS)))
    for stall in drawn:
        for day in dict.fromkeys((on, *chance.sample(days, min(len(days), chance.choice((0, 0, 1, 2)))))):
            total = chance.randint(0, 30)
            facts.seen.append(Seen(market, stall, day, chance.randint(0, total), total))


def _trades(facts: Facts, stall: tuple[Any, ...], day: date) -> bool:
    states = (state for state in facts.states if (state.market, state.stall) == stall[:2] and holds(state, day))
    return any(state.status == "trading" for state in states)


def store(session: Session, facts: Facts, markets: dict[str, int], stalls: dict[tuple[str, str], int]) -> None:
    """Straight into the tables, each in its order: what may be imported is told elsewhere."""
    _write(session, cash_report.KIND, facts.reports, markets, stalls)
    _write(session, observation.KIND, facts.seen, markets, stalls)
    for number, lot in enumerate(facts.lots):
        ids = [stalls[lot.market, stall] for stall in lot.drawn]
        columns = {"market": markets[lot.market], "first": lot.first, "last": lot.last, "seed": str(number)}
        session.execute(
            text("""
                INSERT INTO sample (market_id, period, first, last, size, seed, frame, drawn, stall_ids, drawn_at,
                    drawn_by)
                VALUES (:market, '-', :first, :last, :size, :seed, :drawn, :drawn, :ids, now(), 'lot')
            """),
            {**columns, "size": len(ids), "drawn": lot.drawn, "ids": ids},
        )
    for look in facts.looks:
        session.execute(
            text("""
                INSERT INTO inspection (market_id, stall_id, inspected_at, inspected_on, inspected_by, verdict, reason,
                    differs)
                VALUES (:market, :stall, :moment, :day, 'somebody', :verdict, '-', '{}')
            """),
            {
                "market": markets[look.market],
                "stall": stalls[look.market, look.stall],
                "moment": clock.day_start(look.day),
                "day": look.day,
                "verdict": look.verdict,
            },
        )


def _write(
    session: Session, kind: Kind, rows: list[Any], markets: dict[str, int], stalls: dict[tuple[str, str], int]
) -> None:
    for code, market in markets.items():
        own = [row for row in rows if row.market == code]
        names = ("stall_id", "business_date", *kind.key, *kind.value)
        cells = [(stalls[row.market, row.stall], *row[2:]) for row in own]
        columns = {name: [row[at] for row in cells] for at, name in enumerate(names)}
        session.execute(kind.write, {**columns, "market": market, "by": "somebody", "moment": clock.now()})
