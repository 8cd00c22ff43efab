"""`python -m benchmarks.ward_quarter`: the quarter of a ward with 10 markets of 500 stalls, as page and as JSON."""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from starlette.testclient import TestClient

from benchmarks import stage
from ground import clock
from ground.store import Store
from merchants import market
from payments import counted, period_run, stall_day, takings, target, warmer
from payments.period import Period
from payments.stall_day import Change
from portal.person import Office

MARKETS, STALLS, DAYS = 10, 500, 90
WARD = "26506"
PAGE_MS, KNOWN_MS = 250, 50  # what is promised


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--looks", type=int, default=9)
    looks = options.parse_args().looks
    with stage.fresh_books() as books:
        quarter = period_run.back(period_run.at(clock.today(), "quarter"), 2)[0]
        begin = time.perf_counter()
        _fill(books, quarter)
        print(f"{MARKETS * STALLS * DAYS:,} stall-days of {quarter.text}, made in {time.perf_counter() - begin:.0f} s")
        _measure(books, quarter, looks)


def _fill(books: Store, quarter: Period) -> None:
    """The markets have been there for over a year, so that every month of the trend has a roll to count."""
    since = date(quarter.first.year - 1, 1, 1)
    with books.session() as session:
        for number in range(MARKETS):
            found = market.add(session, f"m{number:02d}", f"Chợ {number}", WARD, since=since)
            lines = ["stall;merchant;bank;account"]
            lines += [f"S{i};Hộ {i};VCB;{number:03d}{i:06d}" for i in range(STALLS)]
            stage.take_roll(session, found, lines, since=since)
        session.execute(
            text("""
                INSERT INTO stall_day (market_id, business_date, stall_id, sales_value, sales_count)
                SELECT market_id, CAST(:first AS date) + day, id, 20000 * (1 + (id * 7 + day * 13) % 50),
                    1 + (id + day) % 9
                FROM stall, generate_series(0, :days - 1) AS day
            """),
            {"first": quarter.first, "days": DAYS},
        )
        for indicator, value in (("acceptance", "0.9"), ("active_use", "0.7"), ("onboarded", "1")):
            target.put(session, f"ward:{WARD}", indicator, quarter.text, Decimal(value), by="benchmark", at=clock.now())
        session.commit()
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _measure(books: Store, quarter: Period, looks: int) -> None:
    browser = stage.signed_in(books, Office("ward", f"ward:{WARD}"))
    bare = _time(lambda: _bare(books, quarter), lambda: None, looks)
    print(f"\n{'bare SQL sums of the quarter':<58}{bare:>9.1f} ms")
    for name, path in (
        ("JSON", f"/api/v1/rates?area=ward:{WARD}&period={quarter.text}"),
        ("page", f"/ward/{WARD}?period={quarter.text}"),
    ):
        _measure_answer(books, browser, name, path, quarter, looks, bare)


def _measure_answer(
    books: Store, browser: TestClient, name: str, path: str, quarter: Period, looks: int, bare: float
) -> None:
    def ask(**headers: str) -> Any:
        answer = browser.get(path, headers=headers)
        assert answer.status_code in (200, 304), answer.text
        return answer

    first = _time(ask, lambda: _forget(books), max(2, looks // 3))
    warmed = _time(ask, lambda: _warm(books), max(2, looks // 3))
    changed = _time(ask, lambda: _pay(books, quarter), looks)
    tag = ask().headers["etag"]

    def ask_again() -> None:
        assert ask(**{"If-None-Match": tag}).status_code == 304

    known = _time(ask_again, lambda: None, looks)
    _show(f"{name}: the first one of a process", first, bare)
    _show(f"{name}: the first one after the warmer", warmed, bare, PAGE_MS)
    _show(f"{name}: computed, after a late payment in the quarter", changed, bare, PAGE_MS)
    _show(f"{name}: unchanged, 304", known, bare, KNOWN_MS)


def _show(name: str, spent: float, bare: float, promised: int | None = None) -> None:
    kept = "" if promised is None else f"   promised < {promised} ms: {'kept' if spent < promised else 'NOT KEPT'}"
    print(f"{name:<58}{spent:>9.1f} ms  {spent / bare:>6.2f} × bare{kept}")


def _forget(books: Store) -> None:
    with books.engine.connect() as connection:
        takings.SHELF.forget(connection)
        counted.SHELF.forget(connection)


def _warm(books: Store) -> None:
    """As a server does by itself two seconds after it has begun."""
    _forget(books)
    for _ in warmer.warm(books):
        pass


def _pay(books: Store, quarter: Period) -> None:
    """One more sale on a day of the quarter: what was counted of its days has to be counted anew."""
    with books.session() as session:
        stall = session.execute(text("SELECT min(id) FROM stall")).scalar_one()
        stall_day.add(session, [Change(stall, quarter.first + timedelta(days=40), 20_000, 1)])
        session.commit()


def _bare(books: Store, quarter: Period) -> None:
    sums = text("""
        SELECT sum(sales_value), sum(sales_count), sum(refunds_value), sum(confirmed_value) FROM stall_day
        WHERE business_date BETWEEN :first AND :last
    """)
    with books.session() as session:
        session.execute(sums, {"first": quarter.first, "last": quarter.last}).one()


def _time(look: Callable[[], Any], before: Callable[[], None], looks: int) -> float:
    """Median in milliseconds, after a warm-up; what is done before each look does not count."""
    spent = []
    for _ in range(looks + 1):
        before()
        begin = time.perf_counter()
        look()
        spent.append(1000 * (time.perf_counter() - begin))
    return statistics.median(spent[1:])


if __name__ == "__main__":
    main()
