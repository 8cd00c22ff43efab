"""The registry's commands: market, roll, codes."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from sqlmodel import Session

from ground import audit, clock, words
from ground.refusal import Refusal
from ground.terminal import Desk, Format, desk, emit, show_table, who
from merchants import code, genuine, market, placard_commands, place, qr_image, roll
from merchants.genuine import Verdict
from merchants.option import Day, MarketCode, day
from merchants.roll import Imported

app = typer.Typer(no_args_is_help=True)
markets = typer.Typer(no_args_is_help=True, help="Markets and the wards they stand in.")
rolls = typer.Typer(no_args_is_help=True, help="The board's list of stalls.")
codes = typer.Typer(no_args_is_help=True, help="The stalls' VietQR codes.")
app.add_typer(markets, name="market")
app.add_typer(rolls, name="roll")
app.add_typer(codes, name="codes")
app.registered_commands += placard_commands.app.registered_commands
app.registered_groups += placard_commands.app.registered_groups


@markets.command("add")
def add(
    context: typer.Context,
    code: str,
    name: Annotated[str, typer.Option()],
    ward: Annotated[str, typer.Option(help="a ward's code valid on that date")],
    kind: Literal["market", "street"] = "market",
    since: Day = None,
) -> None:
    """Take a market into the books."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        added = market.add(session, code, name, ward, kind=kind, since=since)
        told = {"name": added.name, "ward": ward, "kind": kind, "since": added.since}
        audit.record(session, who(), "market.add", None, told, subject=f"market:{code}")
        session.commit()
        typer.echo(f"market:{added.code}  {added.name}  {added.since.isoformat()}")
        _warn_of_lost_ward(at, added, market.moves(session)[added.key])


@markets.command("move")
def move(
    context: typer.Context,
    code: str,
    ward: Annotated[str, typer.Option()],
    since: Annotated[date, typer.Option(parser=day, metavar="DATE")],
) -> None:
    """The market stands in another ward from a date on."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = market.find(session, code)
        before = {"moves": [[move.since, move.ward_code] for move in market.moves(session)[found.key]]}
        market.move(session, found, ward, since=since)
        audit.record(session, who(), "market.move", before, {"ward": ward, "since": since}, subject=f"market:{code}")
        session.commit()
        _warn_of_lost_ward(at, found, market.moves(session)[found.key])


@markets.command("list")
def list_markets(context: typer.Context, format: Format = "table") -> None:
    """All markets, with the ward each stands in today."""
    with desk(context).books() as books, books.session() as session:
        history = market.moves(session)
        rows = [_market_row(found, history[found.key]) for found in market.every(session)]
    if format == "json":
        emit(rows)
    else:
        show_table(["code", "name", "kind", "since", "ward"], [list(row.values()) for row in rows])


def _market_row(found: market.Market, moves: list[place.Move]) -> dict[str, Any]:
    last = place.stays(moves, clock.today() + timedelta(days=1))[-1:]
    ward = last[0].ward.code if last and last[0].ward else None
    return {
        "code": found.code,
        "name": found.name,
        "kind": found.kind,
        "since": found.since.isoformat(),
        "ward": ward,
    }


def _warn_of_lost_ward(at: Desk, found: market.Market, moves: list[place.Move]) -> None:
    lost = place.needs_move(moves, clock.today())
    if lost is not None:
        typer.echo(words.say("market.needs_move", at.language, code=found.code, since=lost), err=True)


@rolls.command("import")
def import_roll(
    context: typer.Context,
    file: Path,
    market_code: MarketCode,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would change, change nothing")] = False,
    complete: Annotated[bool, typer.Option("--complete", help="close the stalls not in the file")] = False,
    on: Day = None,
    format: Format = "table",
) -> None:
    """Bring a market's roll in line with a CSV or XLSX file: all of it or nothing."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = market.find(session, market_code)
        try:
            done = roll.take_in(session, found, file, on=on, complete=complete)
        except Refusal as refusal:
            if format == "json":
                reason = {"row": refusal.params.get("row"), "column": None, "value": None}
                emit(_import_document(Imported(found.code, 0), [{**reason, "reason": refusal.message(at.language)}]))
            raise
        if dry_run or done.errors:
            session.rollback()
        else:
            if done.added or done.changed or done.closed:
                told = {name: getattr(done, name) for name in _COUNTS[1:]}
                audit.record(session, who(), "roll.import", None, told, subject=f"market:{found.code}")
            session.commit()
    _show_import(done, at, format)
    if done.errors:
        raise typer.Exit(1)


