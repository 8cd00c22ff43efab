"""The report's command: one file of an area and period, as a workbook, a letter or a print."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from ground import words
from ground.terminal import desk, write_file
from payments import report, report_paper
from payments.area import Boundaries
from payments.indicator import Audience
from payments.option import AreaKey

app = typer.Typer(no_args_is_help=True)


@app.command("report")
def write_report(
    context: typer.Context,
    area: AreaKey,
    period: Annotated[str, typer.Option(help="2026-10-05, 2026-W46, 2026-10, 2026-Q3, 2026-H1, 2026-9M or 2026")],
    format: Annotated[Literal["xlsx", "docx", "pdf"], typer.Option(help="workbook, letter or print")],
    out: Annotated[Path, typer.Option(help="the file to write; one that is there is replaced")],
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    language: Literal["vi", "en"] = "vi",
) -> None:
    """The report of an area and period, to count on with (xlsx), to edit and sign (docx) or to print and keep (pdf)."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        told = report.gather(session, area, period, boundaries=boundaries, audience=audience, language=language)
    paper = report_paper.write(told, format)
    write_file(out, paper)
    typer.echo(words.say("report.written", at.language, file=out, size=f"{len(paper):,}"))
