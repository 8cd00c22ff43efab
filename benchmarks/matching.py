"""`python -m benchmarks.matching`: a month of notices against its statement lines, beside three simpler ways.

The bare PostgreSQL query is COPY of both sides and a FULL JOIN on the reference; DuckDB classifies the same files; the
Python dict joins them in memory. None of those pairs what bears no reference, keeps a record, or posts anything. Ours
is told in two parts: pairs and their records, and what follows from them: money posted, corrected, asked about.
"""

import argparse
import csv
import resource
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest import mock

import duckdb
import psycopg
from sqlalchemy import event, text

from benchmarks import month, stage
from ground.store import Store
from payments import consequence, corroboration, reconciliation, stall_day, verify

LAST = date(2026, 10, 30)
FILES = ("notices.csv", "lines.csv")
BARE_RUNS = 3  # it is short, so that its ratio needs the middle of several


class Score(NamedTuple):
    """precision: of the pairs made, right ones; recall: of the true pairs, made ones. Alike facts are as good."""

    pairs: int
    precision: float
    recall: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--verify", action="store_true", help="prove the books afterwards")
    chosen = options.parse_args()
    with stage.fresh_books() as books:
        folder = books.settings.data_dir
        _fill(books, folder, chosen.lines)
        pairing: list[float] = []
        ours = _time(lambda: _ours(books, pairing))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        took = {
            "ours: pairs and their records": sum(pairing),
            "ours: all, with what follows": ours,
            "PostgreSQL: COPY and FULL JOIN": median(_time(lambda: _bare(books, folder)) for _ in range(BARE_RUNS)),
            "DuckDB: classify the files": _time(lambda: _duck(folder)),
            "Python: a dict": _time(lambda: _python(folder)),
        }
        _show(books, took, chosen.lines, memory)
        if chosen.verify:
            print(verify.verify(books))


