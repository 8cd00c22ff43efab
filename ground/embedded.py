"""The embedded PostgreSQL: shared by all processes with the same data folder, whichever came first.

Each of them holds a lock; a supervisor keeps the server up as long as one is held, and no longer.
Every process watches the supervisor in turn, so that killing any one of them is healed.
"""

import errno
import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from ground import flock, lodging, pgdata, postmaster, supervisor
from ground.pgdata import last_lines
from ground.postmaster import Place
from ground.refusal import Refusal
from ground.wheel import bin_dir

__all__ = ["Cluster", "attach", "bin_dir", "ensure_database", "put_key", "remove", "secret_key"]

WAIT = 300.0  # seconds; a crash recovery on a slow disk takes a while
PROJECT = Path(__file__).resolve().parent.parent
_log = logging.getLogger(__name__)
_mutex = threading.RLock()
_clusters: dict[Path, "Cluster"] = {}


class Cluster:
    """One process's hold on the embedded database, until `release` or its end, however it dies."""

    def __init__(self, data_dir: Path, state: Path, hold: int, socket: str) -> None:
        self.data_dir, self.state, self.hold, self.socket = data_dir, state, hold, socket
        self.released = threading.Event()

    def url(self, database: str = "market") -> str:
        """For psycopg, libpq and SQLAlchemy. The port is named because PGPORT may be set."""
        return f"postgresql://market@/{quote(database, safe='')}?host={quote(self.socket)}&port=5432"

    def release(self) -> None:
        with _mutex:
            if not self.released.is_set():
                self.released.set()
                _clusters.pop(self.data_dir, None)
                os.close(self.hold)


def attach(data_dir: Path) -> Cluster:
    """Share the database of this data folder, which is made and started if need be. One hold per process."""
    data_dir = Path(os.path.realpath(data_dir))
    with _mutex, _refusing(data_dir):
        if data_dir not in _clusters:
            state = lodging.take(data_dir)
            with _starting(state):
                hold = flock.wait(str(state / "users.lock"), flock.SHARED, WAIT)
                if hold is None:
                    raise _slow(state)
                try:
                    cluster = Cluster(data_dir, state, hold, _ensure_server(state))
                except BaseException:
                    os.close(hold)
                    raise
            _clusters[data_dir] = cluster
            threading.Thread(target=_watch_supervisor, args=[cluster], name="embedded", daemon=True).start()
        return _clusters[data_dir]


def ensure_database(cluster: Cluster, name: str) -> bool:
    """Create a database if it is absent; True when it was."""
    known = sql.SQL("SELECT 1 FROM pg_database WHERE datname = {}").format(name)
    with _connect(cluster) as connection:
        if connection.execute(known).fetchone():
            return False
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            return False  # another process was faster
        return True


