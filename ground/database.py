"""The database: engine, sessions and the column types that refuse what may not be stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, create_engine
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session


class Moment(TypeDecorator[datetime]):
    """TIMESTAMPTZ that takes aware times only: a naive one is our bug, not somebody's data."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        assert value is None or value.tzinfo is not None, "a naive time may not be stored"
        return value


def connect(url: str, **options: Any) -> Engine:
    """An engine for a libpq URL. Connections are tried before use, so a database that came back is found."""
    driver_url = url.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )
    return create_engine(
        driver_url,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text goes to logs: nobody's account or memo may stand in it
        pool_size=options.pop("pool_size", 10),
        max_overflow=options.pop("max_overflow", 10),
        connect_args={"options": "-c timezone=UTC", "application_name": "market40", "connect_timeout": 10},
        **options,
    )


def session(engine: Engine) -> Session:
    return Session(engine, expire_on_commit=False)
