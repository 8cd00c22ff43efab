"""A PostgreSQL of a test's own, to be killed, slowed or given a full disk; and a clock that is wrong."""

import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ground import lodging, pgdata
from ground.postmaster import Place

SOURCE = Path(__file__).parent / "faults.c"
START_SECONDS = 60


class Faults:
    """The switches of tests/faults.c for the processes that are given `environment`."""

    def __init__(self) -> None:
        self._folder = _open_folder()
        self._switch = self._folder / "faults"
        self._library = self._folder / "faults.so"
        self._switch.write_bytes(bytes(16))
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler for the faults")
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(SOURCE), "-ldl"]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            pytest.skip(f"the faults can't be built: {built.stderr[:200]}")

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "FAULTS": str(self._switch)}

    def set(self, *, sync_microseconds: int = 0, disk_full: bool = False, clock_seconds: int = 0) -> None:
        """From now on; nothing named is no fault."""
        with self._switch.open("r+b") as file:  # in place: it is mapped
            file.write(struct.pack("iiq", sync_microseconds, int(disk_full), clock_seconds))

    def remove(self) -> None:
        shutil.rmtree(self._folder)


def _open_folder() -> Path:
    """Where the database's account may go, which a test's own folder is not."""
    folder = Path(tempfile.mkdtemp(prefix="m40-", dir="/tmp"))
    folder.chmod(0o711)
    return folder


class OwnPostgres:
    """A server with its files in `folder`, run as the account that an embedded one would run as."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None, **options: str) -> None:
        self._environment = environment or {}
        self._options = options
        self._state = _open_folder()
        self._log = folder / "postgres.log"
        self._place: Place = lodging.furnish(self._state)
        pgdata.check(self._place)
        self.start()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://market@/{database}?host={self._place.pgdata}&port=5432"

    def start(self) -> None:
        uid, gid = self._place.account()
        command = [os.path.join(self._place.binaries, "postgres"), "-D", self._place.pgdata]
        fixed = {"listen_addresses": "", "port": "5432", "unix_socket_directories": self._place.pgdata}
        for name, value in (fixed | self._options).items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self._place.pgdata,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise TimeoutError(self.log())

    def kill(self) -> None:
        """As a machine would that runs out of memory: no word, no flush, its children with it."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log(self) -> str:
        return self._log.read_text("utf-8", errors="replace")

    def remove(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=60)
        shutil.rmtree(self._state)


@contextmanager
def own_postgres(environment: dict[str, str] | None = None, **options: str) -> Iterator[OwnPostgres]:
    with tempfile.TemporaryDirectory(prefix="m40-") as folder:
        server = OwnPostgres(Path(folder), environment, **options)
        try:
            yield server
        finally:
            server.remove()
