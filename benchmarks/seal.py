"""`python -m benchmarks.seal`: a province's month sealed, sealed again after late facts, and proved."""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import text

from benchmarks import stage
from ground.store import Store
from merchants import market
from payments import counted, revision, seal, seal_proof, stall_day, takings

WARDS = ("26506", "26536", "26526")  # of one province
FIRST = date(2026, 10, 1)
DAYS = 31
PERIOD, AREA = "2026-10", "province:79"
MOMENT = datetime(2026, 10, 1, 3, tzinfo=UTC)
LATE = 1000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--markets", type=int, default=100)
    options.add_argument("--stalls", type=int, default=500, help="of each market")
    options.add_argument("--sales", type=int, default=2, help="of each stall and day")
    chosen = options.parse_args()
    with stage.fresh_books() as books:
        _fill(books, chosen.markets, chosen.stalls, chosen.sales)
        _measure(books, chosen.markets * chosen.stalls)


def _fill(books: Store, markets: int, stalls: int, sales: int) -> None:
    """Straight into the tables: what is measured is reading."""
    begin = time.perf_counter()
    with books.session() as session:
        keys = [
            market.add(session, f"m{number:03d}", f"Chợ {number}", WARDS[number % len(WARDS)], since=FIRST).key
            for number in range(markets)
        ]
        session.commit()
    every = range(1, markets * stalls + 1)
    with psycopg.connect(books.url) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("INSERT INTO account (bin, number) VALUES ('970436', '1') RETURNING id")
        row = cursor.fetchone()
        assert row is not None
        people = "INSERT INTO merchant (market_id, name, added_at) SELECT id, 'Hộ', now() FROM market"
        cursor.execute(people)
        _copy(cursor, "stall (market_id, number)", ((keys[(id_ - 1) // stalls], f"S{id_}") for id_ in every))
        states = ((id_, FIRST, "trading", 1, row[0], MOMENT) for id_ in every)
        _copy(cursor, "stall_state (stall_id, since, status, merchant_id, account_id, recorded_at)", states)
        codes = ((f"C{id_}", id_, 1, row[0], False, f"T{id_}", "-", FIRST, MOMENT) for id_ in every)
        columns = "serial, stall_id, merchant_id, account_id, virtual_account, token, payload, live_from, issued_at"
        _copy(cursor, f"code ({columns})", codes)
        _copy(cursor, ENTRY, _entries(markets * stalls, sales))
    with books.session() as session:
        days = stall_day.rebuild(session)
        session.commit()
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection_:
        connection_.execute(text("VACUUM ANALYZE"))
    entries = markets * stalls * DAYS * sales
    print(f"{entries:,} entries, {days:,} stall-days, made in {time.perf_counter() - begin:.0f} s", flush=True)


ENTRY = "entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id)"


def _entries(stalls: int, sales: int, number: int = 0) -> Iterator[tuple[Any, ...]]:
    for day in range(DAYS):
        date_, moment = FIRST + timedelta(days=day), MOMENT + timedelta(days=day)
        for stall in range(1, stalls + 1):
            for _ in range(sales):
                number += 1
                amount = 1000 * (1 + (stall * 7919 + number) % 397)
                yield "sale", "world:sepay", f"stall:{stall}", amount, date_, moment, moment, number


def _copy(cursor: "psycopg.Cursor[Any]", into: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {into} FROM STDIN") as copying:
        for row in rows:
            copying.write_row(row)


def _measure(books: Store, stalls: int) -> None:
    bare = _time("bare SQL sums of all stall-days, by market", lambda: _bare(books), None)
    _time("the first seal", lambda: _seal(books), bare)
    _time("nothing has changed", lambda: _seal(books), bare)
    with psycopg.connect(books.url) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        late = (
            ("sale", "world:sepay", f"stall:{1 + n % stalls}", 1000, FIRST, MOMENT, MOMENT, 10**9 + n)
            for n in range(LATE)
        )
        _copy(cursor, ENTRY, late)
    with books.session() as session:
        stall_day.rebuild(session)
        session.commit()
    _time(f"the next revision, after {LATE} late entries", lambda: _seal(books), bare)
    _time("both proved from the entries", lambda: _prove(books), bare)
    with books.session() as session:
        row = revision.latest(session, AREA, PERIOD)
        assert row is not None and row.revision == 2
        rolls = session.execute(text("SELECT sum(length(content)) FROM seal_roll")).scalar_one()
        print(f"a seal's document: {len(row.document):,} bytes; all rolls: {rolls:,}")


def _bare(books: Store) -> None:
    with books.session() as session:
        session.execute(
            text("""
                SELECT market_id, sum(sales_value), sum(sales_count) FROM stall_day
                WHERE business_date BETWEEN :first AND :last GROUP BY market_id
            """),
            {"first": FIRST, "last": FIRST + timedelta(days=DAYS - 1)},
        ).all()


def _seal(books: Store) -> None:
    """As the command does it, in a process that has read nothing of the books yet."""
    with books.engine.connect() as connection:
        counted.SHELF.forget(connection)
        takings.SHELF.forget(connection)
    seal.seal(books, AREA, PERIOD, by="benchmark")


def _prove(books: Store) -> None:
    with books.engine.connect() as connection:
        proved = seal_proof.prove(connection)
    assert (proved.seals, proved.differences) == (2, []), proved.differences


def _time(name: str, act: Any, bare: float | None) -> float:
    begin = time.perf_counter()
    act()
    spent = time.perf_counter() - begin
    ratio = f"{spent / bare:8.1f} ×" if bare else ""
    print(f"{name:50} {spent:8.2f} s {ratio}", flush=True)
    return spent


if __name__ == "__main__":
    main()
