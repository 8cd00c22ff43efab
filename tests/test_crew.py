"""The workers that seal a long file's lines: they give back what one process gives, whatever becomes of them."""

import os
import random
import signal
from collections.abc import Iterator
from datetime import date
from errno import ENOSPC
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pytest

from ground.vault import Vault
from payments import crew as crews
from payments.crew import Crew
from payments.sealed_line import rows
from payments.statements.line import Lines, Movement

DAY = date(2026, 10, 5).toordinal()
OWN = "0123499999"
VAULT = Vault([b"new", b"old"], hash_key=b"of the books")


def lines(count: int) -> Lines:
    """Without memos, which are encrypted another way each time."""
    source = random.Random(count)
    found = Lines()
    for number in range(count):
        amount = source.choice((20_000, 35_000, -5_000))
        found.add(Movement(number, None, DAY + number % 3, amount, reference=f"FT{source.randrange(10**12):012d}"))
    return found


def sealed(told: Lines) -> list[bytes]:
    with Crew(VAULT, OWN) as crew:
        return [row for part in crew.seal(told) for row in part]


def ahead(crew: Crew, count: int) -> Lines:
    """As `lines`, sealed while they are added."""
    found = Lines(crew.seal_ahead)
    for line in lines(count):
        found.add_packed(tuple(line))
    return found


@pytest.fixture(autouse=True)
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "ENOUGH", 100)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)


def children() -> set[int]:
    return {int(pid) for tasks in Path("/proc/self/task").glob("*/children") for pid in tasks.read_text().split()}


@pytest.fixture
def before() -> Iterator[set[int]]:
    """The children of this process that are none of the crew's; afterwards there are no others."""
    known = children()
    yield known
    assert children() == known


@pytest.mark.parametrize("count", [99, 100, 30_000])
def test_rows_come_in_the_files_order_and_as_one_process_would_seal_them(before: set[int], count: int) -> None:
    told = lines(count)
    assert sealed(told) == rows(VAULT, list(told), OWN)


@pytest.mark.parametrize("count", [99, 100, 30_000])
def test_they_begin_while_the_file_is_read(before: set[int], count: int) -> None:
    with Crew(VAULT, OWN) as crew:
        told = ahead(crew, count)
        assert len(children() - before) == (3 if count > 2048 else 0)
        assert [row for part in crew.seal(told) for row in part] == rows(VAULT, list(lines(count)), OWN)


def test_another_section_is_chosen_than_the_one_they_began_with(before: set[int]) -> None:
    with Crew(VAULT, OWN) as crew:
        first, second = ahead(crew, 20_000), ahead(crew, 25_000)
        assert [row for part in crew.seal(second) for row in part] == rows(VAULT, list(second), OWN)
        assert [row for part in crew.seal(first) for row in part] == rows(VAULT, list(first), OWN)


def test_memos_are_sealed_with_the_vaults_own_key(before: set[int]) -> None:
    told = Lines()
    for number in range(5_000):
        told.add(Movement(number, None, DAY, 20_000, memo=f"MUA RAU {number}"))
    mark = VAULT.seal(b"")[:8]
    found = sealed(told)
    for number, row in enumerate(found):
        at = row.index(mark)
        length = int.from_bytes(row[at - 4 : at], "big")
        assert VAULT.unseal(row[at : at + length]) == f"MUA RAU {number}".encode()
    assert len(found) == 5_000


@pytest.mark.parametrize("when", ["reading", "storing"])
def test_killed_workers_cost_time_but_no_line(before: set[int], when: str) -> None:
    with Crew(VAULT, OWN) as crew:
        told = ahead(crew, 60_000)
        parts = crew.seal(told)
        found = list(next(parts)) if when == "storing" else []
        workers = children() - before
        assert len(workers) == 3
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        if when == "reading":
            crew.seal_ahead(told)
        found += [row for part in parts for row in part]
        assert found == rows(VAULT, list(told), OWN)


def test_no_room_for_files_costs_time_but_no_line(before: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    room = [TemporaryFile]

    def one_file() -> IO[bytes]:
        if not room:
            raise OSError(ENOSPC, "no space left")
        return room.pop()()

    monkeypatch.setattr(crews, "TemporaryFile", one_file)
    told = lines(30_000)
    with Crew(VAULT, OWN) as crew:
        parts = crew.seal(told)
        found = list(next(parts))
        assert len(children() - before) == 1
        assert found + [row for part in parts for row in part] == rows(VAULT, list(told), OWN)


def test_a_full_disk_costs_time_but_no_line(before: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "TemporaryFile", partial(open, "/dev/full", "wb"))
    told = lines(30_000)
    assert sealed(told) == rows(VAULT, list(told), OWN)


def test_broken_off_no_worker_is_left(before: set[int]) -> None:
    with pytest.raises(KeyboardInterrupt), Crew(VAULT, OWN) as crew:
        next(crew.seal(lines(60_000)))
        assert len(children() - before) == 3
        raise KeyboardInterrupt
