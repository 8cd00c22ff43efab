"""The seal's command: figures that no longer change, and what moved since the last revision."""

from collections.abc import Sequence
from typing import Any

import typer

from ground import words
from ground.terminal import Format, desk, emit, show_table, who
from payments import restatement, seal
from payments.option import AreaKey, PeriodText
from payments.restatement import Change
from payments.seal import Sealed

app = typer.Typer(no_args_is_help=True)


@app.command("seal")
def seal_rates(context: typer.Context, area_key: AreaKey, period_text: PeriodText, format: Format = "table") -> None:
    """Seal the figures of an area and a finished period; once more after late facts: that is the next revision."""
    at = desk(context)
    with at.books() as books:
        done = seal.seal(books, area_key, period_text, by=who())
    if format == "json":
        emit(_document(done))
    else:
        _show(done, area_key, at.language)
    if not done.is_new:
        typer.echo(words.say("seal.nothing_changed", at.language, revision=done.revision), err=True)


def _document(done: Sealed) -> dict[str, Any]:
    parts = [{"area": key, "changes": _changes(several)} for key, several in done.parts.items()]
    stated = {"revision": done.revision, "sha256": done.sha256, "previous": done.previous, "new": done.is_new}
    return stated | {"changes": _changes(done.changes), "parts": parts}


def _changes(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """The operator's own command line: unsuppressed."""
    return [
        {
            "indicator": each.indicator,
            "was": each.was,
            "is": each.now,
            "why": ", ".join(each.why),
            "differs": list(each.differs),
        }
        for each in changes
    ]


def _show(done: Sealed, area_key: str, language: str) -> None:
    typer.echo(words.say("seal.sealed", language, revision=done.revision, sha256=done.sha256))
    rows = [
        [
            key,
            words.say(f"indicator.{each.indicator}", language),
            _number(each.was),
            _now(each),
            restatement.say(each.why, language),
        ]
        for key, several in {area_key: done.changes, **done.parts}.items()
        for each in several
    ]
    if rows:
        headings = [words.say(f"seal.{name}", language) for name in ("area", "indicator", "was", "is", "why")]
        show_table(headings, rows, right=(2, 3))


def _now(change: Change) -> str:
    """Where the value stayed as it was, in which of its fields the figure says something else."""
    if change.was == change.now:
        return f"{_number(change.now)} ({', '.join(change.differs)})"
    return _number(change.now)


def _number(value: float | int | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4%}" if isinstance(value, float) else str(value)