def _ours(books: Store, pairing: list[float]) -> None:
    """`pairing` takes the seconds spent on finding the pairs and recording them."""
    pair_up = corroboration.pair_up
    records = (*consequence._CHANGES, consequence._RECORD.text)

    def timed(*arguments: Any) -> list[int]:
        begin = time.perf_counter()
        try:
            return pair_up(*arguments)
        finally:
            pairing.append(time.perf_counter() - begin)

    def before(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        context.began = time.perf_counter()

    def after(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if getattr(context.invoked_statement, "text", None) in records:
            pairing.append(time.perf_counter() - context.began)

    event.listen(books.engine, "before_cursor_execute", before)
    event.listen(books.engine, "after_cursor_execute", after)
    with mock.patch.object(corroboration, "pair_up", timed):
        done = reconciliation.reconcile(books, LAST)
    event.remove(books.engine, "before_cursor_execute", before)
    event.remove(books.engine, "after_cursor_execute", after)
    print(done, flush=True)


def _bare(books: Store, folder: Path) -> None:
    with psycopg.connect(books.url) as connection, connection.cursor() as cursor:
        for name, file in zip(("a", "b"), FILES, strict=True):
            cursor.execute(
                f"CREATE TEMPORARY TABLE {name} (id bigint, account text, at timestamptz, amount bigint,"
                " reference text) ON COMMIT DROP"
            )
            with cursor.copy(f"COPY {name} FROM STDIN (FORMAT csv)") as copy:
                copy.write((folder / file).read_bytes())
        cursor.execute("""
            SELECT CASE WHEN a.id IS NULL THEN 'no notice' WHEN b.id IS NULL THEN 'no line'
                WHEN a.amount <> b.amount THEN 'other amount' ELSE 'matched' END, count(*)
            FROM a FULL JOIN b ON a.account = b.account AND a.reference = b.reference GROUP BY 1
        """)
        print("  PostgreSQL", cursor.fetchall(), flush=True)


def _duck(folder: Path) -> None:
    notices, lines = (
        f"read_csv('{folder / file}', names=['id','account','at','amount','reference'], header=false,"
        " types={'account': 'VARCHAR'})"
        for file in FILES
    )
    found = duckdb.sql(f"""
        SELECT CASE WHEN a.id IS NULL THEN 'no notice' WHEN b.id IS NULL THEN 'no line'
            WHEN a.amount <> b.amount THEN 'other amount' ELSE 'matched' END, count(*)
        FROM {notices} a FULL JOIN {lines} b ON a.account = b.account AND a.reference = b.reference GROUP BY 1
    """).fetchall()
    print("  DuckDB", found, flush=True)


def _python(folder: Path) -> None:
    with (folder / FILES[0]).open() as file:
        known = {(account, named): int(amount) for _, account, _, amount, named in csv.reader(file) if named}
    matched = other = 0
    with (folder / FILES[1]).open() as file:
        for _, account, _, amount, named in csv.reader(file):
            told = known.get((account, named)) if named else None
            matched += told == int(amount)
            other += told is not None and told != int(amount)
    print("  dict", {"matched": matched, "other amount": other}, flush=True)


def _time(run: Callable[[], None]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def _show(books: Store, took: dict[str, float], lines: int, memory: float) -> None:
    bare = took["PostgreSQL: COPY and FULL JOIN"]
    for name, seconds in took.items():
        print(f"{name:34} {seconds:7.1f} s  {lines / seconds:>10,.0f} lines/s  {seconds / bare:5.2f} of the bare query")
    score = _score(books)
    print(f"pairs {score.pairs:,}  precision {score.precision:.6f}  recall {score.recall:.6f}")
    print(f"memory of the Python process: at most {memory:,.0f} MB, the generator of the month included")


def _score(books: Store) -> Score:
    """Against the truth: a pair is right if it is the sale itself, or an alike one of the same account, day and
    amount that is told and stated as well, which nobody could know apart."""
    with books.engine.connect() as connection:
        row = connection.execute(
            text("""
            WITH pair AS (
                SELECT m.notice_id, m.line_id, n.external_id = t.number AS itself, n.account = t.account
                    AND n.business_date = l.business_date AND n.amount = t.amount AND t.told AND o.stated AS alike
                FROM match m JOIN notice n ON n.id = m.notice_id JOIN statement_line l ON l.id = m.line_id
                JOIN truth t ON t.line_row = l.row
                JOIN truth o ON o.number = n.external_id
                WHERE m.undone_at IS NULL
            )
            SELECT count(*), count(*) FILTER (WHERE itself OR alike), (SELECT count(*) FROM truth WHERE told AND stated)
            FROM pair
        """)
        ).one()
    return Score(row[0], row[1] / row[0], row[1] / row[2])


def _fill(books: Store, folder: Path, lines: int) -> None:
    begin = time.perf_counter()
    with psycopg.connect(books.url, options="-c session_replication_role=replica") as connection:
        _load(connection, books, folder, lines)
        connection.execute(_POST)
        connection.commit()
    with books.session() as session:
        stall_day.rebuild(session)
        session.commit()
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    print(f"{lines:,} sales told, posted and stated in {time.perf_counter() - begin:.0f} s", flush=True)


_TABLES = """
    CREATE TABLE truth (number text, account text, amount bigint, told boolean, stated boolean, line_row integer);
    CREATE TABLE raw_notice (number text, account text, at timestamptz, amount bigint, reference text, names bigint[]);
    CREATE TABLE raw_line (row integer, account text, at timestamptz, amount bigint, reference text, names bigint[]);
"""
_POST = """
    INSERT INTO market (code, name, kind, since, made_up, added_at)
        VALUES ('m', 'Chợ', 'market', '2026-01-01', true, now());
    INSERT INTO account (bin, number) SELECT DISTINCT '970436', account FROM raw_line;
    INSERT INTO merchant (market_id, name, added_at) VALUES (1, 'Hộ', now());
    INSERT INTO stall (market_id, number) SELECT 1, number FROM account WHERE length(number) = 9 ORDER BY number;
    INSERT INTO stall_state (stall_id, since, status, merchant_id, account_id, recorded_at)
        SELECT s.id, '2026-01-01', 'trading', 1, a.id, now() FROM stall s JOIN account a ON a.number = s.number;
    INSERT INTO notice (provider, external_id, received_at, occurred_at, business_date, direction, amount, bank, bin,
            account, reference, tokens, names, handled_at)
        SELECT 'sepay', number, at, at, (at AT TIME ZONE INTERVAL '7 hours')::date, 'in', amount, 'Vietcombank',
            '970436', account, reference, '{}', names, now() FROM raw_notice;
    INSERT INTO notice (provider, external_id, repeat_of, received_at, occurred_at, business_date, direction, amount,
            bank, bin, account, reference, tokens, names, handled_at)
        SELECT provider, external_id, id, received_at, occurred_at, business_date, direction, amount + 1, bank, bin,
            account, reference, tokens, names, now() FROM notice WHERE external_id LIKE '%7';
    INSERT INTO entry (kind, debit, credit, amount, business_date, occurred_at, posted_at, notice_id)
        SELECT CASE WHEN s.id IS NULL THEN 'held' ELSE 'sale' END, 'world:sepay',
            coalesce('stall:' || s.id, 'suspense:sepay'), n.amount, n.business_date, n.occurred_at, now(), n.id
        FROM notice n LEFT JOIN stall s ON s.number = n.account WHERE n.repeat_of IS NULL ORDER BY n.id;
    INSERT INTO finding (kind, notice_id, business_date, amount, candidates, detail, status, opened_at)
        SELECT CASE WHEN repeat_of IS NULL THEN 'unknown_account' ELSE 'repeated' END, id, business_date, amount, '{}',
            jsonb_build_object('account', account, 'bank', bank, 'tokens', jsonb_build_array()), 'open', now()
        FROM notice WHERE repeat_of IS NOT NULL OR length(account) = 10;
    INSERT INTO statement (account_id, bank, imported_at, imported_by, first_day, last_day, lines, new_lines, credits,
            debits, first_line, last_line)
        SELECT id, 'csv', now(), 'benchmark', '2026-10-01', '2026-10-30', 1, 1, 0, 0, '2026-10-01', '2026-10-30'
        FROM account;
    INSERT INTO statement_line (statement_id, account_id, row, occurred_at, business_date, direction, amount, reference,
            tokens, reversal, names, alike, nth)
        SELECT s.id, a.id, l.row, l.at, (l.at AT TIME ZONE INTERVAL '7 hours')::date, 'in', l.amount, l.reference, '{}',
            false, l.names, decode(md5(l.row::text), 'hex'), 1
        FROM raw_line l JOIN account a ON a.number = l.account JOIN statement s ON s.account_id = a.id;
"""


def _load(connection: psycopg.Connection[tuple[object, ...]], books: Store, folder: Path, lines: int) -> None:
    connection.execute(_TABLES)
    with (folder / FILES[0]).open("w") as told, (folder / FILES[1]).open("w") as stated:
        truth_file = (folder / "truth.csv").open("w")
        for sale in month.sales(lines):
            account, names = month.account_number(sale), month.names(books.vault, sale)
            if sale.told is not None:
                told.write(f"{sale.number},{account},{month.moment(sale.told)},{sale.amount},{sale.reference or ''}\n")
            if sale.stated is not None:
                moment = month.moment(sale.stated)
                stated.write(f"{sale.number},{account},{moment},{sale.stated_amount},{sale.reference or ''}\n")
            facts = (sale.told is not None, sale.stated is not None, sale.number, names)
            truth_file.write(f"{sale.number}\t{account}\t{sale.amount}\t" + "\t".join(map(str, facts)) + "\n")
        truth_file.close()
    with connection.cursor() as cursor:
        for table, file in zip(("raw_notice", "raw_line"), FILES, strict=True):
            columns = f"({'number' if table == 'raw_notice' else 'row'}, account, at, amount, reference)"
            with cursor.copy(f"COPY {table} {columns} FROM STDIN (FORMAT csv)") as copy:
                copy.write((folder / file).read_bytes())
        cursor.execute("ALTER TABLE truth ADD COLUMN names bigint[]")
        with cursor.copy("COPY truth FROM STDIN") as copy:
            copy.write((folder / "truth.csv").read_bytes())
        for table, key in (("raw_notice", "number"), ("raw_line", "row")):
            cursor.execute(f"UPDATE {table} r SET names = t.names FROM truth t WHERE t.number = r.{key}::text")


if __name__ == "__main__":
    main()
