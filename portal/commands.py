"""The operator's commands for people: staff accounts, their offices and sessions, and the audit."""

from typing import Annotated, Any

import typer
from sqlmodel import Session

from ground import address, audit, clock, words
from ground.refusal import Refusal
from ground.store import Store
from ground.terminal import Desk, Format, desk, emit, show_table, who
from portal import api_key_commands, invitation, second_factor, staff, visit
from portal.staff import Staff

app = typer.Typer(no_args_is_help=True)
users = typer.Typer(no_args_is_help=True, help="Staff accounts, their offices and sessions.")
app.add_typer(users, name="user")
app.add_typer(api_key_commands.app, name="apikey")

Name = Annotated[str, typer.Argument(metavar="NAME")]
Role = Annotated[str, typer.Option(help="helper, board, ward, province or operator")]
Area = Annotated[str | None, typer.Option(help="market:CODE, ward:CODE or province:CODE")]


@users.command("add")
def add(context: typer.Context, name: Name, role: Role, area: Area = None) -> None:
    """A staff account; prints a link that signs in once, within 24 hours, to choose a password."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        moment = clock.now()
        office = staff.read_office(session, role, area, clock.business_date(moment))
        added = staff.add(session, name, moment)
        staff.appoint(session, added, office, moment)
        token = invitation.make(session, books.vault, moment, by=who(), staff_id=added.key)
        _record(session, added, "staff.add", None, {"offices": [staff.say(office)]})
        session.commit()
        _show_link(at, books, added, token)


@users.command("list")
def list_users(context: typer.Context, format: Format = "table") -> None:
    """The staff of today, their offices, and who has a second factor."""
    with desk(context).books() as books, books.session() as session:
        rows = staff.every(session)
    if format == "json":
        emit([{**row, "added_at": clock.stamp(row["added_at"])} for row in rows])
        return
    columns = ["name", "has_password", "has_second_factor", "offices"]
    show_table(columns, [[*(row[name] for name in columns[:3]), ", ".join(row["offices"])] for row in rows])


@users.command("link")
def renew_link(
    context: typer.Context,
    name: Name,
    drop: Annotated[bool, typer.Option("--drop-second-factor", help="the phone with the app is lost")] = False,
) -> None:
    """A new one-time link for somebody who forgot the password."""
    at = desk(context)
    with at.books() as books, books.session() as session:
        found = staff.find(session, name)
        if drop:
            second_factor.take_away(session, found)
        token = invitation.make(session, books.vault, clock.now(), by=who(), staff_id=found.key)
        _record(session, found, "staff.link", None, {"second_factor_dropped": drop})
        session.commit()
        _show_link(at, books, found, token)


@users.command("appoint")
def appoint(context: typer.Context, name: Name, role: Role, area: Area = None) -> None:
    """One more office."""
    with desk(context).books() as books, books.session() as session:
        moment = clock.now()
        found = staff.find(session, name)
        office = staff.read_office(session, role, area, clock.business_date(moment))
        before = _offices(session, found)
        if not staff.appoint(session, found, office, moment):
            raise Refusal("staff.already", name=found.name, office=staff.say(office), status=409)
        _record(session, found, "staff.appoint", before, _offices(session, found))
        session.commit()


@users.command("dismiss")
def dismiss(context: typer.Context, name: Name, role: Role, area: Area = None) -> None:
    """Take an office back, at once."""
    with desk(context).books() as books, books.session() as session:
        moment = clock.now()
        found = staff.find(session, name)
        before = _offices(session, found)
        office = staff.read_office(session, role, area, clock.business_date(moment))
        staff.dismiss(session, found, office, moment)
        _record(session, found, "staff.dismiss", before, _offices(session, found))
        session.commit()


@users.command("end-sessions")
def end_sessions(context: typer.Context, name: Name) -> None:
    """Sign somebody out everywhere."""
    with desk(context).books() as books, books.session() as session:
        found = staff.find(session, name)
        ended = visit.end(session, clock.now(), staff_id=found.key)
        _record(session, found, "staff.end_sessions", None, {"ended": ended})
        session.commit()
    typer.echo(f"ended {ended}")


@users.command("remove")
def remove(context: typer.Context, name: Name) -> None:
    """The account ends: signed out everywhere, no more signing in."""
    with desk(context).books() as books, books.session() as session:
        moment = clock.now()
        found = staff.find(session, name)
        before = _offices(session, found)
        staff.leave(session, found, moment)
        visit.end(session, moment, staff_id=found.key)
        _record(session, found, "staff.remove", before, {"ended_at": moment})
        session.commit()


@app.command("audit")
def show_audit(
    context: typer.Context,
    subject: Annotated[str | None, typer.Option(help="market:CODE, staff:NAME, code:SERIAL …")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    format: Format = "table",
) -> None:
    """Who changed what and when, the latest first. The latest digest, kept elsewhere, vouches for all before it."""
    with desk(context).books() as books, books.session() as session:
        found = audit.latest(session, last, subject)
    if format == "json":
        emit([_record_document(each) for each in found])
        return
    columns = ["number", "at", "who", "what", "subject", "before", "after"]
    documents = [_record_document(each) for each in found]
    show_table(columns, [[_cell(document[name]) for name in columns] for document in documents], right=(0,))
    if found:
        typer.echo(f"{found[0].number} {found[0].digest.hex()}")


def _record_document(told: audit.Audit) -> dict[str, Any]:
    return {
        "number": told.number,
        "at": clock.stamp(told.at),
        "who": told.who,
        "what": told.what,
        "subject": told.subject,
        "before": told.before,
        "after": told.after,
        "digest": told.digest.hex(),
    }


def _cell(value: Any) -> Any:
    return "; ".join(f"{key}: {each}" for key, each in value.items()) if isinstance(value, dict) else value


def _offices(session: Session, whom: Staff) -> dict[str, Any]:
    return {"offices": [staff.say(office) for office in staff.offices(session, whom)]}


def _record(
    session: Session, whom: Staff, what: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> None:
    audit.record(session, who(), what, before, after, subject=f"staff:{whom.name}")


def _show_link(at: Desk, books: Store, whom: Staff, token: str) -> None:
    until = (clock.now() + invitation.VALID).astimezone(clock.ZONE)
    said = words.say("staff.link", at.language, name=whom.name, until=f"{until:%d/%m/%Y %H:%M}")
    typer.echo(said, err=True)
    found = address.find(books.settings)
    if not found.is_known:
        typer.echo(words.say("staff.link_assumed", at.language, address=found.url), err=True)
    typer.echo(invitation.link(found.url, token))
