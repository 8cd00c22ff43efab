"""The report's command: one file of an area and period, as a workbook, a letter or a print."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from ground import words
from ground.refusal import Refusal
from ground.terminal import desk
from payments import report, report_paper
from payments.area import Boundaries
from payments.indicator import Audience

app = typer.Typer(no_args_is_help=True)


@app.command("report")
def write_report(
    context: typer.Context,
    area: Annotated[str, typer.Option(help="market:CODE, ward:CODE or province:CODE")],
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
    size = _write(out, report_paper.write(told, format))
    typer.echo(words.say("report.written", at.language, file=out, size=f"{size:,}"))


def _write(out: Path, content: bytes) -> int:
    """The whole file or none: what lay there before stays until the new one is complete."""
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(out)
    except OSError as error:
        raise Refusal("report.no_file", file=out, reason=error.strerror) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return len(content)
