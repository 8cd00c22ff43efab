"""`python -m benchmarks.rates`: rate look-ups over a journal of 1M and of 10M entries, from the rollup alone."""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import date

from sqlalchemy import text
from sqlmodel import Session

from benchmarks import stage
from ground.store import Store
from merchants import market
from payments import census, counted, indicator, period, stall_day, takings
from payments.area import Span

MARKETS = 20
WARDS = ("26506", "26526")  # half of the markets in each
STALLS = 500
DAYS = 92
FIRST = date(2026, 7, 1)
MONTH = "2026-08"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, nargs="+", default=[1_000_000, 10_000_000])
    options.add_argument("--looks", type=int, default=300)
    chosen = options.parse_args()
    with stage.fresh_books() as books:
        _fill_registry(books)
        columns: dict[int, dict[str, tuple[float, float]]] = {}
        for entries in chosen.entries:
            _fill_journal(books, entries)
            columns[entries] = _measure(books, chosen.looks)
        _show(columns)


def _fill_registry(books: Store) -> None:
    with books.session() as session:
        for number in range(MARKETS):
            ward = WARDS[number * len(WARDS) // MARKETS]
            found = market.add(session, f"m{number:02d}", f"Chợ {number}", ward, since=FIRST)
            lines = ["stall;merchant;bank;account"]
            lines += [f"S{i};Hộ {i};VCB;{number:03d}{i:06d}" for i in range(STALLS)]
            stage.take_roll(session, found, lines, since=FIRST)
        session.commit()


def _fill_journal(books: Store, entries: int) -> None:
    """Spread over all stalls and days by SQL; what is measured is reading, so how it came in does not matter."""
    begin = time.perf_counter()
    with books.engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("TRUNCATE entry, stall_day, finding, notice CASCADE"))
        connection.execute(text("DROP INDEX IF EXISTS entry_once, entry_notice"))
        connection.execute(
            text("""
                INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id)
                SELECT 'sale', 'world:sepay', 'stall:' || (1 + n % :stalls), 1000 * (1 + n % 397), day,
                    day + interval '8 hours', now(), n
                FROM (SELECT n, CAST(:first AS date) + CAST(n / :stalls % :days AS int) AS day
                      FROM generate_series(1, :entries) AS n) AS spread
            """),
            {"stalls": MARKETS * STALLS, "days": DAYS, "first": FIRST, "entries": entries},
        )
    with books.session() as session:
        days = stall_day.rebuild(session)
        session.commit()
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    print(f"{entries:,} entries, {days:,} stall-days, made in {time.perf_counter() - begin:.0f} s", flush=True)


def _measure(books: Store, looks: int) -> dict[str, tuple[float, float]]:
    month = period.parse(MONTH)
    with books.session() as session:
        keys = [found.key for found in market.every(session)]

        def level(number: int) -> None:
            census.level(session.connection(), [Span(keys[number % MARKETS], month.first, month.last)])

        def everything(number: int) -> None:
            counted.SHELF.forget(session.connection())  # each look counts anew
            indicator.rates(session, f"market:m{number % MARKETS:02d}", MONTH, audience="internal")

        def published(number: int) -> None:
            counted.SHELF.forget(session.connection())
            indicator.rates(session, f"market:m{number % MARKETS:02d}", MONTH)

        def ward_quarter(_: int) -> None:
            counted.SHELF.forget(session.connection())
            indicator.rates(session, f"ward:{WARDS[0]}", "2026-Q3", audience="internal")

        def ward_quarter_published(_: int) -> None:
            counted.SHELF.forget(session.connection())
            indicator.rates(session, f"ward:{WARDS[0]}", "2026-Q3")

        def first_answer(_: int) -> None:
            """As a process gives it that has read nothing of the books yet."""
            takings.SHELF.forget(session.connection())
            ward_quarter_published(_)

        def province_quarter_published(_: int) -> None:
            counted.SHELF.forget(session.connection())
            indicator.rates(session, "province:79", "2026-Q3")

        def bare(number: int) -> None:
            _bare_sum(session, keys[number % MARKETS], month.first, month.last)

        return {
            "bare SQL sum of a market-month": _time(bare, looks),
            "cashless_value of a market-month": _time(level, looks),
            "all indicators of a 500-stall market": _time(everything, looks),
            "… as the public sees them": _time(published, looks),
            f"all of a ward quarter, {MARKETS // 2} markets": _time(ward_quarter, max(5, looks // 30)),
            "… as the public sees it": _time(ward_quarter_published, max(5, looks // 30)),
            "… the first one of a process": _time(first_answer, max(5, looks // 30)),
            f"province quarter, {MARKETS} markets, public": _time(province_quarter_published, max(5, looks // 30)),
        }


def _bare_sum(session: Session, key: int, first: date, last: date) -> None:
    query = text(
        "SELECT sum(sales_value) FROM stall_day WHERE market_id = :key AND business_date BETWEEN :first AND :last"
    )
    session.execute(query, {"key": key, "first": first, "last": last}).scalar_one()


def _time(look: Callable[[int], None], looks: int) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds, after a warm-up."""
    spent = []
    for number in range(looks + 5):
        begin = time.perf_counter()
        look(number)
        spent.append(1000 * (time.perf_counter() - begin))
    ordered = sorted(spent[5:])
    return statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def _show(columns: dict[int, dict[str, tuple[float, float]]]) -> None:
    sizes = list(columns)
    print(f"\n{'':<40}" + "".join(f"{f'{size:,}':>24}" for size in sizes) + f"{'ratio of medians':>20}")
    for name in columns[sizes[0]]:
        cells = "".join(
            f"{f'p50 {columns[size][name][0]:.2f}  p99 {columns[size][name][1]:.2f} ms':>24}" for size in sizes
        )
        ratio = columns[sizes[-1]][name][0] / columns[sizes[0]][name][0]
        print(f"{name:<40}{cells}{ratio:>20.2f}")


if __name__ == "__main__":
    main()
