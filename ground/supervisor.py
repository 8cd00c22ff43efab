"""Keeps the embedded PostgreSQL up while anybody uses it and stops it after the last one, however they died.

A process of its own, started by `ground.embedded` (standard library only, so that it starts at once).
What it must agree on with others are locks in the state folder:

    start.lock       held while somebody attaches, so that there is one starter at a time
    users.lock       shared: somebody uses the database; exclusive: nobody does, the server is stopped
    supervisor.lock  a supervisor lives
    server.lock      inherited by the postmaster and its children: one of them lives, whatever a pid file says
"""

import contextlib
import os
import signal
import sys
import time
from typing import NoReturn

from ground import flock
from ground.postmaster import NotUpError, Place, Postmaster, bring_up

TICK = 0.2  # seconds between two looks at the users and the server
LOG_BYTES = 4 << 20
DONE, FAILED, BUSY, KILLED = 0, 3, 4, 5  # exit codes of the launch; 1 is Python's own


def main(state: str, binaries: str, uid: str, gid: str) -> NoReturn:
    """Leaves a supervisor behind and exits when its server accepts connections, or surely won't."""
    place = Place(state, binaries, int(uid), int(gid))
    hear, answer = os.pipe()
    if os.fork():
        os.close(answer)
        word = os.read(hear, 1)
        os._exit(word[0] if word else KILLED)
    os.close(hear)
    _detach(os.path.join(state, "server.log"))
    supervise(place, answer)
    os._exit(0)


def _detach(log_path: str) -> None:
    """Out of the launcher's session, folder and files; only the leaving of all users ends us."""
    os.setsid()
    os.chdir("/")
    os.umask(0o077)
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the server would inherit


def supervise(place: Place, answer: int) -> None:
    """The life of the supervisor; `answer` tells the launch how it went."""
    alone = flock.take(os.path.join(place.state, "supervisor.lock"), flock.EXCLUSIVE)
    if alone is None:
        _tell(answer, BUSY)
        return
    try:
        postmaster = bring_up(place)
    except (NotUpError, OSError) as problem:
        _log(f"can't bring the server up: {problem}")
        os.close(alone)
        _tell(answer, FAILED)
        return
    _tell(answer, DONE)
    watch(place, postmaster)


def _tell(answer: int, code: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # who launched us was killed; watching will show
        os.write(answer, bytes([code]))
    os.close(answer)


def watch(place: Place, postmaster: Postmaster) -> None:
    """Returns when the last user has left and the server is down; starts it again whenever it dies."""
    users = os.path.join(place.state, "users.lock")
    pause = next_try = 0.0
    while os.path.isdir(place.pgdata):
        nobody = flock.take(users, flock.EXCLUSIVE)
        if nobody is not None:
            break  # and it stays held: a newcomer waits until the server is down
        if (not postmaster.lives() or postmaster.is_shut_off()) and time.monotonic() >= next_try:
            _log("the server is gone; starts it again")
            try:
                postmaster, pause = bring_up(place), 0.0
            except (NotUpError, OSError) as problem:
                pause = min(10.0, pause * 2 or 0.5)
                next_try = time.monotonic() + pause
                _log(f"can't bring the server up: {problem}; tries again in {pause} s")
        _trim_log(os.path.join(place.state, "server.log"))
        time.sleep(TICK)
    postmaster.stop()


def _trim_log(path: str) -> None:
    """Copied and cut, not renamed: the server goes on writing to the same file."""
    with contextlib.suppress(OSError):
        if os.path.getsize(path) > LOG_BYTES:
            with open(path, "r+b") as file, open(path + ".1", "wb") as older:
                older.write(file.read(2 * LOG_BYTES))
                file.truncate(0)


def _log(text: str) -> None:
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    sys.stderr.write(f"{moment} UTC [{os.getpid()}] supervisor: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
