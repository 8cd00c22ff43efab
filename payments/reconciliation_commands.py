"""Commands of reconciliation: match the statements, list what somebody should look into, and decide it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ground import clock, money, words
from ground.terminal import Desk, Format, desk, emit, progress, show_table, who, write_file
from merchants import market
from payments import decision_sheet, finding, reconciliation, wish
from payments.wish import Wish

app = typer.Typer(no_args_is_help=True)
findings = typer.Typer(invoke_without_command=True, help="What somebody should look into.")
app.add_typer(findings, name="findings")


@app.command("reconcile")
def reconcile_books(
    context: typer.Context,
    through: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the last business day taken; default yesterday")
    ] = None,
    format: Format = "table",
) -> None:
    """Match the statements' lines with the notices, and bring the books to what the bank says."""
    day = clock.today() - timedelta(days=1) if through is None else through.date()
    with desk(context).books() as books, progress() as bar:
        done = reconciliation.reconcile(books, day, lambda portions: bar.track(portions, description=day.isoformat()))
    document = done._asdict()
    if format == "json":
        emit(document)
    else:
        show_table(list(document), [list(document.values())], right=range(5))


@findings.callback()
def list_findings(
    context: typer.Context,
    market_code: Annotated[str | None, typer.Option("--market")] = None,
    status: Literal["open", "assigned", "closed", "resolved"] | None = None,
    format: Format = "table",
) -> None:
    """List what somebody should look into."""
    if context.invoked_subcommand is not None:
        return
    at = desk(context)
    with at.books() as books, books.session() as session:
        if market_code is not None:
            market.find(session, market_code)
        rows = finding.every(session, market=market_code, status=status, language=at.language)
    if format == "json":
        emit(rows)
        return
    columns = ["id", "kind", "business_date", "amount", "market", "stall", "external_id", "status", "detail"]
    show_table(columns, [[_cell(row, name, at.language) for name in columns] for row in rows], right=(3,))


def _cell(row: dict[str, Any], name: str, language: str) -> Any:
    return money.show(row[name], language) if name == "amount" else row[name]


@findings.command("assign")
def assign(
    context: typer.Context,
    id: int,
    stall_name: Annotated[str, typer.Option("--stall", help="NUMBER or MARKET/NUMBER")],
    reason: Annotated[str, typer.Option()],
) -> None:
    """Give the payment to a stall."""
    _grant(desk(context), Wish(id, "assign", stall_name, reason))


@findings.command("undo")
def undo(context: typer.Context, id: int, reason: Annotated[str, typer.Option()]) -> None:
    """Take a decision back: the finding is open again."""
    _grant(desk(context), Wish(id, "undo", "", reason))


@findings.command("export")
def export(
    context: typer.Context,
    file: Path,
    market_code: Annotated[str | None, typer.Option("--market", help="as its board may see it; absent: all")] = None,
) -> None:
    """Write the open findings as an Excel file whose last columns are to be filled in."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = market.find(session, market_code) if market_code else None
        sheet = decision_sheet.write(session, found, at.language)
    write_file(file, sheet)
    typer.echo(str(file))


@findings.command("import")
def take_in(
    context: typer.Context, file: Path, market_code: Annotated[str | None, typer.Option("--market")] = None
) -> None:
    """Take the filled-in file in: rows that can't be carried out are named, the others are done. Exit 1 if any."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = market.find(session, market_code) if market_code else None
        taken = decision_sheet.take_in(session, file, found, by=who())
        session.commit()
    typer.echo(words.say("worklist.taken", at.language, **taken._asdict()))
    for fault in taken.faults:
        typer.echo(
            words.say("worklist.fault", at.language, row=fault.row, reason=fault.refusal.message(at.language)), err=True
        )
    if taken.faults:
        raise typer.Exit(1)


@findings.command("close")
def close(context: typer.Context, id: int, reason: Annotated[str, typer.Option()]) -> None:
    """Nothing more is to be done."""
    _grant(desk(context), Wish(id, "close", "", reason))


def _grant(at: Desk, wished: Wish) -> None:
    with at.books() as books, books.session() as session:
        wish.grant(session, wished, None, by=who())
        session.commit()
