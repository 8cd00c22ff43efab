"""A backup: one file with the database and the key it is read with, restored whole or not at all."""

import hashlib
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile, TemporaryFile, mkstemp
from typing import IO, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ground import clock, wheel
from ground.pgdata import last_lines, sync_folder
from ground.refusal import Refusal

FORMAT = "market40 backup 1"
MANIFEST, DUMP = "manifest.json", "market.dump"
_NOBODYS = ("--no-owner", "--no-privileges")  # the old server's roles need not exist on the new one
_USER_TABLES = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1 LIMIT 1"""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself: when it was made, from which server, at which migration."""

    format: str
    made_at: str
    postgres: str
    revision: str | None
    dump_sha256: str
    dump_bytes: int
    key: str = field(repr=False)


def backup(url: str, key: str, file: Path) -> None:
    """Write the database and its key into `file`, complete or not at all, readable for its owner only."""
    with _refusing(file), _draft(file, ".dump") as dump, _draft(file, ".tar") as draft:
        postgres, revision = _read_versions(url)
        # Level 3 takes a third of the default's time; a minute for locks, so that no migration hangs us for ever.
        options = ("--format=custom", "--compress=gzip:3", "--lock-wait-timeout=60000")
        _run("pg_dump", url, *options, f"--file={dump}")
        with dump.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = dump.stat().st_size
        _pack(draft, Manifest(FORMAT, clock.stamp(clock.now()), postgres, revision, digest, size, key), dump)
        draft.replace(file)
        sync_folder(file.absolute().parent)


def peek(file: Path) -> Manifest:
    """The manifest of a backup, its key included, without restoring it."""
    with _refusing(file), _unpack(file) as (manifest, _):
        return manifest


def restore(url: str, file: Path) -> str:
    """Fill an empty database from a backup in one transaction, and give back the key that was inside."""
    with _refusing(file), _unpack(file) as (manifest, dump):
        _check_dump(file, manifest, dump)
        server = _check_target(url, manifest)
        if server < 17:
            _restore_as_script(url, dump)
        else:
            _run("pg_restore", url, "--single-transaction", "--exit-on-error", *_NOBODYS, feed=dump)
        with _connect(url) as connection:
            connection.execute("ANALYZE")  # without it the first queries would be planned blindly
        return manifest.key


def _read_versions(url: str) -> tuple[str, str | None]:
    """The server's version, and the Alembic revision if there are migrations."""
    with _connect(url) as connection:
        postgres = _value(connection, "SELECT current_setting('server_version')")
        if _value(connection, "SELECT to_regclass('alembic_version')") is None:
            return postgres, None
        return postgres, _value(connection, "SELECT max(version_num) FROM alembic_version")


def _check_dump(file: Path, manifest: Manifest, dump: IO[bytes]) -> None:
    digest, size = hashlib.sha256(), 0
    try:
        while block := dump.read(1 << 20):
            digest.update(block)
            size += len(block)
    except tarfile.TarError:
        raise Refusal("backup.damaged", file=file) from None
    if (digest.hexdigest(), size) != (manifest.dump_sha256, manifest.dump_bytes):
        raise Refusal("backup.damaged", file=file)
    dump.seek(0)


def _check_target(url: str, manifest: Manifest) -> int:
    """The major version of the server: not older than the one dumped, and the database empty."""
    with _connect(url) as connection:
        server = int(_value(connection, "SELECT current_setting('server_version_num')")) // 10_000
        dumped = int(manifest.postgres.split(".")[0])
        if server < dumped:
            raise Refusal("backup.server_too_old", server=server, dump=dumped)
        found = connection.execute(_USER_TABLES).fetchone()
        if found is not None:
            raise Refusal("backup.not_empty", status=409, table=found[0])
    return server


def _restore_as_script(url: str, dump: IO[bytes]) -> None:
    """For servers before 17: they don't know a setting that today's pg_restore begins with."""
    with NamedTemporaryFile("r+b", prefix="market40-", suffix=".sql") as script:
        _run("pg_restore", None, f"--file={script.name}", *_NOBODYS, feed=dump)
        with open(script.name, "r+b") as written:
            start = written.read(1 << 16).find(b"\nSET transaction_timeout")
            if start >= 0:
                written.seek(start + 1)
                written.write(b"-- ")
        once = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
        _run("psql", url, *once, f"--file={script.name}")


