"""The embedded database is shared by all processes, ends with the last one, and heals after every kill."""
# ruff: noqa: F811 - pytest finds fixtures by the names of arguments

import os
import signal
import subprocess
import time
from contextlib import closing

import psycopg
import pytest

from ground import embedded, postmaster
from ground.refusal import Refusal
from tests.person import (  # noqa: F401 - fixtures
    Person,
    answers,
    ask,
    comes_true,
    is_down,
    leave,
    me,
    person,
    server_pid,
    supervisor_pid,
    user,
)

VISIT = """
import sys
from pathlib import Path
from ground import embedded, postmaster
cluster = embedded.attach(Path(sys.argv[1]))
made = embedded.ensure_database(cluster, "market")
print(made, postmaster.read_note(str(cluster.state)).pid, flush=True)
"""
FORK = """
import os, time, warnings
warnings.simplefilter("ignore")
if os.fork() == 0:
    os.close(1)
    time.sleep(20)
    os._exit(0)
"""


def test_all_processes_share_one_server_and_the_last_one_ends_it(person: Person) -> None:
    with person.using() as (first, url), person.using() as (second, same):
        started = server_pid(person.state)
        assert url == same and ask(url) == 1
        leave(first)
        time.sleep(0.5)
        assert ask(url) == 1 and server_pid(person.state) == started
        leave(second)
        assert comes_true(lambda: is_down(person.state))
        with pytest.raises(ProcessLookupError):
            os.kill(started, 0)


def test_a_killed_user_leaves_no_server_and_the_next_one_finds_the_rows(person: Person) -> None:
    with person.using() as (process, url):
        ask(url, "CREATE TABLE kept AS SELECT 7 AS n")
        leave(process, signal.SIGKILL)
        assert comes_true(lambda: is_down(person.state))
    with person.using() as (_, url):
        assert ask(url, "SELECT n FROM kept") == 7


def test_the_next_one_takes_over_when_user_and_supervisor_were_killed(person: Person) -> None:
    with person.using() as (first, url):
        orphan = server_pid(person.state)
        os.kill(supervisor_pid(person.state), signal.SIGKILL)
        leave(first, signal.SIGKILL)
    with person.using() as (second, url):
        assert ask(url) == 1 and server_pid(person.state) == orphan
        leave(second)
    assert comes_true(lambda: is_down(person.state))


def test_nothing_is_left_to_mend_when_all_were_killed_at_once(person: Person) -> None:
    with person.using() as (process, url):
        os.kill(supervisor_pid(person.state), signal.SIGKILL)
        os.kill(server_pid(person.state), signal.SIGKILL)
        leave(process, signal.SIGKILL)
    with person.using() as (_, url):
        assert ask(url) == 1


def test_a_killed_server_is_started_again_though_a_query_outlives_it(person: Person) -> None:
    with person.using() as (_, url), closing(psycopg.connect(url)) as busy:
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
        time.sleep(0.1)
        os.kill(server_pid(person.state), signal.SIGKILL)
        assert comes_true(lambda: answers(url))


def test_a_killed_supervisor_is_replaced_by_the_users(me: Person) -> None:
    with me.using() as (process, url):
        first = supervisor_pid(me.state)
        os.kill(first, signal.SIGKILL)
        assert comes_true(lambda: supervisor_pid(me.state) not in (0, first))
        assert ask(url) == 1
        leave(process)
        assert comes_true(lambda: is_down(me.state))


def test_a_supervisor_does_not_leave_its_users_when_it_is_asked_to(me: Person) -> None:
    with me.using() as (_, url):
        supervisor = supervisor_pid(me.state)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(supervisor, number)
        time.sleep(0.5)
        assert supervisor_pid(me.state) == supervisor and ask(url) == 1


def test_a_server_that_lost_its_socket_is_started_again(me: Person) -> None:
    with me.using() as (_, url):
        (me.state / "postgres" / postmaster.SOCKET).unlink()
        assert comes_true(lambda: answers(url))


def test_five_processes_at_once_start_one_server(me: Person) -> None:
    data_dir = me.home / "fresh"
    started = [me.start(VISIT + "sys.stdin.readline()", data_dir) for _ in range(5)]
    told = [process.stdout.readline().split() for process in started if process.stdout]
    for process in started:
        process.communicate("\n")
    assert [process.returncode for process in started] == [0] * 5
    assert len({pid for _, pid in told}) == 1
    assert sorted(made for made, _ in told) == ["False"] * 4 + ["True"]
    embedded.remove(data_dir)


@pytest.mark.slow
def test_whoever_comes_while_the_last_one_leaves_is_served(me: Person) -> None:
    for pause in (0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.18, 0.21):
        me.run(VISIT, me.data_dir)
        time.sleep(pause)
    with me.using() as (_, url):
        assert ask(url) == 1


@pytest.mark.slow
def test_kills_at_random_moments_of_a_first_start_are_mended(me: Person) -> None:
    data_dir = me.home / "unlucky"
    for pause in (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        process = me.start(VISIT, data_dir)
        time.sleep(pause)
        leave(process, signal.SIGKILL)
    with me.using(data_dir) as (_, url):
        assert ask(url) == 1
    embedded.remove(data_dir)


def test_a_stale_pid_file_that_names_another_process_is_no_obstacle(person: Person) -> None:
    pgdata = person.state / "postgres"
    with person.using() as (process, _):
        left = (pgdata / "postmaster.pid").read_text()
        leave(process)
        assert comes_true(lambda: is_down(person.state))
    owner = pgdata.stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    try:
        for name in ("postmaster.pid", postmaster.SOCKET + ".lock"):
            (pgdata / name).write_text(left.replace(left.split()[0], str(stranger.pid), 1))
            os.chown(pgdata / name, owner, -1)
        with person.using() as (_, url):
            assert ask(url) == 1 and server_pid(person.state) != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_forked_child_does_not_keep_the_server_up(me: Person) -> None:
    me.run(VISIT + FORK, me.data_dir)
    assert comes_true(lambda: is_down(me.state))


def test_attaching_twice_in_a_process_is_one_hold(me: Person) -> None:
    cluster = embedded.attach(me.data_dir)
    try:
        assert embedded.attach(me.home / "." / "data") is cluster
        assert embedded.ensure_database(cluster, 'Chợ "thử"')
        assert not embedded.ensure_database(cluster, 'Chợ "thử"')
        assert ask(cluster.url('Chợ "thử"'), "SELECT current_database()") == 'Chợ "thử"'
    finally:
        cluster.release()
    cluster.release()
    assert comes_true(lambda: is_down(cluster.state))


def test_the_server_is_set_up_as_promised(me: Person) -> None:
    wanted = {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "jit": "off",
        "max_connections": "200",
    }
    with me.using() as (_, url):
        assert {name: ask(url, f"SELECT current_setting('{name}')") for name in wanted} == wanted
        assert ask(url, "SELECT upper('chợ') = 'CHỢ' AND 'Z' < 'a'") is True


def test_a_start_that_fails_says_why_and_the_next_one_works(me: Person) -> None:
    with me.using() as (process, _):
        leave(process)
        assert comes_true(lambda: is_down(me.state))
    settings = me.state / "postgres" / "postgresql.conf"
    good = settings.read_text()
    settings.write_text(good + "\nshared_buffers = much\n")
    with pytest.raises(Refusal) as refused:
        embedded.attach(me.data_dir)
    assert refused.value.code == "embedded.not_started" and "shared_buffers" in str(refused.value)
    settings.write_text(good)
    with me.using() as (_, url):
        assert ask(url) == 1
