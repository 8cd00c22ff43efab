"""Backfill: what webhooks and files missed, fetched from SePay days at a time; what is complete is kept at once."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, text
from sqlmodel import Field, Session, SQLModel

from ground import audit, clock
from ground.database import Moment
from ground.refusal import Refusal
from ground.store import Store
from merchants import account
from payments import statement
from payments.providers import sepay_list
from payments.providers.sepay_api import SepayApi
from payments.providers.sepay_list import Stretch
from payments.statement import Statement
from payments.statements import sepay

_DAY = timedelta(days=1)


class Backfill(SQLModel, table=True):
    """How far an account has been fetched: of the days asked for, `next_day` is the first that is not complete yet.

    fetched_through: the latest day ever completed. last_id: the highest of SePay's numbers seen, so that what it
    learns later of days completed before is noticed.
    """

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    first_day: date
    last_day: date
    next_day: date
    fetched_through: date | None = None
    last_id: int | None = Field(default=None, sa_type=BigInteger)
    moved_at: datetime = Field(sa_column=Column(Moment, nullable=False))


class Plan(NamedTuple):
    """What is to be fetched: the whole days from `first` to `last` (none when `first` is later) and perhaps today.

    late: up to which day SePay may have learnt something since `last_id`.
    """

    key: tuple[str, str]
    first: date
    last: date
    asked: date
    with_today: bool
    last_id: int | None
    late: date | None

    @property
    def days(self) -> int:
        return max(0, (self.last - self.first).days + 1)


class Step(NamedTuple):
    """A stretch that is in the books now. `late`: it had been fetched before, and is again."""

    taken: Statement
    days: int
    late: bool


def plan(session: Session, key: tuple[str, str], first: date | None, last: date | None) -> Plan:
    """By default from the day after the last one covered, or from the account's beginning, to yesterday.

    The same beginning asked for again goes on where it was interrupted.
    """
    today = clock.today()
    yesterday = today - _DAY
    if last is not None and last > today:
        raise Refusal("fetch.future", day=last, today=today)
    if first is not None and first > (last or yesterday):
        raise Refusal("fetch.backwards", first=first, last=last or yesterday)
    asked = first or _first_uncovered(session, key) or _beginning(session, key)
    if asked is None:
        raise Refusal("fetch.no_beginning", account=key[1])
    known = session.execute(_KNOWN, {"bin": key[0], "number": key[1]}).first()
    interrupted = known is not None and first == known.first_day and known.next_day <= known.last_day
    return Plan(
        key,
        known.next_day if known and interrupted else asked,
        min(last or yesterday, yesterday),
        asked,
        last == today,
        known.last_id if known else None,
        known.fetched_through if known else None,
    )


def fetch(books: Store, chosen: Plan, *, by: str, say_wait: Callable[[float], None]) -> Iterator[Step]:
    """Each step is committed before it is told of; however this ends, the next run goes on after the last step.

    SePay is asked between the transactions, never within one.
    """
    with SepayApi(books.settings, chosen.key[1], say_wait) as api:
        yield from _take_late(books, chosen, api, by)
        closing, met = None, chosen.last_id is not None
        for stretch in sepay_list.walk(api, chosen.first, chosen.last):
            if not (stretch.rows or met or api.ask(limit=1)):
                raise Refusal("fetch.unknown_account", status=404, account=chosen.key[1], base=api.base)
            met = True
            step = _take(books, chosen, stretch, by, closing=closing)
            closing = closing if step.taken.closing is None else step.taken.closing
            yield step
        if chosen.with_today:
            yield _take_today(books, chosen, api, by)


def _take_late(books: Store, chosen: Plan, api: SepayApi, by: str) -> Iterator[Step]:
    """Days fetched before of which SePay has learnt something since are fetched again, all of them or next time."""
    if chosen.last_id is None or chosen.late is None:
        return
    highest, days = sepay_list.late_days(api, chosen.last_id, min(chosen.late + _DAY, chosen.first))
    for day in days:
        for stretch in sepay_list.walk(api, day, day):
            yield _take(books, chosen, stretch, by, late=True)
    with books.session() as session:
        session.execute(_NOTICE, {"bin": chosen.key[0], "number": chosen.key[1], "id": highest, "now": clock.now()})
        session.commit()


def _take_today(books: Store, chosen: Plan, api: SepayApi, by: str) -> Step:
    """Today's lines so far come with yesterday's, for only a day that is over is covered."""
    today = clock.today()
    rows = [row for stretch in sepay_list.walk(api, today - _DAY, today) for row in stretch.rows]
    return _take(books, chosen, Stretch(today - _DAY, today - _DAY, rows), by)


def _take(
    books: Store, chosen: Plan, stretch: Stretch, by: str, *, closing: int | None = None, late: bool = False
) -> Step:
    section = sepay.read_stretch(stretch.rows, *chosen.key, stretch.first, stretch.last)
    sepay.check_gap(closing, section)
    with books.session() as session:
        account_id = account.take_up(session, [chosen.key])[chosen.key]
        taken = statement.take_in(session, books.vault, account_id, section, bank=sepay.BANK, by=by)
        if not late:
            _move_on(session, account_id, chosen, stretch)
        told = {"from": str(section.first), "to": str(section.last), "lines": taken.lines, "new_lines": taken.new_lines}
        audit.record(session, by, "statement.fetch", None, told, subject=f"account:{account_id}")
        session.commit()
        session.refresh(taken)
        session.expunge(taken)
    return Step(taken, (stretch.last - stretch.first).days + 1, late)


_MOVE = text("""
    INSERT INTO backfill AS b (account_id, first_day, last_day, next_day, fetched_through, last_id, moved_at)
    VALUES (:account, :first, :last, :next, :through, :id, :now)
    ON CONFLICT (account_id) DO UPDATE SET
        first_day = excluded.first_day, last_day = excluded.last_day, next_day = excluded.next_day,
        fetched_through = greatest(b.fetched_through, excluded.fetched_through),
        last_id = greatest(b.last_id, excluded.last_id), moved_at = excluded.moved_at
