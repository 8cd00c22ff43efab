"""What two sources tell of the same days, a provider or a bank's layouts, is one line each, whoever told first."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from ground.store import Store
from merchants import account
from payments import finding, statement
from payments.statements.line import Lines, Movement
from payments.statements.section import Section

BEGIN = datetime(2026, 10, 5, 1, 0, tzinfo=UTC)
DAY = BEGIN.date()
TOKEN, OTHER_TOKEN = "ZCH5H9JKF", "ZCH3Z0QX0"
Told = tuple[int | None, int, str | None, str, int | None]  # second, amount, reference, memo, balance


def section(told: list[Told], day: date = DAY) -> Section:
    lines = Lines()
    for row, (second, amount, reference, memo, balance) in enumerate(told, 2):
        moment = None if second is None else int(BEGIN.timestamp()) + second
        lines.add(Movement(row, moment, day.toordinal(), amount, reference, memo, balance=balance))
    credits = sum(amount for _, amount, *_ in told if amount > 0)
    debits = -sum(amount for _, amount, *_ in told if amount < 0)
    return Section("1000001", lines, None, None, None, day, day, credits, debits)


def take(books: Store, *tellings: tuple[str, list[Told]]) -> list[int]:
    """Take in what each source tells, one after the other; how many lines of each were new."""
    new = []
    with books.session() as session:
        key = account.take_up(session, [("970436", "1000001")])["970436", "1000001"]
        for bank, told in tellings:
            each = section(told)
            new.append(statement.take_in(session, books.vault, key, each, bank=bank, by="test").new_lines)
            session.commit()
    return new


FILE: Told = (60, 20_000, "FT1", f"MBVCB.1.{TOKEN}.CT tu NGUYEN VAN A", 120_000)
SAME = {
    "the same words": FILE,
    "its memo cut": (60, 20_000, "FT1", "MBVCB.1.", None),
    "its reference alone, at another time": (7_200, 20_000, " ft1", "", None),
    "the balance after it alone": (7_200, 20_000, "SEPAY9", "khac", 120_000),
    "the second and the token": (60, 20_000, "SEPAY9", f"{TOKEN} khac", None),
    "about the time": (359, 20_000, "SEPAY9", "khac", None),
    "no time at all": (None, 20_000, "SEPAY9", "khac", None),
    "about the time and the same token": (100, 20_000, None, f"tien {TOKEN.lower()}", None),
}
OTHER = {
    "another amount": (60, 20_001, "FT1", "", None),
    "the other direction": (60, -20_000, "FT1", "", None),
    "another time": (661, 20_000, "SEPAY9", "khac", None),
    "another token": (61, 20_000, "SEPAY9", f"{OTHER_TOKEN} khac", None),
}


@pytest.mark.parametrize("file_first", [True, False])
@pytest.mark.parametrize("words", SAME)
def test_a_payment_that_both_tell_is_one_line(books: Store, words: str, file_first: bool) -> None:
    tellings = [("vietcombank", [FILE]), ("sepay", [SAME[words]])]
    tellings = tellings if file_first else tellings[::-1]
    assert take(books, *tellings, *tellings) == [1, 0, 0, 0]


@pytest.mark.parametrize("file_first", [True, False])
@pytest.mark.parametrize("words", OTHER)
def test_another_payment_is_another_line(books: Store, words: str, file_first: bool) -> None:
    tellings = [("vietcombank", [FILE]), ("sepay", [OTHER[words]])]
    tellings = tellings if file_first else tellings[::-1]
    assert take(books, *tellings, *tellings) == [1, 1, 0, 0]


def test_two_files_of_a_bank_are_told_apart_by_their_words_alone(books: Store) -> None:
    assert take(books, ("vietcombank", [FILE]), ("vietcombank", [SAME["about the time"]])) == [1, 1]


@pytest.mark.parametrize("timed_first", [True, False])
@pytest.mark.parametrize("undated", ["mt940", "vietcombank"])
def test_two_layouts_of_one_account_count_its_money_once(books: Store, undated: str, timed_first: bool) -> None:
    """The vendor's file for people tells the time; the operator's MT940 or CashUp numbers alike and tells the day."""
    timed: list[Told] = [(60 * n, 20_000, f"FT{n}", f"tra tien {n}", None) for n in range(5)]
    alike: list[Told] = [(None, 20_000, None, "CT DEN", None)] * 5
    tellings = [("vietcombank", timed), (undated, alike)]
    tellings = tellings if timed_first else tellings[::-1]
    assert take(books, *tellings, *tellings) == [5, 0, 0, 0]


def test_alike_lines_of_which_another_layout_told_some_are_not_taken_later(books: Store) -> None:
    timed: list[Told] = [(60 * n, 20_000, f"FT{n}", f"tra tien {n}", None) for n in range(10)]
    alike: list[Told] = [(None, 20_000, None, "CT DEN", None)] * 10
    tellings = [("vietcombank", timed[:4]), ("mt940", alike), ("mt940", alike), ("vietcombank", timed), ("camt", alike)]
    assert take(books, *tellings) == [4, 6, 0, 0, 0]


@pytest.mark.parametrize("one", ["vietcombank", "mt940"])
def test_what_a_second_layout_puts_on_another_day_is_counted_but_asked_about(books: Store, one: str) -> None:
    other = "mt940" if one == "vietcombank" else "vietcombank"
    late: list[Told] = [(60, 5_000, "A0", "", None), (15 * 3_600, 20_000, "A1", "", None)]  # 23:00
    booked: list[Told] = [(None, 5_000, "B0", "", None), (None, 20_000, "B1", "", None)]
    tellings = {"vietcombank": (late, [DAY, DAY]), "mt940": (booked, [DAY, DAY + timedelta(days=1)])}
    with books.session() as session:
        key = account.take_up(session, [("970436", "1000001")])["970436", "1000001"]
        for bank in (one, other):
            told, days = tellings[bank]
            parts = [section([each], day) for each, day in zip(told, days, strict=True)]
            both = section(told)
            lines = Lines()
            for part in parts:
                for line in part.lines:
                    lines.add_packed(tuple(line))
            month = {"first": DAY.replace(day=1), "last": DAY.replace(day=31), "lines": lines}
            each = replace(both, **month)
            statement.take_in(session, books.vault, key, each, bank=bank, by="test")
        session.commit()
        asked = finding.every(session)
    assert [(each["kind"], each["amount"], each["status"]) for each in asked] == [("ambiguous", 20_000, "open")]
    assert "mẫu khác" in asked[0]["detail"]


def test_what_one_of_them_missed_is_taken_from_the_other(books: Store) -> None:
    morning: list[Told] = [(60 * n, 20_000, f"FT{n}", "", None) for n in range(5)]
    renamed: list[Told] = [(60 * n + 7, 20_000, f"S{n}", "", None) for n in range(5)]
    assert take(books, ("sepay", renamed[:3]), ("vietcombank", morning), ("sepay", renamed)) == [3, 2, 0]


def test_money_going_out_is_told_once_by_both(books: Store) -> None:
    assert take(books, ("csv", [(60, -5_000, "FT9", "tien rau", None)]), ("sepay", [(65, -5_000, "S9", "", None)])) == [
        1,
        0,
    ]


def test_of_hundreds_alike_on_a_day_their_number_is_told(books: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("payments.overlap.MIXED_MAX", 20)
    file: list[Told] = [(None, 20_000, f"FT{n}", "", None) for n in range(9)]
    fetched: list[Told] = [(600 * n, 20_000, f"S{n}", "", None) for n in range(12)]
    assert take(books, ("vietcombank", file), ("sepay", fetched), ("vietcombank", file)) == [9, 3, 0]


payments = st.lists(
    st.tuples(
        st.integers(0, 5).map(lambda n: n * 3_000), st.sampled_from([10_000, 20_000]), st.sampled_from(["", TOKEN])
    ),
    min_size=1,
    max_size=9,
).map(sorted)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    truth=payments,
    cuts=st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 8))), min_size=1, max_size=4),
    keeps=st.sampled_from(["reference", "balance", "second", "nothing"]),
)
def test_whoever_tells_whatever_in_any_order_each_payment_is_one_line(
    books: Store, truth: list[tuple[int, int, str]], cuts: list[tuple[bool, set[int]]], keeps: str
) -> None:
    """Both at last tell all of the day. What SePay has in common with the file is one thing, or nearly the time."""
    with books.engine.begin() as connection:
        for table in ("finding", "statement_line", "statement"):
            connection.execute(text(f"DELETE FROM {table}"))
    file: list[Told] = []
    fetched: list[Told] = []
    for place, (second, amount, token) in enumerate(truth):
        balance = 1_000_000 + sum(amount for _, amount, _ in truth[: place + 1])
        file.append((second, amount, f"FT{place}", f"MBVCB {token}", balance))
        fetched.append(
            {
                "reference": (second + 5_000, amount, f"FT{place}", "", None),
                "balance": (second + 5_000, amount, f"S{place}", "", balance),
                "second": (second, amount, f"S{place}", f"{token} x", None),
                "nothing": (second + 31, amount, None, f"x {token} {place}", None),
            }[keeps]
        )
    tellings = [
        (
            "sepay" if by_sepay else "csv",
            [(fetched if by_sepay else file)[place] for place in sorted(places) if place < len(truth)],
        )
        for by_sepay, places in cuts
    ]
    take(books, *tellings, ("sepay", fetched), ("csv", file), *tellings)
    with books.engine.connect() as connection:
        amounts = Counter(connection.execute(text("SELECT amount FROM statement_line")).scalars())
    assert amounts == Counter(amount for _, amount, _ in truth)
