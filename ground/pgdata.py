"""The embedded database's data folder: made by initdb at first use, of one major version ever after."""

import os
import shutil
import subprocess
from pathlib import Path

from ground import wheel
from ground.postmaster import Place
from ground.refusal import Refusal


def _eighth_of_memory() -> int:
    """In MB, between 128 and 1,024: what is left is the system's to keep files in, and other programs'."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return min(max(memory // 8, 128), 1024)


# Written into postgresql.conf, where an operator may tune them; fsync and synchronous_commit stay on.
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": f"{_eighth_of_memory()}MB",
    "temp_buffers": "64MB",  # matching works in temporary tables of a hundred thousand rows
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Not /dev/shm: containers keep it tiny, and systemd empties it when the user logs out.
    "dynamic_shared_memory_type": "mmap",
    # Statements and key values may carry what payers wrote: they don't belong into a log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}


def check(place: Place) -> None:
    """The database's files, made at first use, and of the version that these programs read."""
    folder = Path(place.pgdata)
    if not folder.exists():
        _make(place)
    try:
        found = (folder / "PG_VERSION").read_text("ascii").strip()
    except FileNotFoundError:
        raise Refusal("embedded.not_a_database", path=folder) from None
    if found != wheel.major_version():
        raise Refusal("embedded.other_version", path=folder, found=found, wheel=wheel.major_version())


def _make(place: Place) -> None:
    """initdb in a folder beside, then renamed: killed half-way it leaves nothing like a database."""
    state, (uid, gid) = Path(place.state), place.account()
    for leftover in state.glob("postgres.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    draft = state / f"postgres.new-{os.urandom(4).hex()}"
    draft.mkdir(mode=0o700)
    os.chown(draft, place.uid, place.gid)
    command = [os.path.join(place.binaries, "initdb"), "--pgdata", str(draft), "--username=market"]
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += ["--data-checksums", "--auth-local=trust", "--auth-host=reject", "--no-instructions"]
    for name, value in SETTINGS.items():
        command += ["--set", f"{name}={value}"]
    made = subprocess.run(
        command,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        shutil.rmtree(draft, ignore_errors=True)
        raise Refusal("embedded.not_created", path=place.state, log=last_lines(made.stderr))
    draft.rename(place.pgdata)
    sync_folder(state)


def sync_folder(folder: Path) -> None:
    """So that a renamed or linked file is still there after a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


def last_lines(log: str) -> str:
    return "\n".join([line for line in log.splitlines() if line.strip()][-6:])
