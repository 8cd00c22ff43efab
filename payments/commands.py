"""The books' commands: replay, rebuild, verify, rates."""

import csv
import io
from typing import Annotated, Any, Literal

import typer

from ground import money, words
from ground.refusal import Refusal
from ground.terminal import Format, desk, emit, show_table
from payments import (
    evidence_commands,
    feed_commands,
    indicator,
    match_commands,
    payout_commands,
    published,
    reconciliation_commands,
    replay,
    report_commands,
    seal_commands,
    stall_day,
    statement_commands,
    target_commands,
    verify,
)
from payments.area import Boundaries
from payments.indicator import Audience
from payments.option import AreaKey

app = typer.Typer(no_args_is_help=True)
for commands in (
    evidence_commands.app,
    feed_commands.app,
    match_commands.app,
    payout_commands.app,
    reconciliation_commands.app,
    report_commands.app,
    seal_commands.app,
    statement_commands.app,
    target_commands.app,
):
    app.registered_commands += commands.registered_commands
    app.registered_groups += commands.registered_groups


@app.command("replay")
def replay_notices(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="tell every kept notice again")] = False,
) -> None:
    """Post every kept notice that is not posted yet; returns when the books are up to date."""
    with desk(context).books() as books:
        done = replay.replay(books, everything=everything)
    typer.echo("  ".join(f"{name} {count}" for name, count in done._asdict().items()))
    if done.stuck:
        raise Refusal("replay.stuck", count=done.stuck)


@app.command("rebuild")
def rebuild(context: typer.Context) -> None:
    """Remake every rollup from the journal."""
    with desk(context).books() as books, books.session() as session:
        days = stall_day.rebuild(session)
        session.commit()
    typer.echo(f"stall-days {days}")


@app.command("verify")
def verify_books(context: typer.Context, format: Format = "table") -> None:
    """Prove that rollups follow from the journal, the journal from the notices, and each seal from what it was.

    Exit 1 when not.
    """
    with desk(context).books() as books:
        done = verify.verify(books)
    if format == "json":
        emit(done._asdict())
    else:
        typer.echo(
            f"{'ok' if done.ok else 'NOT OK'}: {done.entries} entries, {done.days} stall-days, {done.seals} seals"
        )
        for difference in done.differences:
            typer.echo(difference, err=True)
    if not done.ok:
        raise typer.Exit(1)


@app.command("rates")
def show_rates(
    context: typer.Context,
    area: AreaKey,
    period: Annotated[str, typer.Option(help="2026-10-05, 2026-W46, 2026-10, 2026-Q3, 2026-H1, 2026-9M or 2026")],
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    live: Annotated[bool, typer.Option("--live", help="as of now, even where they are sealed")] = False,
    format: Literal["table", "json", "csv"] = "table",
) -> None:
    """The rates of an area and its parts in a period: the last sealed revision, or as of now if there is none."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        rated = published.rates(session, area, period, boundaries=boundaries, audience=audience, live=live)
    document = indicator.shown(rated, at.language)
    if format == "json":
        emit(document)
    elif format == "csv":
        typer.echo(_csv(document), nl=False)
    else:
        _show_rates(document, at.language)


def _csv(document: dict[str, Any]) -> str:
    """One row per area and indicator, the names of the JSON."""
    common = [name for name in document if name not in ("area", "name", "figures", "parts")]
    areas = [document, *document["parts"]]
    names = list({name: None for area in areas for figure in area["figures"] for name in figure})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["area", "name", *common, *names])
    for area in areas:
        for figure in area["figures"]:
            told = [figure.get(name) for name in names]
            shared = [area.get(name, document[name]) for name in common]
            writer.writerow([area["area"], area["name"], *map(_cell, [*shared, *told])])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """As open data writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ";".join(value) if isinstance(value, list) else value


def _show_rates(document: dict[str, Any], language: str) -> None:
    told = {"revision": document["revision"], "sha256": document["sha256"]}
    sealed = "  " + words.say("seal.sealed", language, **told) if document["revision"] else ""
    for area in [document, *document["parts"]]:
        typer.echo(
            f"{area['area']}  {area['name']}  {document['from']} – {document['to']}  ({document['audience']}){sealed}"
        )
        rows = [
            [
                words.say(f"indicator.{figure['indicator']}", language),
                _value(figure, language),
                figure["numerator"],
                figure["denominator"],
                f"{figure['n']}/{figure['N']}",
                figure["status"],
                figure["reason"],
            ]
            for figure in area["figures"]
        ]
        show_table(["", "", "numerator", "denominator", "n/N", "status", ""], rows, right=(1, 2, 3, 4))


def _value(figure: dict[str, Any], language: str) -> str:
    value = figure["value"]
    if value is None:
        return "–"
    if figure["indicator"] == "cashless_value":
        return money.show(value, language)
    if not isinstance(value, float):
        return str(value)
    low, high = figure["low"], figure["high"]
    return f"{value:.1%}" if low == high else f"{value:.1%} ({low:.1%}–{high:.1%})"
