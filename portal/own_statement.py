"""A vendor's own statement: she brings her account's file in herself, and says in the same form that she agrees."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response, UploadFile
from sqlmodel import Session

from ground import audit, clock, words
from ground.refusal import Refusal
from ground.store import Store
from payments import consent, statement
from payments.consent import OwnAccount
from payments.statement import Statement
from payments.statements import reading
from payments.statements.section import choose
from portal import doorstep, page, throttle, vendor_account
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)


@router.api_route("/stall/statement", methods=page.READ)
@needs("vendor")
def show(request: Request, session: SessionDep) -> Response:
    """Which of her accounts, the file, and what she agrees to."""
    return page.render(request, "own_statement.html", **_shown(request, session), error=None)


@router.post("/stall/statement")
@needs("vendor")
def take_in(
    request: Request,
    store: StoreDep,
    file: UploadFile,
    account: Annotated[int, Form()] = 0,
    agreed: Annotated[bool, Form()] = False,
) -> Response:
    """All of the file or nothing; a line that is known already is not taken twice."""
    person = signed_in(request)
    with store.session() as session:
        throttle.count(session, store.vault, clock.now(), (throttle.UPLOAD, person.who))
        session.commit()
        shown = _shown(request, session)
        try:
            chosen = _chosen(shown["accounts"], account, agreed)
            taken = _take(session, store, chosen, file, person.who)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "own_statement.html", refusal, **_shown(request, session))
        consent.give(session, person.who, chosen.id, words.say("own_statement.consent", page.language_of(request)))
        told = {"lines": taken.lines, "new": taken.new_lines, "from": taken.first_day, "to": taken.last_day}
        audit.record(session, person.who, "statement.import", None, told, subject=f"account:{chosen.id}")
        session.commit()
        known = taken.lines - taken.new_lines
        return page.render(request, "own_statement.html", **{**shown, "taken": taken, "known": known}, error=None)


def _shown(request: Request, session: Session) -> dict[str, Any]:
    phone = signed_in(request).phone
    assert phone is not None
    held = vendor_account.held(session, phone, clock.today())
    return {"accounts": consent.accounts(session, [each.stall_id for each in held]), "taken": None, "known": 0}


def _chosen(accounts: list[OwnAccount], account_id: int, agreed: bool) -> OwnAccount:
    if not agreed:
        raise Refusal("own_statement.not_agreed")
    chosen = next((each for each in accounts if each.id == account_id), None)
    if chosen is None:
        raise Refusal("own_statement.not_hers", status=404)
    return chosen


def _take(session: Session, store: Store, chosen: OwnAccount, file: UploadFile, who: str) -> Statement:
    """`who` is on record as having brought it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"statement{Path(file.filename or '').suffix.lower()[:6]}"
        path.write_bytes(file.file.read())
        told = reading.read(path, bank="auto")
        section = choose(told, chosen.number)
        return statement.take_in(session, store.vault, chosen.id, section, bank=told.bank, by=who)
