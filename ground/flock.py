"""File locks that die with their holder, SIGKILL included (standard library only, for the supervisor)."""

import fcntl
import os
import time

SHARED, EXCLUSIVE = fcntl.LOCK_SH, fcntl.LOCK_EX


class NoLocksError(OSError):
    """The file system has no locks."""


def take(path: str, mode: int) -> int | None:
    """A descriptor that holds the lock until it is closed, or None when somebody is in the way.

    Not inherited by programs that are started; a forked child has to close its copy.
    """
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, mode | fcntl.LOCK_NB)
            if is_current(held, path):
                return held
        except BlockingIOError:
            os.close(held)
            return None
        except OSError as problem:
            os.close(held)
            raise NoLocksError(problem.errno, problem.strerror, path) from None
        os.close(held)


def wait(path: str, mode: int, seconds: float) -> int | None:
    """`take`, tried until the time is up."""
    until = time.monotonic() + seconds
    while (held := take(path, mode)) is None and time.monotonic() < until:
        time.sleep(0.02)
    return held


def is_held(path: str, mode: int = EXCLUSIVE) -> bool:
    """Whether somebody stands in the way of `mode` now."""
    held = take(path, mode)
    if held is not None:
        os.close(held)
    return held is None


def is_current(held: int, path: str) -> bool:
    """False when the file was deleted, or made anew, since it was opened: such a lock keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(held), os.stat(path))
    except FileNotFoundError:
        return False
