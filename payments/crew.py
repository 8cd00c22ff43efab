"""A crew: worker processes that seal a long file's lines on every processor, and give them back in the file's order."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import cycle
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from ground.vault import Vault
from payments.sealed_line import rows
from payments.statements.line import Lines, Watcher, nobody, unpack

ENOUGH = 50_000
"""Lines; of fewer, the workers' start takes longer than they save."""
_PROJECT = Path(__file__).resolve().parent.parent
_MOST = 8  # workers: PostgreSQL takes no more


def seal(vault: Vault, lines: Lines, own: str, seen: Watcher = nobody) -> Generator[list[bytes], None, None]:
    """The lines' `sealed_line.rows`, some thousands at a time. `own`: the number of their account."""
    processors = min(os.cpu_count() or 1, _MOST)
    each = (
        _each(vault, lines, own) if len(lines) < ENOUGH or processors == 1 else _shared(vault, lines, own, processors)
    )
    count = 0
    for part in each:
        yield part
        count += len(part)
        seen(count)


def _each(vault: Vault, lines: Lines, own: str) -> Iterator[list[bytes]]:
    for packed in lines.packed():
        yield rows(vault, unpack(packed), own)


def _shared(vault: Vault, lines: Lines, own: str, processors: int) -> Iterator[list[bytes]]:
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(vault, own)) for _ in range(processors)]
        waiting: deque[Future[list[bytes]]] = deque()
        for worker, packed in zip(cycle(workers), lines.packed(), strict=False):
            waiting.append(worker.seal(packed))
            if len(waiting) > 2 * processors:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Worker:
    """A process, and the thread that speaks with it. It ends when this end of the pipe is closed, however that is.

    It is told the keys through the pipe, and is out of the terminal's session, so that Ctrl-C is this process's alone.
    """

    def __init__(self, vault: Vault, own: str) -> None:
        self._told = vault, own
        self._pipe, theirs = Pipe()
        with theirs:
            words = [sys.executable, "-m", __name__, str(theirs.fileno())]
            self._process = subprocess.Popen(
                words, cwd=_PROJECT, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL, start_new_session=True
            )
        self._thread = ThreadPoolExecutor(1)
        self._hello = self._thread.submit(self._pipe.send, self._told)

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *failure: object) -> None:
        self._thread.shutdown(cancel_futures=True)
        self._pipe.close()
        self._process.wait()

    def seal(self, packed: bytes) -> "Future[list[bytes]]":
        return self._thread.submit(self._ask, packed)

    def _ask(self, packed: bytes) -> list[bytes]:
        """Here, if the process was killed."""
        try:
            self._hello.result()
            self._pipe.send_bytes(packed)
            sealed: list[bytes] = self._pipe.recv()
        except (EOFError, OSError):
            vault, own = self._told
            sealed = rows(vault, unpack(packed), own)
        return sealed


def _work(pipe: Connection) -> None:
    with suppress(EOFError, OSError):  # nobody is there any more
        vault, own = pipe.recv()
        while True:
            pipe.send(rows(vault, unpack(pipe.recv_bytes()), own))


if __name__ == "__main__":
    _work(Connection(int(sys.argv[1])))
