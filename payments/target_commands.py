"""The targets' commands: set one, withdraw one, and how they are met."""

from typing import Annotated

import typer

from ground import audit, clock, words
from ground.terminal import Format, desk, emit, show_table, who
from payments import scoreboard, target
from payments.indicator import Audience
from payments.option import AreaKey, PeriodText
from payments.scoreboard import Judged

app = typer.Typer(no_args_is_help=True)
one = typer.Typer(no_args_is_help=True, help="What an area wants an indicator to be.")
app.add_typer(one, name="target")

Indicator = Annotated[str, typer.Option(help="onboarded, acceptance, active_use, value_share, cashless_value …")]


@one.command("set")
def set_target(
    context: typer.Context,
    area_key: AreaKey,
    indicator: Indicator,
    period_text: PeriodText,
    value: Annotated[str, typer.Option(help="in the figure's own unit: 0.8 of a share, 1.500.000 of a level")],
) -> None:
    """A target for a figure. Set again, the newer one counts and the older one stays recorded."""
    _put(context, area_key, indicator, period_text, value)


@one.command("withdraw")
def withdraw_target(context: typer.Context, area_key: AreaKey, indicator: Indicator, period_text: PeriodText) -> None:
    """The figure has no target any more; that it had one stays recorded."""
    _put(context, area_key, indicator, period_text, None)


def _put(context: typer.Context, area_key: str, indicator: str, period_text: str, value: str | None) -> None:
    at, moment = desk(context), clock.now()
    wanted = None if value is None else target.read(indicator, value)
    with at.books() as books, books.session() as session:
        put = target.put(session, area_key, indicator, period_text, wanted, by=who(), at=moment)
        if put.is_new:
            audit.record(session, who(), target.ACT[wanted is None], *target.told(put), subject=area_key)
        session.commit()
    typer.echo(words.say(target.outcome(put), at.language))


@app.command("targets")
def show_targets(
    context: typer.Context,
    area_key: AreaKey,
    period_text: PeriodText,
    audience: Audience = "public",
    format: Format = "table",
) -> None:
    """How the targets of an area, its wards and its markets are met."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        board = scoreboard.read(session, area_key, period_text, audience=audience)
    if format == "json":
        emit(scoreboard.shown(board, at.language))
        return
    show_table(
        ["", "", "target", "value", "attainment", ""],
        [_row(each, at.language) for each in board.judged],
        right=(2, 3, 4),
    )
    typer.echo(scoreboard.summary(board, at.language))


def _row(judged: Judged, language: str) -> list[object]:
    attainment = "–" if judged.attainment is None else f"{float(judged.attainment):.1%}"
    value = "–" if judged.figure.value is None else _say(judged.figure.value)
    named = words.say(f"indicator.{judged.target.indicator}", language)
    result = words.say(f"scoreboard.band.{judged.band or 'none'}", language)
    return [judged.area.key, named, _say(judged.target.shown or 0), value, attainment, result]


def _say(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.1%}"
