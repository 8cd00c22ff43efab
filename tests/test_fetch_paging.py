"""Fetching page by page: complete in whichever order SePay tells, through every trouble, and after every break-off."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ground import clock
from ground.settings import Settings
from ground.store import Store
from payments.providers import sepay_api
from payments.providers.sepay_api import SepayApi, day_of
from payments.providers.sepay_list import walk
from tests.fetching import ACCOUNT, MARCH, covered, fetch, in_books, on_account
from tests.sepay_api import TOKEN, Row, SepayFake, history, transaction
from tests.shell import PROGRAM, environment

FIRST = datetime(2026, 3, 1, tzinfo=clock.ZONE)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sepay_api, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(sepay_api, "PAUSES", (0.01, 0.02))


@pytest.fixture
def sepay() -> Iterator[SepayFake]:
    with SepayFake([transaction(n, 1_000 + n, f"2026-03-{n:02d} 08:00:00") for n in range(1, 31)]) as fake:
        yield fake


# --- pages


class Answers(SepayApi):
    """The fake's answers without the way there, for hundreds of histories."""

    def __init__(self, sepay: SepayFake) -> None:
        self.sepay, self.number = sepay, "1000001"

    def ask(self, **filters: object) -> list[Row]:
        told = {"limit": sepay_api.LIMIT, "account_number": self.number, **filters}
        return self.sepay.choose({name: str(value) for name, value in told.items()})


@settings(max_examples=150, deadline=None)
@given(
    hours=st.lists(st.sampled_from([0, 1, 2, 23, 24, 25, 240, 241, 600, 720]), max_size=25),
    random=st.randoms(use_true_random=False),
    newest_first=st.booleans(),
    whole_days=st.booleans(),
    limit=st.integers(4, 9),
)
def test_every_page_order_ends_in_all_of_the_rows(
    hours: list[int], random: Random, newest_first: bool, whole_days: bool, limit: int
) -> None:
    """A bare day need not count whole. SePay numbers what it learns when it learns it, mostly in order."""
    moments = [FIRST + timedelta(hours=hour, seconds=61 * place + 1) for place, hour in enumerate(sorted(hours))]
    ids = sorted(range(len(moments)), key=lambda place: place + random.random() * 3)
    sepay = SepayFake(
        transaction(100 + id, 10_000, f"{moment:%Y-%m-%d %H:%M:%S}") for id, moment in zip(ids, moments, strict=True)
    )
    sepay.newest_first, sepay.whole_days = newest_first, whole_days
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sepay_api, "LIMIT", limit)
        stretches = list(walk(Answers(sepay), FIRST.date(), date(2026, 4, 15)))
    assert [stretch.first for stretch in stretches] == [
        FIRST.date(),
        *(stretch.last + timedelta(days=1) for stretch in stretches[:-1]),
    ]
    assert stretches[-1].last == date(2026, 4, 15)
    assert all(stretch.first <= day_of(row) <= stretch.last for stretch in stretches for row in stretch.rows)
    assert on_account(row for stretch in stretches for row in stretch.rows) == on_account(sepay.rows)


