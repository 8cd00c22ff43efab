"""The embedded PostgreSQL's server process: found, started and stopped (standard library only)."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

from ground import flock

SOCKET = ".s.PGSQL.5432"
PATIENCE = 90.0  # seconds for a fast shutdown, whose checkpoint may be long on a slow disk
_PROC = os.path.isdir("/proc/self/cwd")  # Linux; elsewhere the locks alone have to tell


class Place(NamedTuple):
    """Where a database lives, and the system account its server runs as."""

    state: str
    binaries: str
    uid: int
    gid: int

    @property
    def pgdata(self) -> str:
        return os.path.join(self.state, "postgres")

    def account(self) -> tuple[int | None, int | None]:
        """What a child changes to: postgres refuses to run as root."""
        return (self.uid, self.gid) if os.geteuid() == 0 else (None, None)


class Note(NamedTuple):
    """What a postmaster wrote into its pid file; it may have died since."""

    pid: int
    socket: str
    status: str


class NotUpError(Exception):
    """The server does not come up; its log says why."""


def read_note(state: str) -> Note | None:
    """The pid file: pid, data folder, start, port, socket folder, address, shared memory, status."""
    try:
        with open(os.path.join(state, "postgres", "postmaster.pid"), encoding="utf-8") as file:
            lines = [line.strip() for line in file]
        return Note(int(lines[0]), lines[4], lines[7] if len(lines) > 7 else "starting")
    except (OSError, ValueError, IndexError):
        return None


def accepting(state: str) -> str | None:
    """The socket folder of a server that takes connections now."""
    note = read_note(state)
    if note is None or note.status != "ready":
        return None
    with socket.socket(socket.AF_UNIX) as door:
        try:
            door.connect(os.path.join(note.socket, SOCKET))
        except OSError:
            return None
    return note.socket


def lives(place: Place, pid: int) -> bool:
    """Whether `pid` is a server of this very database: a stale pid file may name anybody's process."""
    if _PROC:
        return _is_ours(place, pid)
    if not flock.is_held(os.path.join(place.state, "server.lock")):
        return False
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        return True
    return False


