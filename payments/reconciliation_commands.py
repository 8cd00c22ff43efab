"""Commands of reconciliation: match the statements, list what somebody should look into, and decide it."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import typer

from ground import clock, money
from ground.terminal import Format, desk, emit, progress, show_table, user
from merchants import market, stall
from payments import decision, finding, reconciliation

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
    with desk(context).books() as books, books.session() as session:
        owner = stall.find(session, stall_name, among=decision.candidate_markets(session, id))
        decision.assign(session, id, owner, by=user(), reason=reason)
        session.commit()


@findings.command("undo")
def undo(context: typer.Context, id: int, reason: Annotated[str, typer.Option()]) -> None:
    """Take a decision back: the finding is open again."""
    with desk(context).books() as books, books.session() as session:
        decision.undo(session, id, by=user(), reason=reason)
        session.commit()


@findings.command("close")
def close(context: typer.Context, id: int, reason: Annotated[str, typer.Option()]) -> None:
    """Nothing more is to be done."""
    with desk(context).books() as books, books.session() as session:
        decision.close(session, id, by=user(), reason=reason)
        session.commit()
