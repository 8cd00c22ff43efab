"""Random worlds for the rates: markets around the reform of July 2025, drawn as plain facts and put into the books."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from ground.store import Store
from merchants import market
from payments import stall_day
from payments.stall_day import Change
from tests import fate_world, share_world
from tests.place_oracle import successors
from tests.rates_oracle import Facts, State, days_of, holds
from tests.world import VIETCOMBANK as BIN
from tests.world import keep, post, told

DAY = timedelta(days=1)
REFORM = date(2025, 7, 1)
END = date(2026, 11, 10)
# Whole successions into the same unit, reused codes (26506, 26536, 26526, 26800, 26824, 26737), splits, a split whose
# parts bear old codes, no record, a province that merged into another.
OLD = ("26506", "26512", "26509", "26533", "26536", "26524", "26526", "26818", "26821", "26824", "26737", "27379")
OLD += ("26935", "25741", "25750")
NEW = ("26506", "26536", "26526", "26800", "26824", "26809", "26737", "26740", "25747", "25750")
EDGES = ("2025-06-01", "2025-06-30", "2025-07-01", "2025-07-31", "2025-10-01", "2026-01-01", "2026-03-01", "2026-10-31")
EDGES += ("2026-11-01", "2026-11-10")
PERIODS = ("2025", "2025-9M", "2025-H1", "2025-H2", "2025-Q2", "2025-Q3", "2025-06", "2025-07", "2025-W27", "2026")
PERIODS += ("2025-06-30", "2025-07-01", "2026-9M", "2026-Q2", "2026-02", "2026-10", "2026-11", "2026-W46", "2026-W01")


def draw(seed: int, *, postable: bool, dense: bool = False, fated: bool = False) -> Facts:
    """`postable`: every sale is one that a bank's notice can tell of, to an account the roll knows on that day.
    `dense`: many stalls, most of them connected all along, so that shares can be told of them. `fated`: sales come to
    be known in no order, and don't all stay as they were."""
    chance = Random(seed)
    facts = Facts({}, [], [], [], [], [], [], [])
    for number in range(chance.randint(2, 4)):
        code = f"cho-{number}"
        facts.moves[code] = _moves(chance)
        for stall in range(chance.randint(2, 14) if dense else chance.choice((0, 1, 2, 3, 4, 5, 7))):
            _draw_stall(chance, facts, code, f"S{stall}", 0.5 if postable else 1.0)
    if dense:
        _connect(chance, facts)
    if postable:
        facts.sales[:] = [sale for sale in facts.sales if _account(facts, sale)]
    share_world.draw(
        chance, facts, {period: [day for day in days_of(period) if day <= END] for period in reported(seed)}
    )
    return fate_world.draw(chance, facts, END) if fated else facts


def reported(seed: int) -> list[str]:
    """The periods of a world for which there is evidence; none of them is long, so that some report most of it."""
    return Random(seed).sample([period for period in PERIODS if len(days_of(period)) < 93], 3)


def areas(facts: Facts) -> list[str]:
    """Every area that the markets may ever have stood in, some they never did, and some that are none."""
    said = {ward for moves in facts.moves.values() for _, ward in moves}
    followed = {new for ward in said for new, _ in successors(ward, REFORM - DAY)}
    wards = said | followed | {"26737", "00000"}
    return [
        *(f"market:{code}" for code in (*facts.moves, "nobody")),
        *(f"ward:{ward}" for ward in sorted(wards)),
        *(f"province:{code}" for code in ("77", "74", "79", "01", "00")),
    ]


def store(books: Store, session: Session, facts: Facts, *, by_notice: bool) -> None:
    """Put the facts into the books: the sales as a bank tells of them, or straight into the rollup."""
    for code, ((since, ward), *moves) in facts.moves.items():
        found = market.add(session, code, code, ward, since=since)
        for day, other in moves:
            market.move(session, found, other, since=day)
    stalls = _store_registry(session, facts)
    share_world.store(session, facts, {found.code: found.key for found in market.every(session)}, stalls)
    session.commit()
    if by_notice:
        numbers = count(1)
        keep(books, [_told(next(numbers), sale, facts) for sale in facts.sales])
        post(books)
    elif facts.fates:
        fate_world.store(session, facts, stalls)
        session.commit()
    else:
        stall_day.add(session, [Change(stalls[sale[:2]], sale[2], sale[3], 1) for sale in facts.sales])
        # A sale moved on to another stall leaves such a row; it may count nowhere.
        stall_day.add(session, [Change(id_, END, 0, 0) for id_ in stalls.values()])
        session.commit()