def _is_ours(place: Place, pid: int) -> bool:
    """A postgres whose working folder is this database: true of the postmaster and of its children."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            named = file.read().startswith("postgres")
        return named and os.path.samestat(os.stat(f"/proc/{pid}/cwd"), os.stat(place.pgdata))
    except OSError:
        return False


class Postmaster:
    """A server that runs: our child, or adopted from a supervisor that was killed."""

    def __init__(self, place: Place, pid: int, child: "subprocess.Popen[bytes] | None" = None) -> None:
        self.place, self.pid, self.child = place, pid, child

    def lives(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return lives(self.place, self.pid)

    def is_shut_off(self) -> bool:
        """It lives, but its socket was deleted (from /tmp, say): nobody can reach it any more."""
        note = read_note(self.place.state)
        ready = note is not None and (note.pid, note.status) == (self.pid, "ready")
        return note is not None and ready and not os.path.exists(os.path.join(note.socket, SOCKET))

    def comes_up(self) -> bool:
        """Waits until it accepts connections, through a crash recovery too; False when it never will."""
        while self.lives() and not self.is_shut_off():
            note = read_note(self.place.state)
            if note and note.pid == self.pid and accepting(self.place.state):
                return True
            time.sleep(0.01)
        return False

    def stop(self) -> None:
        """A fast shutdown: open transactions roll back, everything committed is on disk."""
        for number, seconds in ((signal.SIGINT, PATIENCE), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)):
            until = time.monotonic() + seconds
            with contextlib.suppress(ProcessLookupError):
                if self.lives():
                    os.kill(self.pid, number)
            while self.lives() and time.monotonic() < until:
                time.sleep(0.01)


def running(place: Place) -> Postmaster | None:
    """The postmaster that already serves this database."""
    note = read_note(place.state)
    return Postmaster(place, note.pid) if note and lives(place, note.pid) else None


def bring_up(place: Place) -> Postmaster:
    """Adopts the server that runs, or starts one; returns when it accepts connections."""
    while (adopted := running(place)) is not None:
        if adopted.comes_up():
            return adopted
        adopted.stop()
    with no_process_left(place) as server_lock:
        _clear_leftovers(place)
        child = _spawn(place, server_lock)
    started = Postmaster(place, child.pid, child)
    if not started.comes_up():
        raise NotUpError(f"the server ended with {child.poll()}")
    return started


@contextlib.contextmanager
def no_process_left(place: Place) -> Iterator[int]:
    """server.lock, for the next postmaster to inherit: two on one data folder would destroy it.

    After a SIGKILL of the postmaster a backend in the middle of a query lives on; it can't commit
    any more, so it is ended rather than waited for.
    """
    path = os.path.join(place.state, "server.lock")
    for attempt in range(600):
        held = flock.take(path, flock.EXCLUSIVE)
        if held is not None:
            try:
                yield held
            finally:
                os.close(held)
            return
        if attempt in (0, 20):
            _signal_all(place, signal.SIGQUIT if attempt == 0 else signal.SIGKILL)
        time.sleep(0.05)
    raise NotUpError("processes that are out of reach still have the data folder open")


def _signal_all(place: Place, number: int) -> None:
    """To every process of this database, also those that outlived their postmaster."""
    if _PROC:
        found = [int(name) for name in os.listdir("/proc") if name.isdigit() and _is_ours(place, int(name))]
    else:
        found = _holders(os.path.join(place.state, "server.lock"))
    for pid in found:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _holders(path: str) -> list[int]:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(["lsof", "-t", path], capture_output=True, text=True, check=False, timeout=10)
        return [int(line) for line in told.stdout.split() if int(line) != os.getpid()]
    return []


def _clear_leftovers(place: Place) -> None:
    """A dead server's pid files: their pid may be another process's by now, and postgres would balk."""
    for folder, name in ((place.pgdata, "postmaster.pid"), (socket_folder(place), SOCKET + ".lock")):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))


def _spawn(place: Place, server_lock: int) -> "subprocess.Popen[bytes]":
    uid, gid = place.account()
    fixed = {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": socket_folder(place),
        "unix_socket_permissions": "0700",
        "logging_collector": "off",
        "log_destination": "stderr",
    }
    command = [os.path.join(place.binaries, "postgres"), "-D", place.pgdata]
    for name, value in fixed.items():
        command += ["-c", f"{name}={value}"]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        cwd=place.pgdata,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
        pass_fds=[server_lock],
        start_new_session=True,
    )


def socket_folder(place: Place) -> str:
    """The data folder itself, or where its path is too long or odd for a socket a private one in /tmp.

    The choice is written down and kept: clients that reconnect know the old path.
    """
    if len(place.pgdata) + len(SOCKET) < 99 and re.fullmatch(r"[A-Za-z0-9._/+@-]+", place.pgdata):
        return place.pgdata
    record = os.path.join(place.state, "socket")
    with contextlib.suppress(OSError), open(record, encoding="ascii") as file:
        known = file.read().strip()
        if known.startswith("/tmp/market40-") and _make_private(known, place):
            return known
    fresh = f"/tmp/market40-{os.urandom(8).hex()}"
    if not _make_private(fresh, place):
        raise NotUpError(f"{fresh} belongs to somebody else")
    with open(record + ".new", "w", encoding="ascii") as file:
        file.write(fresh + "\n")
    os.replace(record + ".new", record)
    return fresh


def _make_private(path: str, place: Place) -> bool:
    """True when the folder is the account's and closed to others; /tmp is everybody's, so look twice."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
        os.chown(path, place.uid, place.gid)
    found = os.lstat(path)
    return (found.st_mode & 0o170077, found.st_uid) == (0o040000, place.uid)
