"""Random fates for the sales of rates_world.py, and facts that come late, drawn and then put into the journal."""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from payments import journal, stall_day
from payments.movement import Movement
from tests import share_world
from tests.fate_oracle import Fate
from tests.rates_oracle import Facts, State

Stalls = dict[tuple[str, str], int]
Changes = tuple[str, ...]
STORIES: tuple[Changes, ...] = (
    ("reversed",),
    ("reversed", "restored"),
    ("taken",),
    ("corrected",),
    ("refunded",),
    ("refunded", "refunded", "reinstated"),
    ("corrected", "refunded"),
    ("moved",),
    ("moved", "reversed"),
    ("moved", "corrected", "refunded"),
    ("not_sale",),
    ("corrected", "not_sale"),
    ("not_sale", "sale_again", "reversed"),
    ("moved", "not_sale", "sale_again", "refunded"),
)


def draw(chance: Random, facts: Facts, end: date) -> Facts:
    """Facts with their sales in the order in which they became known, and with what became of them."""
    sales = chance.sample(facts.sales, len(facts.sales))
    often, sure = chance.choice((0.02, 0.1, 0.5)), chance.choice((0.3, 0.9, 1.0))
    stalls: dict[str, list[str]] = {}
    for market, stall in sorted({(state.market, state.stall) for state in facts.states}):
        stalls.setdefault(market, []).append(stall)
    fates: list[Fate] = []
    for number, (market, stall, day, amount) in enumerate(sales):
        story = chance.choice(STORIES) if chance.random() < often else ()
        told = _story(chance, number, (stall, day, amount), story, (stalls[market], end))
        paired = ["confirmed"] if chance.random() < sure else []
        if chance.random() < 0.05:
            paired = chance.choice((["stated"], ["confirmed", "unconfirmed"]))
        if paired == ["confirmed"] and chance.random() < 0.5:
            told.append(Fate(number, "confirmed", stall))
        else:
            told[:0] = [Fate(number, kind, stall) for kind in paired]
        fates += told
    return facts._replace(sales=sales, fates=fates)


