"""Commands of bank statements: import a file, fetch from SePay what it missed."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ground import audit, words
from ground.terminal import Format, desk, emit, progress, show_table, user, who
from merchants import account
from payments import backfill, receiving_account, statement
from payments.crew import Crew
from payments.statements import reading
from payments.statements.layout import BANKS
from payments.statements.section import choose

app = typer.Typer(no_args_is_help=True)
statements = typer.Typer(no_args_is_help=True, help="Bank statements.")
app.add_typer(statements, name="statement")

AccountName = Annotated[str, typer.Option("--account", metavar="BIN:NUMBER", help="the account it is of")]
_DAY = ["%Y-%m-%d"]


@statements.command("import")
def import_statement(
    context: typer.Context,
    file: Path,
    account_name: AccountName,
    bank_name: Annotated[str, typer.Option("--bank", help=", ".join(("auto", *BANKS)))] = "auto",
    format: Format = "table",
) -> None:
    """Bring in a bank's statement of one account: all of it or nothing; lines known already are not taken twice."""
    at = desk(context)
    key = account.read(account_name)
    with at.books() as books, Crew(books.vault, key[1]) as crew, progress() as bar:
        task = bar.add_task(file.name, total=None)

        def show_rows(rows: int) -> None:
            bar.update(task, completed=rows)

        told = reading.read(file, bank=bank_name, seen=show_rows, helper=crew.seal_ahead)
        section = choose(told, key[1])
        bar.update(task, completed=0, total=len(section.lines))
        with books.session() as session:
            receiving_account.check_bank(session, key, told.bank)
            account_id = account.take_up(session, [key])[key]
            taken = statement.take_in(
                session,
                books.vault,
                account_id,
                section,
                bank=told.bank,
                by=user(),
                seen=show_rows,
                crew=crew,
            )
            days = {"from": taken.first_day, "to": taken.last_day, "lines": taken.lines, "new": taken.new_lines}
            audit.record(session, who(), "statement.import", None, days, subject=f"account:{account_id}")
            session.commit()
    _show(statement.shown(taken), format)


@statements.command("fetch")
def fetch_statement(
    context: typer.Context,
    account_name: AccountName,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="default: the day after the last one covered")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="default: yesterday")] = None,
    format: Format = "table",
) -> None:
    """Fetch an account's transactions from SePay; days that are complete are kept, so that it can go on any time."""
    at = desk(context)
    key = account.read(account_name)
    with at.books() as books, progress() as bar:
        with books.session() as session:
            chosen = backfill.plan(session, key, first and first.date(), last and last.date())
        task = bar.add_task(key[1], total=chosen.days)

        def say_wait(seconds: float) -> None:
            bar.update(task, description=words.say("fetch.waiting", at.language, seconds=round(seconds)))

        steps = []
        for step in backfill.fetch(books, chosen, by=user(), say_wait=say_wait):
            steps.append(step)
            bar.update(task, description=step.taken.last_day.isoformat(), advance=0 if step.late else step.days)
    _show(backfill.shown(steps), format)


def _show(document: dict[str, Any], format: Format) -> None:
    if format == "json":
        emit(document)
    else:
        shown = {name: cell for name, cell in document.items() if name != "statements"}
        show_table(list(shown), [list(shown.values())], right=range(4, 11))
