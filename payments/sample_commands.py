"""The samples' commands: draw one, list them, print the round sheets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ground import audit, clock, words
from ground.terminal import Format, desk, emit, show_table, user, who, write_file
from merchants import market
from merchants.option import MarketCode
from payments import round_sheet, sample
from payments.option import PeriodText
from payments.sample import Sample

app = typer.Typer(no_args_is_help=True)
samples = typer.Typer(no_args_is_help=True, help="Stalls drawn by lot.")
app.add_typer(samples, name="sample")


@samples.command("draw")
def draw_sample(
    context: typer.Context,
    market_code: MarketCode,
    period_text: PeriodText,
    size: Annotated[int, typer.Option(help="how many stalls")],
    seed: Annotated[str, typer.Option(help="any text; the same one draws the same stalls")],
    format: Format = "table",
) -> None:
    """Draw stalls by lot from all that traded in the period. It is stored: the same again is the same."""
    moment = clock.now()
    with desk(context).books() as books, books.session() as session:
        found = market.find(session, market_code)
        drawn = sample.draw(session, found, period_text, size, seed, by=user(), as_of=moment)
        if drawn.drawn_at == moment:
            told = {"id": drawn.key, "period": drawn.period, "size": drawn.size, "seed": drawn.seed}
            audit.record(session, who(), "sample.draw", None, told, subject=f"market:{found.code}")
        session.commit()
    if format == "json":
        emit({**_shown(drawn), "frame": drawn.frame, "drawn": drawn.drawn})
    else:
        _show([drawn])
        typer.echo("  ".join(drawn.drawn))


@samples.command("list")
def list_samples(context: typer.Context, market_code: MarketCode, format: Format = "table") -> None:
    """Every sample ever drawn of a market."""
    with desk(context).books() as books, books.session() as session:
        found = sample.every(session, market.find(session, market_code))
    if format == "json":
        emit([{**_shown(each), "frame": each.frame, "drawn": each.drawn} for each in found])
    else:
        _show(found)


@samples.command("sheet")
def print_sheet(
    context: typer.Context,
    id: Annotated[int, typer.Argument(help="the sample's number: `sample list`")],
    out: Annotated[Path, typer.Option(help="the PDF to write")],
    helpers: Annotated[int, typer.Option(help="how many people share the stalls out among them")] = 1,
) -> None:
    """The round sheets of a sample to print: one for each helper, a row for each stall."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        drawn = sample.find(session, id)
        made = round_sheet.pdf(session, drawn, helpers, clock.now())
    write_file(out, made)
    typer.echo(words.say("sample.printed", at.language, file=out, size=drawn.size, helpers=helpers))


def _shown(drawn: Sample) -> dict[str, Any]:
    return {
        "sample": drawn.key,
        "period": drawn.period,
        "size": drawn.size,
        "seed": drawn.seed,
        "drawn_at": clock.stamp(drawn.drawn_at),
    }


def _show(found: list[Sample]) -> None:
    rows = [[*_shown(each).values(), len(each.frame)] for each in found]
    show_table(["sample", "period", "size", "seed", "drawn_at", "frame"], rows, right=(0, 2, 5))
