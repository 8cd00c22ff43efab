"""The store: the right database, at the right revision, with the key it was begun with, or a clear refusal."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session

from ground import database, store, words
from ground.embedded import Cluster
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from ground.vault import Vault
from payments import verify
from tests.shell import run
from tests.world import Street, keep, post, told

_NUMBER = itertools.count()
KEY = "k" * 43


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[Settings]:
    """Settings that name a server's database with nothing in it."""
    name = f"empty_store_{next(_NUMBER)}"
    admin = database.connect(cluster.url("postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield Settings(database_url=SecretStr(cluster.url(name)), secret_key=SecretStr(KEY))
        for made in (name, f"{name}_demo"):
            connection.execute(text(f"DROP DATABASE IF EXISTS {made} WITH (FORCE)"))
    admin.dispose()


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        call()
    assert all(caught.value.message(language) for language in words.LANGUAGES)
    return caught.value.code


def opened(settings: Settings, *, migrate: bool | None = None) -> str:
    """What books that can be opened make of a text: always the same, whatever key they are sealed with."""
    found = store.open_store(settings, migrate=migrate)
    found.engine.dispose()
    return found.vault.hash("the same text").hex()


def with_key(settings: Settings, key: str) -> Settings:
    return settings.model_copy(update={"secret_key": SecretStr(key)})


def execute(settings: Settings, statement: str) -> None:
    assert settings.database_url is not None
    engine = database.connect(settings.database_url.get_secret_value())
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


# --- revisions


def test_a_servers_database_is_migrated_only_when_asked(empty: Settings) -> None:
    assert refused(lambda: opened(empty)) == "store.not_migrated"
    assert run(empty, "market", "list").code == 1
    assert "db migrate" in run(empty, "market", "list").err
    done = run(empty, "db", "migrate")
    assert (done.code, done.out, done.err) == (0, f"{store.head()}\n", "")
    assert run(empty, "db", "migrate").code == 0
    assert run(empty, "market", "list", "--format", "json").document == []


def test_a_database_from_the_future_is_refused(empty: Settings) -> None:
    opened(empty, migrate=True)
    execute(empty, "UPDATE alembic_version SET version_num = '9999'")
    assert refused(lambda: opened(empty, migrate=True)) == "store.from_the_future"
    for words_ in (("db", "migrate"), ("verify",), ("market", "list")):
        done = run(empty, *words_)
        assert (done.code, done.out) == (1, "")
        assert "9999" in done.err
    execute(empty, f"UPDATE alembic_version SET version_num = '{store.head()}'")
    opened(empty)


# --- keys


def test_a_database_on_a_server_needs_a_key(empty: Settings) -> None:
    for key in ("", " ", ","):
        assert refused(lambda key=key: opened(with_key(empty, key), migrate=True)) == "store.key_required"
    assert refused(lambda: opened(empty.model_copy(update={"secret_key": None}))) == "store.key_required"


def test_another_key_is_refused(empty: Settings) -> None:
    opened(empty, migrate=True)
    assert refused(lambda: opened(with_key(empty, "another"))) == "store.wrong_key"
    done = run(empty, "market", "list", MARKET_SECRET_KEY="another")
    assert (done.code, done.out) == (1, "")
    assert "not the one these books were begun with" in done.err
    assert "another" not in done.err


def test_keys_are_rotated_with_the_old_one_behind_the_new(empty: Settings) -> None:
    begun = opened(empty, migrate=True)
    assert opened(with_key(empty, f"new,{KEY}")) == begun
    assert opened(with_key(empty, f" new , {KEY} ")) == begun
    assert refused(lambda: opened(with_key(empty, "new"))) == "store.wrong_key"
    assert refused(lambda: opened(with_key(empty, "new,newer"))) == "store.wrong_key"
    assert opened(empty) == begun


def test_books_from_before_they_kept_a_key_for_hashes_get_the_one_they_hashed_with(empty: Settings) -> None:
    store.open_store(empty, migrate=True).engine.dispose()
    engine = database.connect(store.database_url(empty))
    with engine.begin() as connection:
        connection.execute(text("UPDATE installation SET hash_key = NULL"))
    engine.dispose()
    assert opened(with_key(empty, f"new,{KEY}")) == Vault([KEY.encode()]).hash("the same text").hex() == opened(empty)


# --- the demo's own


def test_the_demo_has_a_database_of_its_own(empty: Settings) -> None:
    opened(empty, migrate=True)
    demo = empty.model_copy(update={"demo": True})
    opened(demo, migrate=True)
    execute(empty, "UPDATE installation SET registry_version = 7")
    for settings, version in ((empty, 7), (demo, 0)):
        found = store.open_store(settings)
        with found.engine.connect() as connection:
            assert connection.execute(text("SELECT registry_version FROM installation")).scalar_one() == version
        found.engine.dispose()


# --- backup and restore


@pytest.fixture
def saved(books: Store, street: Street, test_settings: Settings, tmp_path: Path) -> Path:
    """A backup of a street with three payments."""
    keep(books, [told(1), told(2, account="1000003"), told(3, account="555", memo="mua rau")])
    post(books)
    file = tmp_path / "chợ.backup"
    done = run(test_settings, "backup", file)
    assert (done.code, done.err) == (0, "")
    assert str(file) in done.out
    return file


def test_a_backup_comes_back_with_everything_proven(
    saved: Path, empty: Settings, test_settings: Settings, books: Store
) -> None:
    key = store.secret_text(test_settings)
    into = with_key(empty, key)
    done = run(into, "restore", saved)
    assert (done.code, done.err) == (0, "")
    restored = store.open_store(into)
    assert verify.verify(restored) == verify.verify(books)
    assert verify.verify(restored).ok
    with restored.session() as session:
        assert memos(session, restored) == ["", "", "mua rau"]
    restored.engine.dispose()
    assert run(into, "verify").code == 0
    again = run(into, "replay", "--all")
    assert again.code == 0 and "new 0" in again.out


def memos(session: Session, found: Store) -> list[str]:
    """The memos, unsealed with the restored key."""
    sealed = session.execute(text("SELECT memo FROM notice ORDER BY external_id")).scalars()
    return [found.vault.unseal(memo).decode() if memo else "" for memo in sealed]


def test_a_backup_is_not_restored_over_books(saved: Path, test_settings: Settings) -> None:
    before = run(test_settings, "market", "list").out
    done = run(test_settings, "restore", saved)
    assert (done.code, done.out) == (1, "")
    assert "not empty" in done.err
    assert run(test_settings, "market", "list").out == before


def test_a_backup_is_not_restored_under_another_key(saved: Path, empty: Settings) -> None:
    done = run(empty, "restore", saved)
    assert (done.code, done.out) == (1, "") and done.err
    assert refused(lambda: opened(empty)) == "store.not_migrated", "something was restored"


def test_what_is_no_backup_is_refused(empty: Settings, tmp_path: Path) -> None:
    file = tmp_path / "roll.csv"
    file.write_text("Số sạp;Chủ hộ\n", "utf-8")
    for name in (file, tmp_path / "gone.backup", tmp_path):
        done = run(empty, "restore", name)
        assert (done.code, done.out) == (1, "") and done.err
        assert "Traceback" not in done.err
    assert run(empty, "backup", tmp_path / "no folder" / "x.backup").code == 1


@pytest.mark.parametrize("driver", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_the_servers_url_may_name_a_driver(test_settings: Settings, driver: str) -> None:
    """The door's own connection and the pages' are made from the same URL."""
    assert test_settings.database_url is not None
    url = test_settings.database_url.get_secret_value().replace("postgresql", driver, 1)
    opened = store.open_store(test_settings.model_copy(update={"database_url": SecretStr(url)}))
    opened.engine.dispose()
    with psycopg.connect(opened.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("url", ["mysql://x/y", "host=localhost dbname=market", "postgresql", "sqlite://"])
def test_another_kind_of_url_is_refused(test_settings: Settings, url: str) -> None:
    with pytest.raises(Refusal) as refused:
        store.open_store(test_settings.model_copy(update={"database_url": SecretStr(url)}))
    assert refused.value.code == "store.bad_url"
