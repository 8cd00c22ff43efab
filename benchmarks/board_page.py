"""`python -m benchmarks.board_page`: the board's pages of a market with 1,685 stalls and a year of takings."""

import argparse
import statistics
import time
from datetime import timedelta

from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from benchmarks import stage
from ground import clock
from ground.store import Store
from merchants import market
from portal.person import Office

STALLS, SECTIONS, DAYS = 1685, 7, 365
PAGE_MS, PAGE_BYTES = 250, 100_000  # what is promised
PAGES = ("", "/stalls", "/stalls?section=S3", "/stalls?state=idle", "/stalls.csv", "/stalls.xlsx")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--looks", type=int, default=9)
    looks = options.parse_args().looks
    with stage.fresh_books() as books:
        _fill(books)
        browser = stage.signed_in(books, Office("board", "market:m"))
        for page in PAGES:
            _measure(browser, f"/board/m{page}", looks)


def _fill(books: Store) -> None:
    """Seven stalls in ten sell nearly every day, some stopped, some never began, some are vacant."""
    since = clock.today() - timedelta(days=DAYS)
    with books.session() as session:
        found = market.add(session, "m", "Chợ", "26506", since=since)
        lines = ["stall;section;merchant;phone;bank;account;status"]
        for number in range(STALLS):
            vacant = number % 10 == 9
            who = ";;;;vacant" if vacant else f"Hộ {number};09{number:08};VCB;{number:09};"
            lines.append(f"S{number};S{number % SECTIONS};{who}")
        stage.take_roll(session, found, lines, since=since)
        session.execute(
            text("""
                INSERT INTO stall_day (market_id, business_date, stall_id, sales_value, sales_count)
                SELECT market_id, CAST(:first AS date) + day, id, 20000, 2
                FROM stall, generate_series(0, :days - 1) AS day
                WHERE id % 10 < 7 OR (id % 10 = 7 AND day < 200)
            """),
            {"first": since, "days": DAYS},
        )
        _stop(session)
        session.commit()
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _stop(session: Session) -> None:
    """The journal of those who stopped; the others' is not asked."""
    notices = """
        INSERT INTO notice (provider, external_id, received_at, occurred_at, business_date, direction, amount, account,
            tokens, handled_at)
        SELECT 'benchmark', stall_id || '/' || business_date, now(), business_date::timestamp AT TIME ZONE '+7',
            (business_date::timestamp AT TIME ZONE '+7' AT TIME ZONE INTERVAL '7 hours')::date, 'in', 20000, '1', '{}',
            now()
        FROM stall_day WHERE stall_id % 10 = 7
    """
    entries = """
        INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id)
        SELECT 'sale', 'world:benchmark', 'stall:' || split_part(external_id, '/', 1), amount, business_date,
            occurred_at, now(), id
        FROM notice
    """
    for statement in (notices, entries):
        session.execute(text(statement))


def _measure(browser: TestClient, path: str, looks: int) -> None:
    spent = []
    for _ in range(looks):
        begin = time.perf_counter()
        answer = browser.get(path, headers={"Accept-Encoding": "gzip"})
        spent.append(1000 * (time.perf_counter() - begin))
        assert answer.status_code == 200, answer.text
    median, size = statistics.median(spent), int(answer.headers["content-length"])
    kept = "kept" if median < PAGE_MS and size < PAGE_BYTES else "NOT KEPT"
    promised = "" if path.endswith((".csv", ".xlsx")) else f"promised < {PAGE_MS} ms, < {PAGE_BYTES // 1000} kB: {kept}"
    print(f"{path:<30}{spent[0]:>8.0f} ms at first, {median:>6.0f} ms then, {size / 1000:>6.1f} kB   {promised}")


if __name__ == "__main__":
    main()
