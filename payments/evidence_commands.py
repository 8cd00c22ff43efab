"""The evidence's commands: what stalls sold for cash, and how customers were seen to pay."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer
from sqlmodel import Session

from ground import audit, money, words
from ground.refusal import Refusal
from ground.store import Store
from ground.terminal import Desk, Format, desk, emit, show_table, user, who
from merchants import market
from merchants.market import Market
from merchants.option import MarketCode
from merchants.roll_cell import show
from payments import cash_report, evidence_file, observation, period, sample_commands
from payments.cash_report import Flag
from payments.intake import Taken
from payments.option import PeriodText

app = typer.Typer(no_args_is_help=True)
cash = typer.Typer(no_args_is_help=True, help="What stalls sold for cash, or in all.")
observations = typer.Typer(no_args_is_help=True, help="How customers paid, counted at the stall.")
app.add_typer(cash, name="cash")
app.add_typer(observations, name="observations")
app.registered_groups += sample_commands.app.registered_groups

COUNTS = ("market", "rows", "added", "changed", "unchanged")


@cash.command("import")
def import_cash(context: typer.Context, file: Path, market_code: MarketCode, format: Format = "table") -> None:
    """Bring in daily totals, declared or booked: all of the file or nothing. What was said before stays recorded."""
    at = desk(context)
    with at.books() as books:
        taken, flagged = _import(at, books, market_code, file, cash_report.take_in, "cash.import", format)
    _show_import(taken, flagged, at, format)


@observations.command("import")
def import_observations(context: typer.Context, file: Path, market_code: MarketCode, format: Format = "table") -> None:
    """Bring in what field helpers counted: all of the file or nothing."""
    at = desk(context)
    with at.books() as books:
        taken, _ = _import(at, books, market_code, file, observation.take_in, "observations.import", format)
    _show_import(taken, [], at, format)


def _import(
    at: Desk, books: Store, code: str, file: Path, take_in: Callable[..., Taken], what: str, format: Format
) -> tuple[Taken, list[Flag]]:
    with books.session() as session:
        found = market.find(session, code)
        try:
            taken = take_in(session, found, file, by=user())
        except Refusal as refusal:
            if format == "json":
                reason = {"row": refusal.params.get("row"), "column": None, "value": None}
                told = {**reason, "reason": refusal.message(at.language)}
                emit(_document(Taken(code, 0), [told], [], at))
            raise
        flagged = _flags(session, found, taken)
        if taken.added or taken.changed:
            counts = {name: getattr(taken, name) for name in COUNTS[1:]}
            audit.record(session, who(), what, None, counts, subject=f"market:{code}")
            session.commit()
    return taken, flagged


def _flags(session: Session, found: Market, taken: Taken) -> list[Flag]:
    """What is odd among the reports just brought in."""
    days = [key[1] for key in taken.keys]
    return cash_report.flags(session, found, min(days), max(days), taken.keys) if days else []


def _document(taken: Taken, errors: Sequence[dict[str, Any]], flagged: Sequence[Flag], at: Desk) -> dict[str, Any]:
    counts = {name: getattr(taken, name) for name in COUNTS}
    unlisted = max(0, len(taken.errors) - len(errors))
    flags = [_flag(each, at.language) for each in flagged]
    return {**counts, "errors": errors, "unlisted_errors": unlisted, "flags": flags}


def _flag(flag: Flag, language: str) -> dict[str, Any]:
    told = flag._asdict()
    numbers = (flag.amount, flag.against)
    if flag.kind != "fewer_than_receipts":
        told |= dict(zip(("amount", "against"), (money.show(each, language) for each in numbers), strict=True))
    reason = words.say(f"evidence.flag.{flag.kind}", language, **{**told, "day": show(flag.day)})
    named = {"kind": flag.kind, "stall": flag.stall, "date": flag.day.isoformat(), "source": flag.source}
    return {**named, "amount": flag.amount, "against": flag.against, "reason": reason}


def _show_import(taken: Taken, flagged: Sequence[Flag], at: Desk, format: Format) -> None:
    errors = evidence_file.shown_errors(taken.errors, at.language)
    if format == "json":
        emit(_document(taken, errors, flagged, at))
    elif not errors:
        show_table(COUNTS, [[getattr(taken, name) for name in COUNTS]], right=range(1, len(COUNTS)))
    for error in errors:
        typer.echo(words.say("registry.row_error", at.language, **error), err=True)
    for flag in flagged:
        typer.echo(_flag(flag, at.language)["reason"], err=True)
    if errors:
        typer.echo(words.say("registry.nothing_imported", at.language, count=len(taken.errors)), err=True)
        raise typer.Exit(1)


@cash.command("flags")
def show_flags(
    context: typer.Context,
    market_code: MarketCode,
    period_text: PeriodText,
    format: Format = "table",
) -> None:
    """The reports of a period that can hardly be: absurdly high, or booked under the day's own receipts."""
    at = desk(context)
    asked = period.parse(period_text)
    with at.books() as books, books.session() as session:
        found = cash_report.flags(session, market.find(session, market_code), asked.first, asked.last)
    rows = [_flag(each, at.language) for each in found]
    if format == "json":
        emit(rows)
    else:
        columns = ["date", "stall", "source", "kind", "amount", "against"]
        show_table(columns, [[row[name] for name in columns] for row in rows], right=(4, 5))
