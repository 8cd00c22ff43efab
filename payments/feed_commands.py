"""The feeds' commands: which provider makes an account's sales, choosing another one, and what the others told."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from ground import audit, clock, words
from ground.refusal import Refusal
from ground.terminal import Format, desk, emit, show_table, who
from merchants import bank
from payments import card, corroboration, feed, feed_change, reconciliation
from payments.webhooks import PROVIDERS

WEEK = timedelta(days=7)
CORROBORATIONS = (
    "provider",
    "external_id",
    "business_date",
    "account",
    "amount",
    "line_day",
    "of_provider",
    "of_id",
)
app = typer.Typer(no_args_is_help=True)
one = typer.Typer(no_args_is_help=True, help="Which provider's notices make an account's sales.")
app.add_typer(one, name="feed")


@app.command("feeds")
def show_feeds(context: typer.Context, format: Format = "table") -> None:
    """Which provider posts which account, from when until when."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        rows = [_shown(row) for row in feed.every(session)]
    if format == "json":
        emit(rows)
        return
    columns = ["bank", "account", "provider", "since", "until", "chosen"]
    show_table(columns, [[_cell(row, name, at.language) for name in columns] for row in rows])


def _shown(row: Any) -> dict[str, Any]:
    since = None if row.since == feed.BEGINNING else row.since.isoformat()
    until = row.until and row.until.isoformat()
    named = {"bank": bank.short_name(row.bin) if row.bin else None, "bin": row.bin or None, "account": row.number}
    return {**named, "provider": row.provider, "since": since, "until": until, "chosen": row.chosen}


def _cell(row: dict[str, Any], name: str, language: str) -> Any:
    if name == "chosen":
        return words.say("feed.chosen" if row["chosen"] else "feed.first", language)
    return "–" if row[name] is None else row[name]


@one.command("corroborations")
def show_corroborations(
    context: typer.Context,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="a week ago")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="today")] = None,
    format: Format = "table",
) -> None:
    """What the other providers told: of which statement line, and which posted notice is the same payment."""
    at = desk(context)
    until = last.date() if last else clock.today()
    since = first.date() if first else until - WEEK
    with at.books() as books, books.session() as session:
        rows = corroboration.every(session, since, until)
    if format == "json":
        emit(rows)
        return
    show_table(CORROBORATIONS, [[_cell(row, name, at.language) for name in CORROBORATIONS] for row in rows], right=(4,))


@one.command("set")
def set_feed(
    context: typer.Context,
    account: Annotated[str, typer.Option(help="BANK:NUMBER, the bank by name or BIN")],
    provider: Annotated[str, typer.Option(help="sepay, casso or payos")],
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="the first business day")],
) -> None:
    """From a day on this provider posts the account; days that were posted already are brought to it."""
    at = desk(context)
    names = sorted(PROVIDERS.keys() - {card.PROVIDER})
    if provider not in names:
        raise Refusal("feed.no_provider", provider=provider, names=", ".join(names))
    named, _, number = account.partition(":")
    found = bank.by_bin(named) or bank.find(named)
    if found is None or not number:
        raise Refusal("feed.no_account", account=account)
    day = since.date()
    with at.books() as books, books.session() as session:
        reconciliation.hold(session)
        feed.find_account(session, number, found.bin)
        id = feed.put(session, number, found.bin, provider, day)
        turned = feed_change.settle(session, [number])
        audit.record(session, who(), "feed.set", None, {"provider": provider, "since": day}, subject=f"feed:{id}")
        session.commit()
    typer.echo(words.say("feed.set", at.language, provider=provider, day=day, count=turned))
