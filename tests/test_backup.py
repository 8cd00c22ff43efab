"""A backup comes back whole, with its key, into an empty database of the same or a newer server, or not at all."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ground import backup, embedded
from ground.embedded import Cluster
from ground.refusal import Refusal

KEY = "k" * 43
NUMBERS = count()
BOOKS = """
CREATE TABLE alembic_version (version_num text PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0007_books');
CREATE TABLE entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount bigint CHECK (amount > 0), raw bytea);
INSERT INTO entry (amount, raw)
    SELECT n, sha256(n::text::bytea) FROM generate_series(1, 2000) AS n;
INSERT INTO entry (amount, raw) VALUES (20000, '\\x00ff0a5c2e'), (30000, NULL);
CREATE VIEW total AS SELECT sum(amount) AS amount FROM entry;
CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql RETURN n * 2;
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="market40-backup-"))
    yield embedded.attach(folder)
    embedded.remove(folder)


@pytest.fixture
def empty(cluster: Cluster) -> str:
    name = f"empty_{next(NUMBERS)}"
    embedded.ensure_database(cluster, name)
    return cluster.url(name)


@pytest.fixture(scope="module")
def books(cluster: Cluster) -> str:
    embedded.ensure_database(cluster, "books")
    with psycopg.connect(cluster.url("books")) as connection:
        connection.execute(BOOKS)
    return cluster.url("books")


