"""The operator's commands for API keys: make one, list them, revoke one."""

from typing import Annotated

import typer

from ground import audit, clock, words
from ground.terminal import Format, desk, emit, show_table, who
from portal import api_key
from portal.api_key import ApiKey

app = typer.Typer(no_args_is_help=True, help="Keys with which programs ask at the API.")

KeyName = Annotated[str, typer.Option("--name", help="what the key is for")]


@app.command("new")
def new(
    context: typer.Context,
    area: Annotated[str, typer.Option(help="province:CODE, ward:CODE or market:CODE: whose office it asks as")],
    name: KeyName,
) -> None:
    """A new key, printed this once: only a hash of it is kept."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        made, key = api_key.make(session, books.vault, name, area, by=who(), at=clock.now())
        audit.record(session, who(), "api_key.new", None, {"area": made.area}, subject=f"api_key:{made.name}")
        session.commit()
    typer.echo(words.say("api_key.shown_once", at.language, name=made.name, area=made.area), err=True)
    typer.echo(key)


@app.command("list")
def list_keys(context: typer.Context, format: Format = "table") -> None:
    """Every key there ever was, who made it and when it was last used."""
    with desk(context).books() as books, books.session() as session:
        rows = [_shown(each) for each in api_key.every(session)]
    if format == "json":
        emit(rows)
    else:
        columns = ["name", "area", "made_at", "made_by", "used_at", "revoked_at"]
        show_table(columns, [[row[name] for name in columns] for row in rows])


@app.command("revoke")
def revoke(context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """From now on the key opens nothing."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = api_key.revoke(session, name, by=who(), at=clock.now())
        audit.record(session, who(), "api_key.revoke", {"area": found.area}, None, subject=f"api_key:{found.name}")
        session.commit()
    typer.echo(words.say("api_key.revoked", at.language, name=found.name))


def _shown(key: ApiKey) -> dict[str, str | None]:
    moments = {"made_at": key.made_at, "used_at": key.used_at, "revoked_at": key.revoked_at}
    stamped = {name: clock.stamp(moment) if moment else None for name, moment in moments.items()}
    return {"name": key.name, "area": key.area, "made_by": key.made_by, **stamped, "revoked_by": key.revoked_by}
