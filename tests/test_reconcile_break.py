"""Reconciliation interrupted, killed and beside others at work: nothing half done, and the next run finishes it."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from ground.settings import Settings
from ground.store import Store
from payments import reconciliation, verify
from tests import lane_world, shell
from tests.bank_book import pairs, reconcile, sales
from tests.lane_world import Lane
from tests.world import post

LANES = 6
Books = tuple[Any, ...]
Tell = Callable[[], object]


def facts(books: Store, lanes: list[Lane], seed: int) -> list[Tell]:
    """What is told and stated of every lane, each to be let in by itself."""
    chance = random.Random(seed)
    told: list[Tell] = []
    for place, lane in enumerate(lanes, 1):
        waves = lane_world.arrange(lane, place, lane_world.world(chance.getrandbits(64), most=12))
        for notices, lines in waves:
            told.append(partial(lane_world.tell, books, lane, notices))
            if lines:
                told.append(partial(lane_world.state, books, lane, lines))
    return told


def look(books: Store) -> Books:
    assert verify.verify(books).differences == []
    return sales(books), pairs(books)


@pytest.fixture
def lanes(books: Store) -> list[Lane]:
    return lane_world.build(books, LANES)


def undisturbed(books: Store, told: list[Tell]) -> Books:
    lane_world.wipe(books)
    for tell in told:
        tell()
    post(books)
    reconcile(books)
    return look(books)


def start(settings: Settings) -> "subprocess.Popen[str]":
    words = [sys.executable, str(shell.PROGRAM), "reconcile", "--through", "2026-10-31"]
    environment = shell.environment(settings)
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def wait_until_it_stands_at_the_lock(books: Store) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid"
        " FROM pg_database WHERE datname = current_database())"
    )
    for _ in range(600):
        with books.session() as session:
            if session.execute(waiting).scalar_one():
                return
        time.sleep(0.05)
    raise AssertionError("it never came to the lock")


def test_ctrl_c_takes_nothing_and_the_next_run_finishes(
    books: Store, lanes: list[Lane], test_settings: Settings
) -> None:
    told = facts(books, lanes, 1)
    wanted = undisturbed(books, told)
    lane_world.wipe(books)
    for tell in told:
        tell()
    post(books)
    before = look(books)
    with books.session() as session:
        reconciliation.hold(session)
        running = start(test_settings)
        wait_until_it_stands_at_the_lock(books)
        running.send_signal(signal.SIGINT)
        _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in complaint
    assert look(books) == before
    assert shell.run(test_settings, "reconcile", "--through", "2026-10-31").code == 0
    assert look(books) == wanted


def test_killed_anywhere_it_leaves_whole_portions_and_the_next_run_finishes(
    books: Store, lanes: list[Lane], test_settings: Settings
) -> None:
    told = facts(books, lanes, 2)
    wanted = undisturbed(books, told)
    for delay in (0.0, 0.05, 0.12, 0.3):
        lane_world.wipe(books)
        for tell in told:
            tell()
        post(books)
        with books.session() as session:
            reconciliation.hold(session)
            running = start(test_settings)
            wait_until_it_stands_at_the_lock(books)
        time.sleep(delay)
        running.kill()
        running.communicate(timeout=60)
        look(books)
        reconcile(books)
        assert look(books) == wanted


def test_reconciled_imported_and_posted_at_once_the_books_are_the_same(books: Store, lanes: list[Lane]) -> None:
    told = facts(books, lanes, 3)
    wanted = undisturbed(books, told)
    lane_world.wipe(books)
    order = random.Random(4).sample(told, len(told))
    through = date(2026, 10, 31)
    work: list[Tell] = []
    for place, tell in enumerate(order):
        work.append(tell)
        if place % 3 == 0:
            work += [partial(post, books), partial(reconciliation.reconcile, books, through)]
    with ThreadPoolExecutor(4) as crew:
        for done in [crew.submit(each) for each in work]:
            done.result(timeout=120)
    post(books)
    reconcile(books)
    assert look(books) == wanted