@pytest.fixture(scope="module")
def file(books: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backup") / "chợ.backup"
    backup.backup(books, KEY, file)
    return file


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def is_empty(url: str) -> bool:
    return rows(url, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []


def test_everything_comes_back_with_the_key(books: str, file: Path, empty: str) -> None:
    assert backup.restore(empty, file) == KEY
    for query in (
        "SELECT id, amount, raw FROM entry ORDER BY id",
        "SELECT * FROM total",
        "SELECT twice(21)",
        "SELECT * FROM alembic_version",
    ):
        assert rows(empty, query) == rows(books, query)
    with psycopg.connect(empty) as connection:
        assert connection.execute("INSERT INTO entry (amount) VALUES (1) RETURNING id").fetchone() == (2003,)
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("INSERT INTO entry (amount) VALUES (0)")


def test_the_file_is_closed_to_others_and_alone(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_the_manifest_is_read_without_restoring(file: Path) -> None:
    manifest = backup.peek(file)
    assert manifest.key == KEY and manifest.revision == "0007_books"
    assert manifest.postgres.startswith("18") and manifest.made_at.endswith("Z")
    assert KEY not in repr(manifest)


def test_a_database_without_migrations_has_no_revision(empty: str, tmp_path: Path) -> None:
    backup.backup(empty, KEY, tmp_path / "file")
    assert backup.peek(tmp_path / "file").revision is None


@pytest.mark.parametrize("where", ["key", "dump", "last byte", "cut", "cut to the manifest"])
def test_a_damaged_file_restores_nothing(where: str, file: Path, empty: str, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    end = content.index(b"market.dump") + 512 + backup.peek(file).dump_bytes
    if where == "key":
        content[content.index(KEY.encode())] ^= 1
    elif where == "dump":
        content[len(content) // 2] ^= 1
    elif where == "last byte":
        content[end - 1] ^= 1
    elif where == "cut":
        del content[end - 100 :]
    else:
        del content[content.index(b"market.dump") :]
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    with pytest.raises(Refusal) as refused:
        backup.restore(empty, damaged)
    assert refused.value.code in ("backup.damaged", "backup.not_a_backup")
    assert is_empty(empty)


@pytest.mark.parametrize("content", [b"", b"PGDMP", b"\0" * 4096, os.urandom(4096)])
def test_something_else_is_not_a_backup(content: bytes, empty: str, tmp_path: Path) -> None:
    (tmp_path / "letter").write_bytes(content)
    with pytest.raises(Refusal, match="not a backup"):
        backup.restore(empty, tmp_path / "letter")


def test_a_newer_format_says_so(file: Path, tmp_path: Path) -> None:
    newer = file.read_bytes().replace(b"market40 backup 1", b"market40 backup 2", 1)
    (tmp_path / "newer").write_bytes(newer)
    with pytest.raises(Refusal, match="market40 backup 2"):
        backup.peek(tmp_path / "newer")


def test_only_an_empty_database_is_filled(file: Path, books: str, empty: str) -> None:
    before = rows(books, "SELECT count(*) FROM entry")
    with pytest.raises(Refusal, match=r"has public\.alembic_version"):
        backup.restore(books, file)
    assert rows(books, "SELECT count(*) FROM entry") == before
    with psycopg.connect(empty) as connection:
        connection.execute("CREATE SCHEMA other; CREATE TABLE other.thing ()")
    with pytest.raises(Refusal, match=r"has other\.thing"):
        backup.restore(empty, file)


def test_a_restore_that_fails_half_way_leaves_nothing(file: Path, empty: str) -> None:
    with psycopg.connect(empty) as connection:  # comes after the tables in the dump's order
        connection.execute("CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql RETURN n")
    with pytest.raises(Refusal, match="already exists"):
        backup.restore(empty, file)
    assert is_empty(empty)


def test_a_server_away_and_a_folder_away_are_refused(books: str, file: Path, tmp_path: Path) -> None:
    nowhere = f"postgresql://market@/market?host={tmp_path}"
    for attempt in (lambda: backup.backup(nowhere, KEY, tmp_path / "f"), lambda: backup.restore(nowhere, file)):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.code == "backup.no_database"
    with pytest.raises(Refusal, match="No such file"):
        backup.backup(books, KEY, tmp_path / "away" / "f")
    with pytest.raises(Refusal, match="No such file"):
        backup.peek(tmp_path / "away")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_fails_keeps_the_one_before(books: str, file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copy(file, kept)
    with psycopg.connect(books) as connection:
        connection.execute("CREATE ROLE guest LOGIN; GRANT SELECT ON alembic_version TO guest")
    with pytest.raises(Refusal, match="permission denied for table entry"):
        backup.backup(books.replace("market@", "guest@"), KEY, kept)
    assert kept.read_bytes() == file.read_bytes() and list(tmp_path.iterdir()) == [kept]


@pytest.fixture(scope="module")
def older() -> Iterator[str]:
    """A server of PostgreSQL 13 to 16, where the machine has one: many still run them."""
    found = sorted(Path("/usr/lib/postgresql").glob("1[3456]/bin"))
    if not found or os.geteuid() != 0:
        pytest.skip("no older PostgreSQL here, or no root to run it")
    folder = Path(tempfile.mkdtemp(prefix="m40-old-", dir="/tmp"))
    shutil.chown(folder, "postgres")
    run: dict[str, Any] = {"user": "postgres", "cwd": "/", "check": True, "stdout": subprocess.DEVNULL}
    control = [found[-1] / "pg_ctl", "--pgdata", folder / "files", "--wait", "--silent"]
    subprocess.run([*control, "initdb", "--options=--username=market --auth=trust --no-sync"], **run)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    subprocess.run([*control, "start", f"--options={options}", "--log", folder / "log"], **run)
    yield f"postgresql://market@/postgres?host={folder}"
    subprocess.run([*control, "stop", "--mode=immediate"], **run)
    shutil.rmtree(folder)


def test_an_older_server_gets_its_own_backup_back_but_no_newer_one(older: str, file: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="Restore it on 18 or newer"):
        backup.restore(older, file)
    with psycopg.connect(older, autocommit=True) as connection:
        connection.execute(BOOKS.replace("RETURN n * 2", "AS 'SELECT n * 2'"))
        expected = connection.execute("SELECT * FROM entry").fetchall()
        connection.execute("CREATE DATABASE empty")
    backup.backup(older, KEY, tmp_path / "old")
    target = older.replace("/postgres?", "/empty?")
    assert backup.restore(target, tmp_path / "old") == KEY
    assert rows(target, "SELECT * FROM entry") == expected


def test_the_url_of_an_engine_will_do(books: str, tmp_path: Path) -> None:
    backup.backup(books.replace("postgresql:", "postgresql+psycopg:"), KEY, tmp_path / "file")
    assert backup.peek(tmp_path / "file").revision == "0007_books"