def test_smaller_pages_than_asked_for_are_followed_to_their_end(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    sepay.most, sepay.newest_first = 7, False
    assert fetch(test_settings, sepay, *MARCH).document["new_lines"] == 30
    assert in_books(books) == on_account(sepay.rows)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_day_of_many_pages_is_gathered_whole(
    books: Store, test_settings: Settings, sepay: SepayFake, newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sepay_api, "LIMIT", 10)
    sepay.newest_first = newest_first
    sepay.rows += [transaction(100 + n, 500 + n, f"2026-03-15 10:{n:02d}:00") for n in range(57)]
    assert fetch(test_settings, sepay, *MARCH).document["new_lines"] == 87
    assert in_books(books) == on_account(sepay.rows)


def test_a_day_that_cant_be_paged_through_is_not_covered(
    books: Store, test_settings: Settings, sepay: SepayFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sepay_api, "LIMIT", 10)
    sepay.knows_times = False
    sepay.rows += [transaction(100 + n, 500 + n, f"2026-03-15 10:{n:02d}:00") for n in range(20)]
    done = fetch(test_settings, sepay, *MARCH)
    assert done.code == 1 and "2026-03-15 00:00:00" in done.err
    last = covered(books)[-1][1]
    assert "2026-03-01" < last < "2026-03-15"
    assert in_books(books) == on_account(row for row in sepay.rows if row["transaction_date"][:10] <= last)


def test_no_more_than_two_questions_are_asked_in_a_second(
    test_settings: Settings, sepay: SepayFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sepay_api, "SECONDS_BETWEEN", 0.15)
    moments: list[float] = []
    sepay.before = lambda _: moments.append(time.monotonic())
    assert fetch(test_settings, sepay, "--from", "2026-01-01", "--to", "2026-03-31").code == 0
    assert len(moments) == 6
    assert min(after - before for before, after in pairwise(moments)) > 0.1


# --- troubles


def test_through_429s_errors_and_cut_answers_it_goes_on(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    sepay.troubles = [429, "cut"]
    assert fetch(test_settings, sepay, *MARCH).document["new_lines"] == 30
    sepay.troubles = [503, b'{"status":429,"error":"slow down"}']
    assert fetch(test_settings, sepay, *MARCH).document["new_lines"] == 0
    assert in_books(books) == on_account(sepay.rows)


@pytest.mark.parametrize("name", ["Retry-After", "x-sepay-userapi-retry-after"])
def test_it_waits_as_long_as_it_is_told_to_and_says_so(test_settings: Settings, sepay: SepayFake, name: str) -> None:
    sepay.wait_header, sepay.troubles = (name, "1"), [429]
    begin = time.monotonic()
    done = fetch(test_settings, sepay, *MARCH)
    assert done.code == 0 and time.monotonic() - begin > 1
    assert len(sepay.asked) == 3


def test_what_doesnt_pass_is_refused_and_the_days_before_are_kept(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    def break_down(filters: dict[str, str]) -> None:
        if filters.get("transaction_date_min", "") > "2026-03-15":
            sepay.troubles = [500]

    sepay.before = break_down
    done = fetch(test_settings, sepay, "--from", "2026-01-01", "--to", "2026-04-20")
    assert (done.code, done.out) == (1, "") and "HTTP 500" in done.err
    assert covered(books) == [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-03-03"), ("2026-03-04", "2026-04-03")]
    sepay.before = lambda filters: None
    sepay.asked.clear()
    document = fetch(test_settings, sepay, "--from", "2026-01-01", "--to", "2026-04-20").document
    assert (document["from"], document["to"]) == ("2026-04-04", "2026-04-20"), "it goes on where it was"
    assert in_books(books) == on_account(sepay.rows)


def test_nobody_at_the_address_is_refused(test_settings: Settings, sepay: SepayFake) -> None:
    done = fetch(test_settings, sepay, *MARCH, MARKET_SEPAY_API_BASE="http://127.0.0.1:9")
    assert done.code == 1 and "127.0.0.1:9" in done.err and "ConnectError" in done.err
    assert "https://" in fetch(test_settings, sepay, *MARCH, MARKET_SEPAY_API_BASE="my.sepay.vn").err
    assert "404" not in fetch(test_settings, sepay, *MARCH, MARKET_SEPAY_API_BASE=f"{sepay.address}/elsewhere").out


@pytest.mark.parametrize("way", ["empty", "401", "inner"])
def test_a_token_that_is_not_accepted_is_refused(
    books: Store, test_settings: Settings, sepay: SepayFake, way: Literal["empty", "401", "inner"]
) -> None:
    """An empty answer is SePay's way to say so; taken for "no transactions" it would cover days that nobody saw."""
    sepay.refuses = way
    done = fetch(test_settings, sepay, *MARCH, MARKET_SEPAY_API_TOKEN="wrong")
    assert done.code == 1 and "MARKET_SEPAY_API_TOKEN" in done.err and "wrong:" not in done.err
    assert covered(books) == []
    rotated = fetch(test_settings, sepay, *MARCH, MARKET_SEPAY_API_TOKEN=f"wrong,{TOKEN}")
    assert rotated.document["new_lines"] == 30
    assert sepay.seen_tokens.count("wrong") == 2, "the one that is not accepted is not sent again"


def test_without_a_token_the_door_is_closed(test_settings: Settings, sepay: SepayFake) -> None:
    for token in ("", " , "):
        done = fetch(test_settings, sepay, *MARCH, MARKET_SEPAY_API_TOKEN=token)
        assert done.code == 1 and "MARKET_SEPAY_API_TOKEN" in done.err
    assert sepay.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>Maintenance</html>", "<html>Maintenance</html>"),
        (b'{"status":200,"transactions":null}', "can't be read"),
        (b'{"status":200,"transactions":[7]}', "can't be read"),
        (b"[]", "can't be read"),
        (b'{"status":200,"transactions":[{"id":"x1"}]}', "can't be read"),
        (b'{"status":200,"transactions":[{"id":"1","transaction_date":"05/03/2026"}]}', "transaction_date"),
        (b'{"status":404,"error":"no such account"}', "1000001"),
        (b'{"status":400,"error":"limit too large"}', "limit too large"),
        (
            b'{"status":200,"transactions":[{"id":"1","transaction_date":"2026-03-05 08:00:00",'
            b'"account_number":"2000002"}]}',
            "2000002",
        ),
    ],
)
def test_an_answer_that_cant_be_believed_is_refused(
    books: Store, test_settings: Settings, sepay: SepayFake, answer: bytes, said: str
) -> None:
    sepay.troubles = [answer]
    done = fetch(test_settings, sepay, *MARCH)
    assert (done.code, done.out) == (1, "") and said in done.err
    assert covered(books) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount_in", "1000.50"),
        ("amount_in", "-5.00"),
        ("amount_in", "many"),
        ("amount_in", None),
        ("amount_out", "5.00"),
        ("accumulated", "x"),
        ("transaction_content", "a\u0000b"),
        ("reference_number", "a\u0000b"),
        ("sub_account", "a\u0000b"),
    ],
)
def test_a_transaction_that_cant_be_read_is_named_by_its_number(
    books: Store, test_settings: Settings, sepay: SepayFake, field: str, value: object
) -> None:
    sepay.rows[10][field] = value
    if value is None:
        sepay.rows[10]["amount_out"] = None
    done = fetch(test_settings, sepay, *MARCH)
    assert done.code == 1 and "11, " in done.err and field in done.err
    assert covered(books) == []