""")
_NOTICE = text("""
    UPDATE backfill b SET last_id = greatest(last_id, :id), moved_at = :now
    FROM account a WHERE a.id = b.account_id AND a.bin = :bin AND a.number = :number
""")


def _move_on(session: Session, account_id: int, chosen: Plan, stretch: Stretch) -> None:
    moved = {
        "account": account_id,
        "first": min(chosen.asked, stretch.first),
        "last": max(chosen.last, stretch.last),
        "next": stretch.last + _DAY,
        "through": stretch.last,
        "id": max((int(row["id"]) for row in stretch.rows), default=None),
        "now": clock.now(),
    }
    session.execute(_MOVE, moved)


def shown(steps: Sequence[Step]) -> dict[str, Any]:
    """The document of `statement import` for all steps together, `statements` being their ids.

    Balances are told where every stretch with lines tells them.
    """
    whole = [step.taken for step in steps]
    days = [step.taken for step in steps if not step.late] or whole
    filled = [taken for taken in days if taken.lines]
    balanced = bool(filled) and all(taken.balanced for taken in filled)
    lines, new = sum(taken.lines for taken in whole), sum(taken.new_lines for taken in whole)
    return {
        "statement": whole[-1].id if whole else None,
        "bank": sepay.BANK,
        "from": days[0].first_day.isoformat() if days else None,
        "to": days[-1].last_day.isoformat() if days else None,
        "lines": lines,
        "new_lines": new,
        "known_lines": lines - new,
        "credits": sum(taken.credits for taken in whole),
        "debits": sum(taken.debits for taken in whole),
        "opening": filled[0].opening if balanced else None,
        "closing": filled[-1].closing if balanced else None,
        "balanced": True if balanced else None,
        "statements": [taken.id for taken in whole],
    }


_KNOWN = text("""
    SELECT b.* FROM backfill b JOIN account a ON a.id = b.account_id WHERE a.bin = :bin AND a.number = :number
""")
_COVERED = text(f"""
    SELECT max({statement.COVERED_THROUGH}) + 1
    FROM statement s JOIN account a ON a.id = s.account_id WHERE a.bin = :bin AND a.number = :number
""")
_BEGINNING = text("""
    SELECT least(
        (SELECT min(greatest(s.since, m.since)) FROM account a
            JOIN stall_state s ON a.id IN (s.account_id, s.virtual_account_id) AND s.superseded_at IS NULL
            JOIN stall t ON t.id = s.stall_id JOIN market m ON m.id = t.market_id
            WHERE a.bin = :bin AND a.number = :number),
        (SELECT min(business_date) FROM notice
            WHERE account = :number AND coalesce(bin, :bin) = :bin AND handled_at IS NOT NULL))
""")


def _first_uncovered(session: Session, key: tuple[str, str]) -> date | None:
    """The day after the last one that a statement tells of; one taken on its own last day tells of that in part."""
    day: date | None = session.execute(_COVERED, {"bin": key[0], "number": key[1]}).scalar_one()
    return day


def _beginning(session: Session, key: tuple[str, str]) -> date | None:
    """The day on which the account began to serve a market, or of its first notice, whichever was first."""
    day: date | None = session.execute(_BEGINNING, {"bin": key[0], "number": key[1]}).scalar_one()
    return day