def _run(program: str, url: str | None, *options: str, feed: IO[bytes] | None = None) -> None:
    """One of PostgreSQL's programs. The password goes by the environment, where `ps` doesn't show it."""
    command, environment = [str(wheel.bin_dir() / program), *options], {**os.environ, "LC_ALL": "C"}
    if url is not None:
        target = conninfo_to_dict(_libpq(url))
        if password := target.pop("password", None):
            environment["PGPASSWORD"] = str(password)
        command.append(f"--dbname={make_conninfo('', **target)}")
    with TemporaryFile() as said:
        source = subprocess.PIPE if feed else subprocess.DEVNULL
        with subprocess.Popen(command, env=environment, stdin=source, stdout=said, stderr=said) as running:
            try:
                if feed is not None and running.stdin is not None:
                    with suppress(BrokenPipeError):  # it ended early and has said why
                        copyfileobj(feed, running.stdin, 1 << 20)
                    with suppress(BrokenPipeError):
                        running.stdin.close()
                running.wait()
            except BaseException:  # Ctrl-C: nothing of it may go on behind our back
                running.kill()
                raise
        if running.returncode:
            said.seek(0)
            log = last_lines(said.read().decode("utf-8", "replace"))
            raise Refusal("backup.failed", status=503, program=program, log=log)


def _pack(draft: Path, manifest: Manifest, dump: Path) -> None:
    told = asdict(manifest)
    text = json.dumps({**told, "check": _check_sum(told)}, ensure_ascii=False, indent=1).encode()
    with draft.open("wb") as target:
        with tarfile.open(fileobj=target, mode="w") as archive, dump.open("rb") as content:
            _add(archive, MANIFEST, BytesIO(text), len(text))
            _add(archive, DUMP, content, manifest.dump_bytes)
        target.flush()
        os.fsync(target.fileno())


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(clock.now().timestamp())
    archive.addfile(entry, content)


@contextmanager
def _unpack(file: Path) -> Iterator[tuple[Manifest, IO[bytes]]]:
    with ExitStack() as opened:
        source = opened.enter_context(file.open("rb"))
        try:
            archive = opened.enter_context(tarfile.open(fileobj=source, mode="r:"))
            told = json.loads(_member(archive, MANIFEST).read(1 << 20))
            check, made_as = told.pop("check"), told["format"]
            dump = _member(archive, DUMP) if made_as == FORMAT else None
        except (tarfile.TarError, ValueError, LookupError, TypeError, AttributeError):
            raise Refusal("backup.not_a_backup", file=file) from None
        if dump is None:
            raise Refusal("backup.other_format", file=file, format=made_as)
        if check != _check_sum(told):
            raise Refusal("backup.damaged", file=file)
        yield Manifest(**told), dump


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    """The next file in the archive, which has to be this one."""
    entry = archive.next()
    content = archive.extractfile(entry) if entry and entry.name == name else None
    if content is None:
        raise LookupError(name)
    return content


def _check_sum(told: dict[str, Any]) -> str:
    """Over all the manifest says: one flipped bit in the key would make the books unreadable."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


@contextmanager
def _draft(file: Path, suffix: str) -> Iterator[Path]:
    """A file beside the one to be made, closed to others, and gone afterwards unless it was renamed."""
    opened, name = mkstemp(prefix=f".{file.name}-", suffix=suffix, dir=file.absolute().parent)
    os.close(opened)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextmanager
def _refusing(file: Path) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as problem:
        raise Refusal("backup.no_database", status=503, reason=str(problem).strip()) from problem
    except OSError as problem:
        raise Refusal("backup.unusable", file=problem.filename or file, reason=problem.strerror) from problem


def _connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(_libpq(url), autocommit=True, connect_timeout=10)


def _value(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _libpq(url: str) -> str:
    """SQLAlchemy's way of naming the driver is not libpq's."""
    scheme, mark, rest = url.partition("://")
    return scheme.partition("+")[0] + mark + rest