# --- broken off


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_broken_off_anywhere_nothing_is_half_done_and_the_next_run_finishes(
    books: Store, test_settings: Settings, sepay: SepayFake, ending: signal.Signals
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def stop_in_the_middle(filters: dict[str, str]) -> None:
        if filters.get("transaction_date_min", "") > "2026-01-31" and not go_on.is_set():
            reached.set()
            go_on.wait(60)

    sepay.before = stop_in_the_middle
    sepay.rows += history(["2026-01-05 08:00:00", "2026-02-06 08:00:00"], [5_000, 6_000], first_id=500)
    words = ("statement", "fetch", "--account", ACCOUNT, "--from", "2026-01-01", "--to", "2026-03-31")
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), *words],
        env=environment(test_settings, **sepay.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert reached.wait(60)
    os.killpg(process.pid, ending)
    process.communicate(timeout=60)
    go_on.set()
    assert process.returncode != 0
    kept = covered(books)
    assert kept == [("2026-01-01", "2026-01-31")]
    assert in_books(books) == on_account(row for row in sepay.rows if row["transaction_date"] < kept[-1][1])
    document = fetch(test_settings, sepay, *words[4:]).document
    assert (document["from"], document["to"]) == ("2026-02-01", "2026-03-31")
    assert in_books(books) == on_account(sepay.rows)
