"""Where the embedded database's files live and as whom it runs.

An ordinary user keeps it in the data folder. Root can't: postgres refuses to run as root, and another
account can't enter root's folders unless they are opened up for it, which nobody wants. So root's database
lives in the system's state folder, under an account of its own, and the data folder holds its id.
"""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ground import flock, wheel
from ground.postmaster import Place
from ground.refusal import Refusal

ROOM = Path("/var/lib/market40")
ACCOUNT = "market40"
_SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


def find(data_dir: Path) -> Path | None:
    """The state folder that belongs to a data folder, if there is one."""
    if not data_dir.is_dir():
        return None
    _refuse_strangers(data_dir)
    if os.geteuid() != 0:
        return data_dir
    known = _read_id(data_dir)
    return ROOM / known if known and (ROOM / known).is_dir() else None


def take(data_dir: Path) -> Path:
    """The state folder, made at first use; parents that exist are never changed."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    _refuse_strangers(data_dir)
    if os.geteuid() != 0:
        return data_dir
    known = _read_id(data_dir)
    if known is None:
        with _room_lock():
            known = _read_id(data_dir) or _give_id(data_dir)
    if not (ROOM / known).is_dir():
        raise Refusal("embedded.lost", path=ROOM / known, folder=data_dir)
    return ROOM / known


def furnish(state: Path) -> Place:
    """The account and the programs for a server that is about to start."""
    if os.geteuid() != 0:
        return Place(str(state), str(wheel.bin_dir()), os.geteuid(), os.getegid())
    with _room_lock():
        uid, gid = _account(state)
        return Place(str(state), str(wheel.install(ROOM, uid, gid)), uid, gid)


def _refuse_strangers(data_dir: Path) -> None:
    """One data folder is one account's: files of two owners in it would shut each other out."""
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise Refusal("embedded.closed_folder", path=data_dir, reason="permission denied")
    database = data_dir / "postgres"
    if os.geteuid() == 0 and database.is_dir():
        raise Refusal("embedded.other_account", path=data_dir, account=_name(database.stat().st_uid))
    if os.geteuid() != 0 and _read_id(data_dir):
        raise Refusal("embedded.other_account", path=data_dir, account="root")


def _read_id(data_dir: Path) -> str | None:
    try:
        text = (data_dir / "id").read_text("ascii").strip()
    except FileNotFoundError:
        return None
    if not re.fullmatch(r"[0-9a-f]{16}", text):
        raise Refusal("embedded.bad_id", path=data_dir / "id")
    return text


def _give_id(data_dir: Path) -> str:
    """The folder first, the id that names it afterwards: an id without its folder means lost files."""
    fresh = os.urandom(8).hex()
    (ROOM / fresh).mkdir()
    (ROOM / fresh).chmod(0o711)  # the account passes through to its own closed folder
    (ROOM / fresh / "origin").write_text(f"{data_dir}\n", "utf-8")
    draft = data_dir / f".id-{fresh}"
    draft.write_text(fresh + "\n", "ascii")
    os.replace(draft, data_dir / "id")
    return fresh


@contextmanager
def _room_lock() -> Iterator[None]:
    """Held while root changes what all its databases share: the account and the programs."""
    if not ROOM.is_dir():
        ROOM.mkdir(parents=True, exist_ok=True)
        ROOM.chmod(0o755)
    held = flock.wait(str(ROOM / "room.lock"), flock.EXCLUSIVE, 60)
    if held is None:
        raise Refusal("embedded.slow", status=503, path=ROOM, log="room.lock")
    try:
        yield
    finally:
        os.close(held)


def _account(state: Path) -> tuple[int, int]:
    """The owner of the files that exist, else the system account, made if it is absent."""
    try:
        owner = (state / "postgres").stat()
        if owner.st_uid != 0:
            return owner.st_uid, owner.st_gid
    except FileNotFoundError:
        pass
    entry = _entry() or _make_account()
    if entry.pw_uid == 0:
        raise Refusal("embedded.no_account", account=ACCOUNT, reason=f"{ACCOUNT} has the user id 0")
    return entry.pw_uid, entry.pw_gid


def _entry() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _make_account() -> pwd.struct_passwd:
    nologin = shutil.which("nologin", path=_SBIN) or "/bin/false"
    reason = "useradd, adduser: command not found"
    for command in (
        ["useradd", "--system", "-M", "-d", "/nonexistent", "-s", nologin, ACCOUNT],
        ["adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", nologin, ACCOUNT],  # BusyBox
    ):
        program = shutil.which(command[0], path=_SBIN)
        if program is None:
            continue
        made = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, cwd="/")
        entry = _entry()
        if entry is not None:
            return entry
        reason = made.stderr.strip() or reason
    raise Refusal("embedded.no_account", account=ACCOUNT, reason=reason)