def come_late(session: Session, facts: Facts, before: Facts) -> None:
    """What was not known before, after somebody has looked: sales, their fates, evidence, and the roll as it was."""
    markets = {found.code: found.key for found in market.every(session)}
    codes = {key: code for code, key in markets.items()}
    rows = session.execute(text("SELECT market_id, number, id FROM stall"))
    stalls = {(codes[market_id], number): id_ for market_id, number, id_ in rows}
    changed = {(each.market, each.stall) for each in set(before.states) ^ set(facts.states)}
    superseded = text("UPDATE stall_state SET superseded_at = now() WHERE stall_id = ANY(:ids)")
    session.execute(superseded, {"ids": [stalls[each] for each in changed]})
    _store_states(session, [each for each in facts.states if (each.market, each.stall) in changed], stalls)
    fate_world.come_late(session, facts, before, markets, stalls)
    session.commit()


def _moves(chance: Random) -> list[tuple[date, str]]:
    opening = _day(chance, date(2025, 1, 1), date(2025, 6, 25))
    moves = [(opening, chance.choice(OLD))]
    if chance.random() < 0.2:
        moves = [(_day(chance, REFORM, date(2026, 3, 1)), chance.choice(NEW))]
    elif chance.random() < 0.2:
        moves.append((_day(chance, opening + DAY, REFORM - DAY), chance.choice(OLD)))
    parts = [new for new, _ in successors(moves[-1][1], REFORM - DAY)] or list(NEW)
    if moves[0][0] < REFORM and chance.random() < 0.4:
        moves.append(
            (REFORM if chance.random() < 0.6 else _day(chance, REFORM, REFORM + 60 * DAY), chance.choice(parts))
        )
    if chance.random() < 0.4:
        moves.append((_day(chance, date(2026, 3, 2), date(2026, 10, 31)), chance.choice(NEW)))
        if chance.random() < 0.3:  # and back again
            moves.append((moves[-1][0] + 9 * DAY, moves[-2][1] if moves[-2][1] in NEW else chance.choice(NEW)))
    return moves


def _draw_stall(chance: Random, facts: Facts, market_code: str, number: str, dense: float) -> None:
    opening = facts.moves[market_code][0][0]
    day: date | None = opening if chance.random() < 0.6 else opening + chance.randint(1, 300) * DAY
    segment = 0
    while day is not None:
        until = None if chance.random() < 0.3 or segment == 5 else day + chance.choice((1, 4, 20, 75, 200)) * DAY
        facts.states.append(_state(chance, market_code, number, day, until, f"{market_code[4:]}{number}{segment}"))
        segment += 1
        day = until and until + (chance.random() < 0.1) * DAY
    turns = [state.since for state in facts.states if (state.market, state.stall) == (market_code, number)]
    facts.codes.extend(_codes(chance, market_code, number, opening, turns))
    often = dense * chance.choice((0, 0.02, 0.1, 0.15, 0.4))
    usual = chance.choice((10_000, 20_000, 50_000, 2_000_000))
    for past in range((END - opening).days + 1):
        while chance.random() < often:
            facts.sales.append((market_code, number, opening + past * DAY, usual * chance.randint(1, 4)))


def _codes(
    chance: Random, market_code: str, number: str, opening: date, turns: list[date]
) -> list[tuple[str, str, date, date | None]]:
    """One after the other, many of them beginning and ending where a stall's state or a period does."""
    edges = [*turns, *(day for day in map(date.fromisoformat, EDGES) if day >= opening), *(day - DAY for day in turns)]
    days: list[date | None] = sorted(
        chance.choice(edges) if chance.random() < 0.6 else opening + chance.randint(-20, 500) * DAY
        for _ in range(chance.choice((0, 1, 2, 2, 3, 4, 5)))
    )
    days += [None] * (len(days) % 2)
    return [(market_code, number, live, revoked) for live, revoked in zip(days[::2], days[1::2], strict=True) if live]


