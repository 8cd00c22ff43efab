"""The store a process works on: which database, which key, and that they belong together."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from psycopg.errors import ObjectInUse
from pydantic import SecretStr
from sqlalchemy import BigInteger, Column, Connection, Engine, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlmodel import Field, Session, SQLModel

from ground import backup, clock, database, embedded
from ground.database import Moment
from ground.refusal import Refusal
from ground.settings import PROJECT, Settings, secret_values
from ground.vault import Vault

MIGRATIONS = Path(PROJECT) / "migrations"
MIGRATION_LOCK = 4_000_001  # an advisory lock: two processes never migrate at once


class Installation(SQLModel, table=True):
    """The one row that says whose books these are: the key they are sealed with, and whether they are the demo's.

    `hash_key`: what hashes are keyed with, sealed; it stays the same when the secret key is rotated.

    `registry_version` counts the changes of the registry, so that the poster knows when to look again
    at money that waits for its owner.
    """

    id: int = Field(default=1, primary_key=True)
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    key_fingerprint: str
    hash_key: bytes | None = None
    registry_version: int = Field(default=0, sa_type=BigInteger)
    demo_day: date | None = None


class Store(NamedTuple):
    engine: Engine
    vault: Vault
    url: str
    settings: Settings

    def session(self) -> Session:
        return database.session(self.engine)


def database_url(settings: Settings) -> str:
    """The database's URL: the server's, or the embedded one's, which is started if need be.

    The demo has a database of its own beside the usual one, made if it is absent.
    """
    if settings.database_url is not None:
        url = _server_url(settings.database_url.get_secret_value())
        return _sibling(url, "demo") if settings.demo else url
    cluster = embedded.attach(settings.data_dir)
    name = "demo" if settings.demo else "market"
    embedded.ensure_database(cluster, name)
    return cluster.url(name)


def _server_url(text_: str) -> str:
    """As libpq writes it, whatever driver was named; refused when it is no PostgreSQL's."""
    try:
        url = make_url(text_)
    except ArgumentError:
        raise Refusal("store.bad_url") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise Refusal("store.bad_url")
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def secret_text(settings: Settings) -> str:
    """The secret key as it is set, or as it was generated beside the embedded database."""
    if secret_values(settings.secret_key):
        assert settings.secret_key is not None
        return settings.secret_key.get_secret_value()
    if settings.database_url is not None:
        raise Refusal("store.key_required")
    return embedded.secret_key(settings.data_dir)


def secret_keys(settings: Settings) -> list[bytes]:
    return secret_values(SecretStr(secret_text(settings)))


@contextmanager
def new_key(settings: Settings) -> Iterator[None]:
    """Around a change of the key: one generated beside the embedded database gets a successor, and goes at the end.

    A key that was set is its owner's to change. Refused (409) while another process works with the old one.
    """
    generated = settings.database_url is None and not secret_values(settings.secret_key) and not settings.demo
    if generated:
        keys = embedded.secret_key(settings.data_dir).split(",")
        _refuse_company(settings)
        if len(keys) == 1:
            embedded.put_key(settings.data_dir, f"{secrets.token_urlsafe(32)},{keys[0]}")
    yield
    if generated:
        embedded.put_key(settings.data_dir, embedded.secret_key(settings.data_dir).split(",")[0])


_COMPANY = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'market40%' AND pid <> pg_backend_pid()
""")


def _refuse_company(settings: Settings) -> None:
    engine = database.connect(database_url(settings))
    with engine.connect() as connection:
        others = connection.execute(_COMPANY).scalar_one()
    engine.dispose()
    if others:
        raise Refusal("rekey.in_use", status=409)


def open_store(settings: Settings, *, migrate: bool | None = None) -> Store:
    """Open the books. The embedded database is migrated on the way; a server's only when asked (`db migrate`)."""
    url = database_url(settings)
    keys = secret_keys(settings)
    engine = database.connect(url)
    try:
        with engine.connect() as connection:
            if migrate if migrate is not None else settings.database_url is None:
                upgrade(connection)
            elif (have := _known_revision(connection)) != head():
                raise Refusal("store.not_migrated", have=have or "–", want=head())
            vault = _unlock(connection, keys)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, vault, url, settings)


