"""The placards' commands: print them, and say what became of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ground import audit, clock, words
from ground.terminal import Format, desk, emit, show_table, user, who, write_file
from merchants import market, placard, placard_sheet
from merchants.option import Day, MarketCode
from merchants.placard import Standing

app = typer.Typer(no_args_is_help=True)
placards = typer.Typer(no_args_is_help=True, help="What became of printed placards.")
app.add_typer(placards, name="placard")

Names = Annotated[list[str] | None, typer.Option(help="only these; may be given several times")]


@app.command("placards")
def print_placards(
    context: typer.Context,
    market_code: MarketCode,
    out: Annotated[Path, typer.Option(help="the PDF to write")],
    size: Literal["a6", "a5"] = "a6",
    section: Names = None,
    stall: Names = None,
    only_new: Annotated[bool, typer.Option("--new", help="only codes never printed before")] = False,
) -> None:
    """Placards of the live codes as a PDF to print and cut: A6 four, A5 two to a sheet of A4."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = market.find(session, market_code)
        faces = placard_sheet.faces(session, found, clock.today())
        chosen = placard_sheet.choose(faces, sections=section or (), stalls=stall or (), only_new=only_new)
        session.rollback()  # nothing is held while it is drawn
        moment = clock.now()
        drawn = placard_sheet.draw(found, chosen, size, base_url=at.settings.base_url, moment=moment)
        codes = [face.code_id for face in chosen]
        run = placard.record_print(session, found, codes, size, by=user(), moment=moment)
        write_file(out, drawn)
        told = {"run": run.key, "size": size, "serials": [face.serial for face in chosen]}
        audit.record(session, who(), "placard.print", None, told, subject=f"market:{found.code}")
        session.commit()
    sheets = placard_sheet.sheets(len(chosen), size)
    typer.echo(words.say("placard.printed", at.language, file=out, count=len(chosen), sheets=sheets))
    if placard_sheet.reaches_only_this_machine(at.settings.base_url):
        typer.echo(words.say("placard.no_address", at.language, address=at.settings.base_url), err=True)


@placards.command("list")
def list_placards(context: typer.Context, market_code: MarketCode, format: Format = "table") -> None:
    """Every placard of a market, and where it is."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = placard.every(session, market.find(session, market_code))
    _show(found, at.language, format)


@placards.command("mark")
def mark(
    context: typer.Context,
    serial: str,
    step: Annotated[Literal["handed_over", "damaged", "replaced"], typer.Option("--as")],
    on: Day = None,
    format: Format = "table",
) -> None:
    """A placard was handed over, is damaged, or was replaced."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        taken = placard.mark(session, serial, step, by=user(), on=on)
        told = {"step": step, "since": taken[0].since}
        audit.record(session, who(), "placard.mark", None, told, subject=f"code:{serial}")
        session.commit()
    _show(taken, at.language, format)


def _show(found: list[Standing], language: str, format: Format) -> None:
    if format == "json":
        emit([placard.show(each) for each in found])
        return
    columns = ["serial", "stall", "section", "size", "printed_on", "step", "since"]
    named = [{**placard.show(each), "step": words.say(f"placard.step.{each.step}", language)} for each in found]
    show_table(columns, [[row[column] for column in columns] for row in named])