def _connect(cluster: Cluster) -> psycopg.Connection[tuple[object, ...]]:
    """Through the moments in which a server that crashed comes up again."""
    until = time.monotonic() + 60
    while True:
        try:
            return psycopg.connect(cluster.url("postgres"), autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise _slow(cluster.state) from None
            time.sleep(0.05)


def secret_key(data_dir: Path) -> str:
    """The key of this data folder, made at first use: 32 random bytes, urlsafe, for nobody else to read."""
    data_dir = Path(os.path.realpath(data_dir))
    path = data_dir / "secret.key"
    with _refusing(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            draft = data_dir / f".key-{os.urandom(4).hex()}"
            _write_private(draft, secrets.token_urlsafe(32) + "\n")
            try:
                os.link(draft, path)
            except FileExistsError:
                pass  # another process was faster: its key counts
            except OSError:  # a file system without hard links
                draft.rename(path)
            draft.unlink(missing_ok=True)
            pgdata.sync_folder(data_dir)
        key = path.read_text("ascii").strip()
    if len(key) < 32:
        raise Refusal("embedded.bad_key", path=path)
    return key


def put_key(data_dir: Path, key: str) -> None:
    """Give this data folder the key of the books that were restored into its database."""
    data_dir = Path(os.path.realpath(data_dir))
    with _refusing(data_dir):
        draft = data_dir / f".key-{os.urandom(4).hex()}"
        _write_private(draft, f"{key}\n")
        draft.replace(data_dir / "secret.key")
        pgdata.sync_folder(data_dir)


def remove(data_dir: Path) -> None:
    """Stop the server and delete all of it, the key too; refused while another process uses it."""
    data_dir = Path(os.path.realpath(data_dir))
    with _mutex, _refusing(data_dir):
        if data_dir in _clusters:
            _clusters[data_dir].release()
        state = lodging.find(data_dir)
        if state is not None:
            with _starting(state):
                _wait_until_unused(state)
                place = lodging.furnish(state)
                if (left := postmaster.running(place)) is not None:
                    left.stop()
                with postmaster.no_process_left(place):
                    _delete(state)
        for name in ("id", "secret.key"):
            (data_dir / name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody keeps other things there as well
            data_dir.rmdir()


@contextmanager
def _starting(state: Path) -> Iterator[None]:
    """One starter at a time."""
    held = flock.wait(str(state / "start.lock"), flock.EXCLUSIVE, WAIT)
    if held is None:
        raise _slow(state)
    try:
        yield
    finally:
        os.close(held)


def _ensure_server(state: Path) -> str:
    """The socket folder of a server that accepts connections, under a supervisor. Both locks are held."""
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        if not flock.is_held(str(state / "supervisor.lock")):
            place = lodging.furnish(state)
            pgdata.check(place)
            _launch(place)
        elif (socket := postmaster.accepting(str(state))) is not None:
            return socket
        time.sleep(0.01)
    raise _slow(state)


def _launch(place: Place) -> None:
    """Start a supervisor and, through it, the server; returns when that accepts connections."""
    state, said = Path(place.state), ""
    for _ in range(3):  # it may be killed itself; what it says counts at once
        code, said = _run_supervisor(place)
        if code in (supervisor.DONE, supervisor.BUSY):
            return
        if code == supervisor.FAILED:
            break
    raise Refusal("embedded.not_started", status=503, path=state, log=last_lines(_tail(state) + said))


def _run_supervisor(place: Place) -> tuple[int, str]:
    command = [sys.executable, "-E", "-s", "-S", "-m", supervisor.__name__]
    command += [place.state, place.binaries, str(place.uid), str(place.gid)]
    try:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _slow(Path(place.state)) from None
    return done.returncode, done.stderr


def _watch_supervisor(cluster: Cluster) -> None:
    """In a thread of every user: a supervisor that was killed is replaced, and its server if need be."""
    while not cluster.released.wait(1.0):
        try:
            start = flock.take(str(cluster.state / "start.lock"), flock.EXCLUSIVE)
            if start is None:
                continue  # somebody is already at it
            try:
                gone = not flock.is_held(str(cluster.state / "supervisor.lock"))
                if gone and not cluster.released.is_set():
                    _ensure_server(cluster.state)
            finally:
                os.close(start)
        except FileNotFoundError:
            return  # the data folder was deleted under us: nothing to bring back
        except (Refusal, OSError) as problem:
            _log.warning("the embedded database has no supervisor: %s", problem)


def _wait_until_unused(state: Path) -> None:
    users, since = str(state / "users.lock"), time.monotonic()
    while True:
        if flock.is_held(users, flock.SHARED):
            since = time.monotonic()  # a supervisor stops its server
        elif flock.is_held(users, flock.EXCLUSIVE):
            if time.monotonic() - since > 1.5:
                raise Refusal("embedded.in_use", status=409, path=state)
        elif not flock.is_held(str(state / "supervisor.lock")):
            return
        time.sleep(0.05)


def _delete(state: Path) -> None:
    with suppress(FileNotFoundError):
        socket = (state / "socket").read_text("ascii").strip()
        if socket.startswith("/tmp/market40-"):
            shutil.rmtree(socket, ignore_errors=True)
    if os.geteuid() == 0:
        shutil.rmtree(state)
        return
    for path in (*state.glob("postgres"), *state.glob("postgres.new-*")):
        shutil.rmtree(path)
    for path in (*state.glob("server.log*"), *state.glob("socket*"), *state.glob("*.lock")):
        path.unlink()


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """What the system says no to, said so that somebody can mend it."""
    try:
        yield
    except flock.NoLocksError as problem:
        raise Refusal("embedded.no_locks", path=path, reason=problem.strerror) from problem
    except OSError as problem:
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        code = "embedded.disk_full" if full else "embedded.closed_folder"
        raise Refusal(code, path=problem.filename or path, reason=problem.strerror) from problem


def _write_private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _slow(state: Path) -> Refusal:
    return Refusal("embedded.slow", status=503, path=state, log=last_lines(_tail(state)))


def _tail(state: Path) -> str:
    with suppress(OSError), (state / "server.log").open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
        return file.read().decode("utf-8", "replace")
    return ""


def _forget() -> None:
    """In a forked child: its parent's holds aren't its own, and must end with the parent."""
    global _mutex
    _mutex = threading.RLock()
    for cluster in list(_clusters.values()):
        cluster.release()


os.register_at_fork(after_in_child=_forget)