def _story(
    chance: Random, number: int, sale: tuple[str, date, int], kinds: Changes, world: tuple[list[str], date]
) -> list[Fate]:
    (stall, day, amount), (stalls, end), told = sale, world, []
    given = 0
    for kind in kinds:
        fate = Fate(number, kind, stall, amount, day)
        if kind == "taken":
            fate = fate._replace(amount=amount // 3)
            amount -= fate.amount
        elif kind == "corrected":
            fate = fate._replace(amount=chance.choice((-amount // 2, 1_000, 9 * amount)))
            amount += fate.amount
        elif kind == "moved":
            others = [other for other in stalls if other != stall]
            if not others:
                continue
            fate = fate._replace(to=chance.choice(others))
            stall = fate.to
        elif kind == "refunded":
            fate = fate._replace(amount=(amount - given) // chance.choice((1, 2)))
            given += fate.amount
            fate = fate._replace(day=min(end, day + timedelta(days=chance.choice((0, 0, 1, 6, 30, 90)))))
        elif kind == "reinstated":
            given = told[-1].amount
            if given == 0:
                continue
            fate = told[-1]._replace(kind=kind)
        if fate.amount:
            told.append(fate)
    return told


def earlier(chance: Random, facts: Facts) -> Facts:
    """What was known before the rest came in late: fewer sales, fates, reports, counts, and another roll."""
    told = len(facts.sales) * 4 // 5
    fates = [fate for fate in facts.fates if fate.sale < told and (fate.kind == "stated" or fate.sale % 2)]
    reports, seen = (rows[: len(rows) * 9 // 10] for rows in (facts.reports, facts.seen))
    states = list(facts.states)
    for stall in chance.sample(sorted({(each.market, each.stall) for each in states}), 3):
        first = next(each for each in states if (each.market, each.stall) == stall)
        states = [each for each in states if (each.market, each.stall) != stall]
        states.append(
            State(*stall, first.since + timedelta(days=chance.choice((0, 30))), None, "trading", "Cô Ba", None)
        )
    return facts._replace(sales=facts.sales[:told], fates=fates, reports=reports, seen=seen, states=states)


def store(session: Session, facts: Facts, stalls: Stalls, before: Facts | None = None) -> None:
    """Write into the journal what was not known before; the caller commits."""
    since = len(before.sales) if before else 0
    old = set(before.fates) if before else set()
    fates = [fate for fate in facts.fates if fate not in old]
    stated = {fate.sale for fate in facts.fates if fate.kind == "stated"}
    new = [(number, sale) for number, sale in enumerate(facts.sales) if number >= since]
    _keep(session, [each for each in new if each[0] not in stated])
    _state(session, [each for each in new if each[0] in stated])
    ids = _ids(session)
    journal.write(session, [_sold(number, sale, ids, stalls) for number, sale in new])
    # Some lines are paired before the sale changes, some after.
    paired = [fate.sale for fate in fates if fate.kind == "confirmed"]
    undone = [fate.sale for fate in fates if fate.kind == "unconfirmed"]
    _pair(session, [ids[number]["notice_id"] for number in paired if number % 3], 1)
    journal.write(session, [_changed(fate, facts, ids, stalls) for fate in fates if fate.kind in _KINDS])
    _pair(session, [ids[number]["notice_id"] for number in paired if number % 3 == 0], 1)
    _pair(session, [ids[number]["notice_id"] for number in undone], -1)


def come_late(session: Session, facts: Facts, before: Facts, markets: dict[str, int], stalls: Stalls) -> None:
    """What `earlier` left out: recorded after the rest; the caller commits, and has laid in the roll."""
    reports, seen = facts.reports[len(before.reports) :], facts.seen[len(before.seen) :]
    share_world.store(session, facts._replace(reports=reports, seen=seen, lots=[], looks=[]), markets, stalls)
    store(session, facts, stalls, before)


_KINDS = {
    "reversed": "reversal",
    "restored": "restored",
    "taken": "reversal",
    "corrected": "corrected",
    "moved": "moved",
    "refunded": "refund",
    "reinstated": "reinstated",
    "not_sale": "not_sale",
    "sale_again": "sale_again",
}


def _sold(number: int, sale: tuple[Any, ...], ids: dict[int, dict[str, int]], stalls: Stalls) -> Movement:
    about: dict[str, Any] = {"notice_id": None, **ids[number]}
    return Movement("sale", "world:sepay", journal.stall_account(stalls[sale[:2]]), sale[3], sale[2], None, **about)


def _changed(fate: Fate, facts: Facts, ids: dict[int, dict[str, int]], stalls: Stalls) -> Movement:
    market, _, day, _ = facts.sales[fate.sale]
    debit = journal.stall_account(stalls[market, fate.stall])
    credit = journal.stall_account(stalls[market, fate.to]) if fate.to else "world:sepay"
    if fate.kind in ("not_sale", "sale_again"):
        credit = f"own:{stalls[market, fate.stall]}"
    if fate.kind in ("restored", "reinstated", "sale_again") or (fate.kind == "corrected" and fate.amount > 0):
        debit, credit = credit, debit
    on = fate.day if fate.kind in ("refunded", "reinstated") else day
    sales = int(fate.kind in ("reversed", "restored", "moved", "not_sale", "sale_again"))
    about: dict[str, Any] = {"notice_id": None, **ids[fate.sale]}
    return Movement(_KINDS[fate.kind], debit, credit, abs(fate.amount), on, None, **about, sales=sales)


def _keep(session: Session, sales: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
    rows = [
        {"id": str(number), "moment": clock.day_start(day), "day": day, "amount": amount}
        for number, (_, _, day, amount) in sales
    ]
    kept = text("""
        INSERT INTO notice (provider, external_id, received_at, occurred_at, business_date, direction, amount, account,
            tokens, handled_at)
        VALUES ('sepay', :id, now(), :moment, :day, 'in', :amount, '1', '{}', now())
    """)
    if rows:
        session.execute(kept, rows)


def _state(session: Session, sales: Sequence[tuple[int, tuple[Any, ...]]]) -> None:
    """Lines of one statement, each the only word of its sale."""
    if not sales:
        return
    account = session.execute(text("SELECT min(id) FROM account")).scalar_one()
    statement = text("""
        INSERT INTO statement (account_id, bank, imported_at, imported_by, first_day, last_day, lines, new_lines,
            credits, debits, first_line, last_line)
        VALUES (:account, 'csv', now(), 'lot', '2025-01-01', '2026-11-10', 1, 1, 0, 0, '2025-01-01', '2026-11-10')
        RETURNING id
    """)
    made = session.execute(statement, {"account": account}).scalar_one()
    line = text("""
        INSERT INTO statement_line (statement_id, account_id, row, business_date, direction, amount, tokens, reversal,
            alike, nth)
        VALUES (:statement, :account, :row, :day, 'in', :amount, '{}', false, :alike, 1)
    """)
    rows = [
        {"statement": made, "account": account, "row": number, "day": day, "amount": amount, "alike": b"%d" % number}
        for number, (_, _, day, amount) in sales
    ]
    session.execute(line, rows)


def _ids(session: Session) -> dict[int, dict[str, int]]:
    """By the sale's number, the notice or the line it is known by."""
    notices = session.execute(text("SELECT external_id::int, id FROM notice"))
    lines = session.execute(text("SELECT row, id FROM statement_line"))
    return {number: {"notice_id": id_} for number, id_ in notices} | {row: {"line_id": id_} for row, id_ in lines}


def _pair(session: Session, notices: list[int], sign: int) -> None:
    """Pair them with a line each, or undo that."""
    made = (
        "INSERT INTO match (line_id, notice_id, rule, matched_at) SELECT id, id, 'time', now() FROM unnest(:ids) AS id"
    )
    gone = "UPDATE match SET undone_at = now() WHERE notice_id = ANY(:ids)"
    session.execute(text(made if sign > 0 else gone), {"ids": notices})
    stall_day.confirm(session, f"(SELECT unnest(CAST(ARRAY{notices} AS bigint[])) AS notice_id)", sign)
