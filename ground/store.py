"""The store a process works on: which database, which key, and that they belong together."""

from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import ObjectInUse
from pydantic import SecretStr
from sqlalchemy import BigInteger, Column, Connection, Engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlmodel import Field, Session, SQLModel

from ground import backup, clock, database, embedded
from ground.database import Moment
from ground.refusal import Refusal
from ground.settings import PROJECT, Settings, secret_values
from ground.vault import Vault

MIGRATION_LOCK = 4_000_001  # an advisory lock: two processes never migrate at once


class Installation(SQLModel, table=True):
    """The one row that says whose books these are: the key they were begun with, and whether they are the demo's.

    `registry_version` counts the changes of the registry, so that the poster knows when to look again
    at money that waits for its owner.
    """

    id: int = Field(default=1, primary_key=True)
    created_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    key_fingerprint: str
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


def open_store(settings: Settings, *, migrate: bool | None = None) -> Store:
    """Open the books. The embedded database is migrated on the way; a server's only when asked (`db migrate`)."""
    url = database_url(settings)
    vault = Vault(secret_keys(settings))
    engine = database.connect(url)
    try:
        with engine.connect() as connection:
            if migrate if migrate is not None else settings.database_url is None:
                upgrade(connection)
            elif (have := _known_revision(connection)) != head():
                raise Refusal("store.not_migrated", have=have or "–", want=head())
            _check_key(connection, vault)
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
    if ours and Vault(ours).fingerprint != Vault(secret_values(SecretStr(manifest.key))).fingerprint:
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
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    connection.commit()


def revision(connection: Connection) -> str | None:
    """The migration the database stands at; None when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def _known_revision(connection: Connection) -> str | None:
    """As `revision`; refused when a newer program has migrated the database."""
    have = revision(connection)
    if have is not None and have not in {script.revision for script in _scripts().walk_revisions()}:
        raise Refusal("store.from_the_future", have=have, want=head())
    return have


def head() -> str:
    latest = _scripts().get_current_head()
    assert latest is not None
    return latest


def registry_changed(session: Session) -> None:
    """Say in the same transaction that markets, stalls, accounts or codes are not what they were."""
    session.execute(text("UPDATE installation SET registry_version = registry_version + 1"))


def _check_key(connection: Connection, vault: Vault) -> None:
    connection.execute(
        text(
            "INSERT INTO installation (id, created_at, key_fingerprint) VALUES (1, :now, :key) ON CONFLICT DO NOTHING"
        ),
        {"now": clock.now(), "key": vault.fingerprint},
    )
    begun_with = connection.execute(text("SELECT key_fingerprint FROM installation")).scalar_one()
    connection.commit()
    if begun_with != vault.fingerprint:
        raise Refusal("store.wrong_key")


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


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(PROJECT) / "migrations"))
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
