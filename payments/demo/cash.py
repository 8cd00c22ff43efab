"""The other side of the rate in the demo: what some vendors declare of their cash, and what helpers counted.

One vendor in four declares every day; helpers counted customers for an hour at stalls drawn by lot in each quarter.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from random import Random
from typing import NamedTuple

from sqlalchemy import Row, text
from sqlmodel import Session

from ground import clock
from merchants import market
from merchants.market import Market
from payments import cash_report, intake, observation, period_run, sample
from payments.period import parse

BY = "demo"
DECLARING, DAY_OFF = 1 / 4, 0.03  # of the stalls with a code; of a stall's days
DRAWN = 40
_FRUGAL, _LAVISH = 0.9, 3.2  # cash to cashless takings, from stall to stall
_STALL_DAYS = text("""
    SELECT s.id AS stall_id, s.number, d.day::date AS day, coalesce(t.sales_value, 0) AS value,
        coalesce(t.sales_count, 0) AS count, EXISTS (
            SELECT FROM code c WHERE c.stall_id = s.id AND c.revoked_on IS NULL) AS connected
    FROM stall s
    CROSS JOIN generate_series(CAST(:first AS date), CAST(:last AS date), INTERVAL '1 day') AS d(day)
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL AND state.status = 'trading'
        AND state.since <= d.day AND (state.until IS NULL OR d.day < state.until)
    LEFT JOIN stall_day t ON t.market_id = s.market_id AND t.business_date = d.day AND t.stall_id = s.id
    WHERE s.market_id = :market ORDER BY s.number, d.day
""")


class Said(NamedTuple):
    reports: int
    observations: int


def tell(session: Session, days: Sequence[date]) -> Said:
    """Of every made-up market on these days; gives how many records. The caller commits."""
    now = clock.now()
    reports = observations = 0
    for found in market.every(session):
        if found.made_up:
            place = {"market": found.key, "first": days[0], "last": days[-1]}
            by_stall: dict[int, list[Row[tuple[object, ...]]]] = defaultdict(list)
            for row in session.execute(_STALL_DAYS, place):
                by_stall[row.stall_id].append(row)
            reports += _declare(session, found, by_stall.values(), now)
            observations += _count(session, found, by_stall, days, now)
    return Said(reports, observations)


def _declare(
    session: Session, found: Market, stalls: Iterable[Sequence[Row[tuple[object, ...]]]], moment: datetime
) -> int:
    random = Random(f"{found.code}/cash")
    entries: dict[intake.Key, intake.Value] = {}
    for stall_days in stalls:
        if not stall_days[0].connected or random.random() >= DECLARING:
            continue
        thrift = random.uniform(_FRUGAL, _LAVISH)
        usual = sum(day.value for day in stall_days) / len(stall_days) or 400_000
        for day in stall_days:
            off = random.random() < DAY_OFF
            amount = 0 if off else round((day.value + usual) / 2 * thrift * random.lognormvariate(0, 0.3), -3)
            count = 0 if off else max(1, round(amount / 70_000))
            entries[day.stall_id, day.day, "declared"] = (int(amount), count)
    return sum(intake.record(session, found.key, cash_report.KIND, entries, by=BY, moment=moment))


def _count(
    session: Session,
    found: Market,
    stalls: dict[int, list[Row[tuple[object, ...]]]],
    days: Sequence[date],
    moment: datetime,
) -> int:
    entries: dict[intake.Key, intake.Value] = {}
    for asked in map(parse, sorted({period_run.at(day, "quarter").text for day in days})):
        random = Random(f"{found.code}/{asked.text}")
        within = {key: [day for day in of if asked.first <= day.day <= asked.last] for key, of in stalls.items()}
        there = [key for key, of in within.items() if of]
        if len(there) < DRAWN:
            continue
        drawn = sample.draw(session, found, asked.text, DRAWN, f"{found.code}/{asked.text}", by=BY)
        for key in drawn.stall_ids:
            if within.get(key):
                day = random.choice(within[key])
                total = random.randint(6, 25)
                share = random.betavariate(2, 4) if day.connected else 0
                cashless = sum(random.random() < share for _ in range(total))
                entries[key, day.day] = (cashless, total)
    return sum(intake.record(session, found.key, observation.KIND, entries, by=BY, moment=moment))
