"""A crew: worker processes that seal a long file's lines, from while it is still being read, on every processor."""

import gc
import marshal
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from ground.vault import Vault
from payments.sealed_line import rows
from payments.statements.line import Lines, Watcher, nobody, unpack

ENOUGH = 50_000
"""Lines; of fewer, the workers' start takes longer than they save."""
_PROJECT = Path(__file__).resolve().parent.parent  # as `ground.settings` says, which the workers need not read in
_MOST = 8  # workers: PostgreSQL takes no more
_AHEAD = 2  # parts that a worker has at a time: one in hand, one in its pipe


class Crew:
    """Seals lines of one account, whose number is `own`, in the file's order.

    What is sealed waits in files without a name, so that a file may turn out bad, or another account's, at its end.
    """

    def __init__(self, vault: Vault, own: str) -> None:
        self._vault, self._own = vault, own
        self._workers: list[_Worker] = []
        self._lines: Lines | None = None
        self._tasks: list[tuple[_Worker, int]] = []  # who has which of the lines' parts, as the how-many-th

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *failure: object) -> None:
        while self._workers:
            self._workers.pop().close()

    def seal_ahead(self, lines: Lines) -> None:
        """For `reading.read`: what is there of the first lines that are enough, as far as a worker is free."""
        if self._lines is None and len(lines) >= ENOUGH:
            self._begin(lines)
        if self._lines is lines:
            self._hand_out(lines)

    def seal(self, lines: Lines, seen: Watcher = nobody) -> Generator[list[bytes], None, None]:
        """The lines' `sealed_line.rows`, some thousands at a time."""
        if self._lines is not lines:
            self._begin(lines)
        count = 0
        for number, packed in enumerate(lines.packed()):
            self._hand_out(lines)
            part = self._sealed(number) or rows(self._vault, unpack(packed), self._own)
            yield part
            count += len(part)
            seen(count)

    def _begin(self, lines: Lines) -> None:
        self._lines, self._tasks = lines, []
        processors = min(os.cpu_count() or 1, _MOST)
        if len(lines) >= ENOUGH and processors > 1:
            with suppress(OSError):  # no room for a process or its file: those that are there do it, or this one
                while len(self._workers) < processors:
                    self._workers.append(_Worker(self._vault, self._own))

    def _hand_out(self, lines: Lines) -> None:
        for _ in range(_AHEAD):
            for worker in self._workers:
                if len(self._tasks) < len(lines.full) and worker.is_free():
                    self._tasks.append((worker, worker.take(lines.full[len(self._tasks)])))

    def _sealed(self, number: int) -> list[bytes] | None:
        """The part of that number, if a worker has it and is alive."""
        if number >= len(self._tasks):
            return None
        worker, nth = self._tasks[number]
        return worker.sealed(nth)


class _Worker:
    """A process that seals parts and writes them to a file of its own; it ends when this end of its pipe is closed.

    It is told the keys through the pipe, and is out of the terminal's session, so that Ctrl-C is this process's alone.
    """

    def __init__(self, vault: Vault, own: str) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 (`close` closes it)
        self._ends = [0]  # of the parts in it
        self._taken = 0
        self._pipe, theirs = Pipe()
        with theirs:
            given = theirs.fileno(), self._file.fileno()
            words = [sys.executable, "-m", __name__, *map(str, given)]
            self._process = subprocess.Popen(
                words, cwd=_PROJECT, pass_fds=given, stderr=subprocess.DEVNULL, start_new_session=True
            )
        with suppress(OSError):
            self._pipe.send((vault, own))

    def close(self) -> None:
        self._pipe.close()
        self._process.wait()
        self._file.close()

    def is_free(self) -> bool:
        with suppress(EOFError, OSError):
            while self._pipe.poll():
                self._hear()
        return self._taken - len(self._ends) + 1 < _AHEAD

    def take(self, packed: bytes) -> int:
        """To be sealed; which of its parts this is."""
        with suppress(OSError):  # killed, as is found when the part is asked for
            self._pipe.send_bytes(packed)
        self._taken += 1
        return self._taken - 1

    def sealed(self, nth: int) -> list[bytes] | None:
        """The rows of its part `nth`; None if it was killed before it was done."""
        with suppress(EOFError, OSError):
            while len(self._ends) <= nth + 1:
                self._hear()
            begin, end = self._ends[nth : nth + 2]
            part: list[bytes] = marshal.loads(os.pread(self._file.fileno(), end - begin, begin))
            return part
        return None

    def _hear(self) -> None:
        self._ends.append(self._pipe.recv())


def _work(pipe: Connection, file: BinaryIO) -> None:
    _step_back()
    gc.disable()  # `rows` makes no cycles
    with suppress(EOFError, OSError):  # nobody is there any more, or the disk is full
        vault, own = pipe.recv()
        while True:
            file.write(marshal.dumps(rows(vault, unpack(pipe.recv_bytes()), own)))
            file.flush()
            pipe.send(file.tell())


def _step_back() -> None:
    """Reading and storing come first: each is one process, and all wait for it.

    Where Linux gives every session its even share (sched(7), autogroups), a process is nice only within its own.
    """
    os.nice(19)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("19")


if __name__ == "__main__":
    _work(Connection(int(sys.argv[1])), open(int(sys.argv[2]), "wb"))  # noqa: SIM115 (open until the process ends)