def restore(settings: Settings, file: Path) -> None:
    """Bring a backup's books into an empty database. Beside the embedded one, its key comes along.

    Refused where MARKET_SECRET_KEY is set and is not the backup's: its books could not be read with it.
    """
    manifest = backup.peek(file)
    ours = secret_values(settings.secret_key)
    if settings.database_url is not None and not ours:
        raise Refusal("store.key_required")
    theirs = Vault(secret_values(SecretStr(manifest.key))).fingerprints
    if ours and not set(Vault(ours).fingerprints) & set(theirs):
        raise Refusal("store.restored_with_another_key", file=file)
    backup.restore(database_url(settings), file)
    if not ours:
        embedded.put_key(settings.data_dir, manifest.key)


def recreate(settings: Settings) -> Store:
    """Throw the demo's books away and open new ones. Refused (409) while anybody is connected to them."""
    assert settings.demo, "only the demo's books may be thrown away"
    name = make_url(database_url(settings)).database
    engine = database.connect(_maintenance_url(settings), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}"'))
    except OperationalError as error:
        if isinstance(error.orig, ObjectInUse):
            raise Refusal("demo.in_use", status=409, name=name) from error
        raise
    finally:
        engine.dispose()
    return open_store(settings, migrate=True)


def _maintenance_url(settings: Settings) -> str:
    """A database beside the demo's, from which that can be dropped."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return embedded.attach(settings.data_dir).url("postgres")


def upgrade(connection: Connection) -> None:
    """Apply the pending migrations in one transaction, one process at a time."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    if _known_revision(connection) != head():
        _migrate(connection)
    connection.commit()


def _migrate(connection: Connection) -> None:
    from alembic import command  # takes longer to read in than the rest of the store, and is seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def revision(connection: Connection) -> str | None:
    """The migration the database stands at; None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _known_revision(connection: Connection) -> str | None:
    """As `revision`; refused when a newer program has migrated the database."""
    have = revision(connection)
    if have is not None and have not in _revisions():
        raise Refusal("store.from_the_future", have=have, want=head())
    return have


def head() -> str:
    """This program's own revision."""
    return _revisions()[-1]


@cache
def _revisions() -> list[str]:
    """By the numbers that the migrations' files begin with."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def registry_changed(session: Session) -> None:
    """Say in the same transaction that markets, stalls, accounts or codes are not what they were."""
    session.execute(text("UPDATE installation SET registry_version = registry_version + 1"))


_BEGIN = text("""
    INSERT INTO installation (id, created_at, key_fingerprint) VALUES (1, :now, :key) ON CONFLICT DO NOTHING
""")
_KEYS = text("SELECT key_fingerprint, hash_key FROM installation")
_TAKE_HASH_KEY = text("UPDATE installation SET hash_key = :hash WHERE hash_key IS NULL")


def _unlock(connection: Connection, keys: list[bytes]) -> Vault:
    """The vault of these books. Refused: none of our keys is the one they are sealed with."""
    vault = Vault(keys)
    connection.execute(_BEGIN, {"now": clock.now(), "key": vault.fingerprint})
    row = connection.execute(_KEYS).one()
    if row.key_fingerprint not in vault.fingerprints:
        raise Refusal("store.wrong_key")
    if row.hash_key is None:  # new books, or from before they had a key of their own for hashes
        begun_with = Vault([keys[vault.fingerprints.index(row.key_fingerprint)]])
        connection.execute(_TAKE_HASH_KEY, {"hash": begun_with.seal(begun_with.hash_key)})
        row = connection.execute(_KEYS).one()
    connection.commit()
    return vault.hashing_with(vault.unseal(row.hash_key))


def _sibling(url: str, name: str) -> str:
    """Another database on the same server, made if it is absent: `market` → `market_demo`."""
    parsed = make_url(url)
    wanted = f"{parsed.database}_{name}"
    engine = database.connect(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if connection.execute(known, {"name": wanted}).first() is None:
            connection.execute(text(f'CREATE DATABASE "{wanted}"'))
    engine.dispose()
    return parsed.set(database=wanted).render_as_string(hide_password=False)
