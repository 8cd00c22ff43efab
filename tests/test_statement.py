"""Statements overlap: a known line is not taken twice, and two genuine alike lines stay two."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ground.settings import Settings
from ground.store import Store
from merchants import account
from payments import crew, incoming, statement
from payments.statements.line import Lines, Movement
from payments.statements.section import Section
from tests.shell import PROGRAM, environment, run

BEGIN = datetime(2026, 10, 5, 1, 0, tzinfo=UTC)
COPIED = """
    INSERT INTO statement_line (statement_id, account_id, row, business_date, direction, amount, tokens, reversal,
        names, named, alike, nth)
    SELECT {statement}, {account}, row, business_date, direction, amount, tokens, reversal, names, named, alike, 2
    FROM statement_line
"""
Truth = list[tuple[int, int, str]]  # minute, signed amount, memo: what really happened on the account, in order


def section(truth: Truth, first: int, last: int, *, balances: bool, newest_first: bool = False) -> Section:
    """The file a bank would give of the lines number `first` up to, not including, `last`."""
    lines = Lines()
    window = list(enumerate(truth))[first:last]
    balance_after = [sum(amount for _, amount, _ in truth[: index + 1]) + 1_000_000 for index, _ in window]
    order = list(zip(window, balance_after, strict=True))
    for row, ((_, (minute, amount, memo)), balance) in enumerate(order[::-1] if newest_first else order, 2):
        moment = BEGIN + timedelta(minutes=minute)
        lines.add(
            Movement(
                row,
                int(moment.timestamp()),
                moment.date().toordinal(),
                amount,
                memo=memo,
                balance=balance if balances else None,
            )
        )
    credits = sum(amount for _, amount, _ in truth[first:last] if amount > 0)
    debits = -sum(amount for _, amount, _ in truth[first:last] if amount < 0)
    day = date(2026, 10, 5)
    return Section("1000001", lines, None, None, None, day, day, credits, debits)


def take(books: Store, *sections: Section) -> list[int]:
    """Import the files one after the other; how many lines of each were new."""
    new = []
    with books.session() as session:
        key = account.take_up(session, [("970436", "1000001")])["970436", "1000001"]
        for each in sections:
            new.append(statement.take_in(session, books.vault, key, each, bank="csv", by="test").new_lines)
            session.commit()
    return new


def stored(books: Store) -> Counter[tuple[Any, ...]]:
    query = text("SELECT occurred_at, direction, amount, memo FROM statement_line")
    with books.engine.connect() as connection:
        return Counter(
            (row.occurred_at, row.direction, row.amount, books.vault.unseal(row.memo).decode() if row.memo else "")
            for row in connection.execute(query)
        )


def expected(truth: Truth) -> Counter[tuple[Any, ...]]:
    return Counter(
        (BEGIN + timedelta(minutes=m), "in" if amount > 0 else "out", abs(amount), memo if amount > 0 else "")
        for m, amount, memo in truth
    )


def test_the_same_file_again_brings_nothing_new(books: Store) -> None:
    truth = [(0, 20_000, "a"), (0, 20_000, "a"), (1, 20_000, "a"), (1, -5_000, ""), (2, 30_000, "b")]
    whole = section(truth, 0, 5, balances=True)
    assert take(books, whole, whole) == [5, 0]
    assert stored(books) == expected(truth)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("balances", [False, True])
def test_two_alike_lines_in_one_file_stay_two(books: Store, balances: bool, newest_first: bool) -> None:
    truth = [(0, 20_000, "x")] * 3
    again = section(truth, 0, 3, balances=balances, newest_first=newest_first)
    assert take(books, section(truth, 0, 3, balances=balances), again) == [3, 0]
    assert stored(books) == expected(truth)


def test_a_window_that_cuts_between_alike_lines_is_told_by_the_balance(books: Store) -> None:
    truth = [(0, 20_000, "x")] * 4
    first, second = section(truth, 0, 3, balances=True), section(truth, 2, 4, balances=True)
    assert take(books, first, second) == [3, 1]
    assert stored(books) == expected(truth)


def test_without_a_balance_the_larger_count_in_one_file_stands(books: Store) -> None:
    truth = [(0, 20_000, "x")] * 4
    files = [section(truth, first, last, balances=False) for first, last in ((0, 2), (1, 4), (3, 4))]
    assert take(books, *files) == [2, 1, 0]


def test_the_same_balance_twice_counts_twice(books: Store) -> None:
    """In, out and in again in one second: the balance after both credits is the same."""
    truth = [(0, 20_000, "x"), (0, -20_000, ""), (0, 20_000, "x")]
    whole = section(truth, 0, 3, balances=True)
    assert take(books, section(truth, 0, 1, balances=True), whole, whole) == [1, 2, 0]
    assert stored(books) == expected(truth)


def test_the_same_balance_twice_counts_twice_in_a_file_of_new_days(books: Store) -> None:
    truth = [(0, 20_000, "x"), (0, -20_000, ""), (0, 20_000, "x"), (1, 5_000, "x")]
    whole = section(truth, 0, 4, balances=True)
    assert take(books, whole, whole) == [4, 0]
    assert stored(books) == expected(truth)
    with books.engine.connect() as connection:
        counts = connection.execute(text("SELECT nth, count(*) FROM statement_line GROUP BY nth ORDER BY nth"))
        assert [tuple(row) for row in counts] == [(1, 3), (2, 1)]


@pytest.mark.parametrize("room", [1, 32])  # with one, a third of the lines seem to have a twin that have none
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    truth=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from([10_000, 20_000, -10_000]), st.sampled_from(["x", "y"])),
        min_size=1,
        max_size=12,
    ).map(sorted),
    cuts=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.booleans()), max_size=4),
)
def test_any_overlap_in_any_order_ends_in_what_happened(
    books: Store, room: int, monkeypatch: pytest.MonkeyPatch, truth: Truth, cuts: list[tuple[int, int, bool]]
) -> None:
    monkeypatch.setattr(incoming, "_ROOM", room)
    with books.engine.begin() as connection:
        connection.execute(text("DELETE FROM statement_line"))
        connection.execute(text("DELETE FROM statement"))
    files = [
        section(truth, min(a, b), max(a, b), balances=True, newest_first=turned)
        for a, b, turned in cuts
        if min(a, b) < min(max(a, b), len(truth))
    ]
    whole = section(truth, 0, len(truth), balances=True)
    take(books, *files, whole, *files)
    assert stored(books) == expected(truth)


def test_what_a_vendor_pays_is_kept_as_date_and_amount_alone(books: Store) -> None:
    take(books, section([(0, -70_000, "tien hoc con")], 0, 1, balances=True))
    with books.engine.connect() as connection:
        row = connection.execute(
            text("SELECT memo, memo_hash, payer_hash, reference, amount FROM statement_line")
        ).one()
    assert tuple(row) == (None, None, None, None, 70_000)


def test_the_memo_is_not_in_clear(books: Store) -> None:
    take(books, section([(0, 70_000, "NGUYEN VAN PAYER")], 0, 1, balances=True))
    with books.engine.connect() as connection:
        assert "PAYER" not in str(connection.execute(text("SELECT l::text FROM statement_line l")).scalar_one())


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("UPDATE statement_line SET account_id = account_id + 1", "a line stays with its statement"),
        ("UPDATE statement_line SET statement_id = statement_id + 1", "a line stays with its statement"),
        ("UPDATE statement SET account_id = account_id + 1", "a statement with lines stays"),
        ("DELETE FROM statement", "a statement with lines stays"),
        (COPIED.format(statement="statement_id + 1", account="account_id"), "a line is of its statement's account"),
        (COPIED.format(statement="statement_id", account="account_id + 1"), "a line is of its statement's account"),
    ],
)
def test_a_line_is_of_its_statements_account(books: Store, done: str, said: str) -> None:
    take(books, section([(0, 70_000, "x")], 0, 1, balances=True))
    with books.engine.begin() as connection, pytest.raises(DBAPIError, match=said):
        connection.execute(text(done))


CSV = """STT No;Ngày giao dịch Transaction Date;Số bút toán Transaction No;Nợ Debit;Có Credit;Nội dung Details
1;05/10/2026 08:00:00;FT1;;20,000;MUA RAU
2;05/10/2026 08:00:00;FT2;;20,000;MUA RAU
3;05/10/2026 09:00:00;FT3;5,000;;TRA TIEN
"""


def test_a_statement_is_imported_from_the_command_line(test_settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "statement.csv"
    file.write_text(CSV, "utf-8")
    command = ("statement", "import", str(file), "--account", "970436:1000001", "--format", "json")
    first, again = run(test_settings, *command), run(test_settings, *command)
    assert json.loads(first.out) == {
        "statement": 1,
        "bank": "csv",
        "from": "2026-10-05",
        "to": "2026-10-05",
        "lines": 3,
        "new_lines": 3,
        "known_lines": 0,
        "credits": 40_000,
        "debits": 5_000,
        "opening": None,
        "closing": None,
        "balanced": None,
    }
    assert (json.loads(again.out)["new_lines"], json.loads(again.out)["known_lines"]) == (0, 3)


@pytest.mark.parametrize("account", ["1000001", "000000:1", "970436:", "970436:12 34", "970436:" + "1" * 20])
def test_an_account_is_named_by_its_bank_and_number(test_settings: Settings, tmp_path: Path, account: str) -> None:
    file = tmp_path / "statement.csv"
    file.write_text(CSV, "utf-8")
    refused = run(test_settings, "statement", "import", str(file), "--account", account)
    assert (refused.code, refused.out) == (1, "")
    assert "970436:1017595600" in refused.err


def test_of_a_file_with_a_bad_row_nothing_is_taken(books: Store, test_settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "statement.csv"
    file.write_text(CSV.replace("5,000", "five"), "utf-8")
    refused = run(test_settings, "statement", "import", str(file), "--account", "970436:1000001")
    assert refused.code == 1
    assert "4" in refused.err and "five" in refused.err
    assert stored(books) == Counter()


LONG = crew.ENOUGH + 10_000


@pytest.mark.parametrize("doing", ["COPY statement_line%", "COPY incoming%", "%INSERT INTO statement_line%"])
def test_broken_off_by_ctrl_c_nothing_is_half_done_and_a_second_run_finishes(
    books: Store, test_settings: Settings, tmp_path: Path, doing: str
) -> None:
    file = tmp_path / "long.csv"
    with file.open("w", encoding="utf-8") as written:
        written.write("Ngày giao dịch;Số bút toán;Nợ;Có;Nội dung\n")
        for number in range(LONG):
            moment = BEGIN + timedelta(seconds=number)
            written.write(f"{moment:%d/%m/%Y %H:%M:%S};FT{number:012d};;{1000 + number};MUA RAU {number}\n")
    known = 0 if doing.startswith("COPY statement_line") else 1  # of days with a line, lines are compared with it
    take(books, *[section([(0, 20_000, "x")], 0, 1, balances=False)] * known)
    words = ("statement", "import", str(file), "--account", "970436:1000001", "--format", "json")
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *words],
        env=environment(test_settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(books, doing)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode != 0 and out == ""
    with books.engine.connect() as connection:
        counts = "SELECT (SELECT count(*) FROM statement), (SELECT count(*) FROM statement_line)"
        assert tuple(connection.execute(text(counts)).one()) == (known, known)
    assert run(test_settings, *words).document["new_lines"] == LONG


def wait_for(books: Store, doing: str) -> None:
    """Until another process is in the middle of such a query."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND state = 'active' AND query LIKE :doing"
    )
    deadline = time.monotonic() + 120
    with books.engine.connect() as connection:
        while time.monotonic() < deadline:
            if connection.execute(query, {"doing": doing}).scalar_one():
                return
            connection.rollback()  # a transaction sees the activity as it was when it began to look
    raise TimeoutError(doing)