def _connect(chance: Random, facts: Facts) -> None:
    """Most stalls with one code from their market's opening on, instead of what was drawn for them."""
    for stall in sorted({(state.market, state.stall) for state in facts.states}):
        if chance.random() < 0.8:
            facts.codes[:] = [code for code in facts.codes if code[:2] != stall]
            facts.codes.append((*stall, facts.moves[stall[0]][0][0], None))


def _state(chance: Random, market_code: str, number: str, since: date, until: date | None, account: str) -> State:
    status = chance.choice(("trading", "trading", "trading", "trading", "vacant", "suspended", "closed"))
    held = status in ("trading", "suspended")
    merchant = "Cô Ba" if status == "trading" or (held and chance.random() < 0.5) else None
    return State(
        market_code, number, since, until, status, merchant, account if held and chance.random() < 0.8 else None
    )


def _day(chance: Random, first: date, last: date) -> date:
    return first + chance.randint(0, (last - first).days) * DAY


def _account(facts: Facts, sale: tuple[str, str, date, int]) -> str | None:
    """The account that serves the stall on the day of the sale."""
    states = (state for state in facts.states if (state.market, state.stall) == sale[:2])
    return next((state.account for state in states if holds(state, sale[2])), None)


def _told(id_: int, sale: tuple[str, str, date, int], facts: Facts) -> dict[str, Any]:
    moment = ("00:00:00", "08:30:00", "23:59:59")[id_ % 3]
    return told(id_, sale[3], account=str(_account(facts, sale)), at=f"{sale[2]} {moment}")


def _store_registry(session: Session, facts: Facts) -> dict[tuple[str, str], int]:
    """Stalls, states and codes as the facts have them; returns the stalls' ids."""
    markets = {found.code: found.key for found in market.every(session)}
    moment = clock.now()
    people = [(key, "Cô Ba", moment) for key in markets.values()]
    merchants = _insert(session, "merchant (market_id, name, added_at)", people)
    names = sorted({(state.market, state.stall) for state in facts.states})
    rows = [(markets[code], number) for code, number in names]
    stalls = dict(zip(names, _insert(session, "stall (market_id, number)", rows), strict=True))
    _store_states(session, facts.states, stalls)
    _store_codes(session, facts, stalls, merchants[0])
    return stalls


def _store_states(session: Session, states: Sequence[State], stalls: dict[tuple[str, str], int]) -> None:
    numbers = [state.account for state in states if state.account]
    accounts = dict(
        zip(numbers, _insert(session, "account (bin, number)", [(BIN, each) for each in numbers]), strict=True)
    )
    rows = session.execute(
        text("SELECT m.code, min(h.id) FROM merchant h JOIN market m ON m.id = h.market_id GROUP BY 1")
    )
    merchants = {row.code: row[1] for row in rows}
    _insert(
        session,
        "stall_state (stall_id, since, until, status, merchant_id, account_id, recorded_at)",
        [
            (
                stalls[state.market, state.stall],
                state.since,
                state.until,
                state.status,
                state.merchant and merchants[state.market],
                state.account and accounts[state.account],
                clock.now(),
            )
            for state in states
        ],
    )


def _store_codes(session: Session, facts: Facts, stalls: dict[tuple[str, str], int], merchant: int) -> None:
    (account,) = _insert(session, "account (bin, number)", [(BIN, "CODES")])
    _insert(
        session,
        "code (serial, stall_id, merchant_id, account_id, virtual_account, token, payload, live_from, issued_at,"
        " revoked_on, revoked_at, revoke_reason)",
        [
            (
                f"C{number}",
                stalls[code[:2]],
                merchant,
                account,
                False,
                f"T{number}",
                "-",
                code[2],
                clock.now(),
                code[3],
                code[3] and clock.now(),
                code[3] and "lost",
            )
            for number, code in enumerate(facts.codes)
        ],
    )


def _insert(session: Session, into: str, rows: Sequence[tuple[Any, ...]]) -> list[int]:
    ids = []
    for row in rows:
        marks = ", ".join(f":p{index}" for index in range(len(row)))
        statement = text(f"INSERT INTO {into} VALUES ({marks}) RETURNING id")
        ids.append(int(session.execute(statement, {f"p{index}": cell for index, cell in enumerate(row)}).scalar_one()))
    return ids