_COUNTS = ("market", "rows", "added", "changed", "unchanged", "closed")


def _import_document(done: Imported, errors: list[dict[str, Any]]) -> dict[str, Any]:
    counts = {name: getattr(done, name) for name in _COUNTS}
    return {**counts, "errors": errors, "unlisted_errors": done.unlisted, "stale_codes": done.stale}


def _show_import(done: Imported, at: Desk, format: Format) -> None:
    errors = [
        {"row": error.row, "column": error.column, "value": error.value, "reason": error.reason(at.language)}
        for error in done.errors
    ]
    if format == "json":
        emit(_import_document(done, errors))
    elif not errors:
        show_table(_COUNTS, [[getattr(done, name) for name in _COUNTS]], right=range(1, len(_COUNTS)))
    for error in errors:
        typer.echo(words.say("registry.row_error", at.language, **error), err=True)
    if errors:
        count = len(errors) + done.unlisted
        typer.echo(words.say("registry.nothing_imported", at.language, count=count), err=True)
    if done.stale:
        typer.echo(words.say("registry.stale_codes", at.language, serials=", ".join(done.stale)), err=True)


@codes.command("issue")
def issue(context: typer.Context, market_code: MarketCode, since: Day = None, format: Format = "table") -> None:
    """A VietQR for every trading stall that has a merchant, an account and no live code."""
    with desk(context).books() as books, books.session() as session:
        found = market.find(session, market_code)
        serials = code.issue(session, found, since=since)
        if serials:
            audit.record(session, who(), "codes.issue", None, {"serials": serials}, subject=f"market:{found.code}")
        session.commit()
        _show_codes(code.every(session, found, serials), format)


@codes.command("list")
def list_codes(context: typer.Context, market_code: MarketCode, format: Format = "table") -> None:
    """Every code of a market, live or revoked."""
    with desk(context).books() as books, books.session() as session:
        _show_codes(code.every(session, market.find(session, market_code)), format)


def _show_codes(rows: list[dict[str, Any]], format: Format) -> None:
    if format == "json":
        emit(rows)
        return
    columns = ["serial", "stall", "merchant", "bin", "account", "token", "live_from", "revoked_on"]
    show_table(columns, [[row[column] for column in columns] for row in rows])


@codes.command("revoke")
def revoke(context: typer.Context, serial: str, reason: Annotated[str, typer.Option()], on: Day = None) -> None:
    """The code is no longer live, from today or from a given day on."""
    with desk(context).books() as books, books.session() as session:
        code.revoke(session, serial, reason=reason, on=on)
        told = {"revoked_on": code.find(session, serial).revoked_on, "reason": reason}
        audit.record(session, who(), "codes.revoke", {"revoked_on": None}, told, subject=f"code:{serial}")
        session.commit()


@codes.command("check")
def check(
    context: typer.Context, what: Annotated[str, typer.Argument(metavar="PAYLOAD|IMAGE")], format: Format = "table"
) -> None:
    """Is a payload, or the code in a photo, one of ours and live? Exit 1 unless genuine."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = _check(session, what)
    _show_verdict(found, at, format)
    if found.verdict != "genuine":
        raise typer.Exit(1)


_PHOTOS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".heic", ".tif", ".tiff", ".pdf")


def _check(session: Session, what: str) -> Verdict:
    """The payload itself, or what is in the image file of that name."""
    try:
        with open(what, "rb") as file:
            return genuine.check_photo(session, file.read(qr_image.BYTES_MAX + 1))
    except (OSError, ValueError):  # ValueError: no file's name can be that
        pass
    if what.lower().endswith(_PHOTOS):
        return Verdict("unreadable", "registry.no_such_file", {"file": what})
    return genuine.check(session, what)


_FOUND = ("serial", "market", "stall", "fields")


def _show_verdict(found: Verdict, at: Desk, format: Format) -> None:
    reason = words.say(found.reason, at.language, **found.params)
    if format == "json":
        emit({"verdict": found.verdict, "reason": reason, **{name: getattr(found, name) for name in _FOUND}})
    else:
        typer.echo(f"{found.verdict}: {reason}")
