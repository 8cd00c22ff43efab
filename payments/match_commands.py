"""The command of matches: why a payment was paired with that line of the statement."""

from typing import Annotated, Any

import typer

from ground import money
from ground.terminal import Format, desk, emit, show_table
from payments import match_reason

app = typer.Typer(no_args_is_help=True)
one = typer.Typer(no_args_is_help=True, help="Which notice is which line of a statement, and why.")
app.add_typer(one, name="match")
_COLUMNS = ["provider", "external_id", "told_at", "told", "account", "stated_on", "stated", "why", "undone_at"]


@one.callback()
def match() -> None:
    """Which notice is which line of a statement, and why."""


@one.command("show")
def show_match(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PAYMENT", help="the provider's number, or the bank's reference")],
    format: Format = "table",
) -> None:
    """Tell by which rule a payment was paired with a line, then and now; or that it is not."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        rows = match_reason.of_payment(session, name, at.language)
    if format == "json":
        emit(rows)
    else:
        show_table(_COLUMNS, [[_cell(row, column, at.language) for column in _COLUMNS] for row in rows], right=(3, 6))


def _cell(row: dict[str, Any], name: str, language: str) -> str:
    if row[name] is None:
        return "–"
    return money.show(row[name], language) if name in ("told", "stated") else str(row[name])
