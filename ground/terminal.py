"""The command line's own ground: the desk a command works at, JSON out, tables out, a progress bar."""

import getpass
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ground import store
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store

Format = Literal["table", "json"]


class Desk:
    """What every command needs: the settings, the language, and which books to open."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.language = settings.command_language()

    @contextmanager
    def books(self) -> Iterator[Store]:
        opened = store.open_store(self.settings)
        try:
            yield opened
        finally:
            opened.engine.dispose()


def desk(context: typer.Context) -> Desk:
    found = context.find_root().obj
    assert isinstance(found, Desk)
    return found


def user() -> str:
    """Who sits at the operator's command line."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "operator"


def who() -> str:
    """The same as the audit names it."""
    return f"command:{user()}"


def emit(document: Any) -> None:
    """One JSON document on stdout, and nothing else there."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def write_file(out: Path, content: bytes) -> None:
    """The whole file or none: what lay there before stays until the new one is complete."""
    beside = out.parent / f".{out.name}.{os.getpid()}"
    try:
        beside.write_bytes(content)
        beside.replace(out)
    except OSError as error:
        raise Refusal("terminal.no_file", file=out, reason=error.strerror) from error
    finally:
        with suppress(OSError):
            beside.unlink()


def show_table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """A table on stdout; `right` are the columns of numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*["" if cell is None else str(cell) for cell in row])
    # A merchant may be called `[/b]`: cells are texts, not markup.
    Console(width=None if Console().is_terminal else 160, markup=False, emoji=False, highlight=False).print(table)


def progress() -> Progress:
    """A bar on stderr, so that stdout stays the document's."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
