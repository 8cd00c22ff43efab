"""Where the server on this data folder answers, noted while it runs, so that links printed beside it lead there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ground import flock
from ground.settings import Settings


@contextmanager
def noted(settings: Settings, address: str) -> Iterator[None]:
    """Note it. Of several servers on one folder the first is noted; with nowhere to write, none.

    Where the books are on a server of their own, the folder says nothing about who serves them.
    """
    path, held = _path(settings), None
    if settings.database_url is None:
        with suppress(OSError):
            held = flock.take(str(path), flock.EXCLUSIVE)
    if held is None:
        yield
        return
    os.truncate(held, 0)
    os.write(held, address.encode())
    try:
        yield
    finally:
        os.truncate(held, 0)
        os.close(held)


class Found(NamedTuple):
    """`is_known`: it is set, or the server runs there; otherwise it is what MARKET_BASE_URL would be by default."""

    url: str
    is_known: bool


def find(settings: Settings) -> Found:
    """What links that are printed now should begin with."""
    if "base_url" in settings.model_fields_set:
        return Found(settings.base_url, is_known=True)
    here = _read(settings)
    return Found(here or settings.base_url, is_known=here is not None)


def _read(settings: Settings) -> str | None:
    """The address of the server that runs now; None where none is noted."""
    path = _path(settings)
    try:
        if settings.database_url is not None or not path.exists() or not flock.is_held(str(path)):
            return None
        return path.read_text("utf-8") or None
    except OSError:
        return None


def _path(settings: Settings) -> Path:
    """The demo has books of its own, and a server of its own."""
    return settings.data_dir / ("address-demo" if settings.demo else "address")
