"""One's own account: the password, the second factor, and the browsers one is signed in with."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from ground.store import Store
from merchants import qr_image
from portal import browser, doorstep, form, page, password, second_factor, signin_link, throttle, visit
from portal.access import Door, needs, signed_in
from portal.page import StoreDep
from portal.person import Person
from portal.staff import Staff

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX, prefix="/account")
Field = Annotated[str, Form()]


@router.api_route("", methods=page.READ)
@needs("person")
def show(request: Request, store: StoreDep, done: str = "") -> Response:
    """Offices, password, second factor and sessions; a vendor has the sessions only."""
    with store.session() as session:
        return page.render(request, "account.html", **_account(session, signed_in(request), done), error=None)


@router.post("/password")
@needs("staff")
def change_password(
    request: Request, store: StoreDep, present: Field = "", chosen: Field = "", again: Field = ""
) -> Response:
    """Another password; every other browser is signed out."""
    moment, person = clock.now(), signed_in(request)
    with store.session() as session:
        try:
            whom = _confirm(session, store, person, present, moment)
            signin_link.choose(session, whom, chosen, again, moment, spare=person.visit_id)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "account.html", refusal, **_account(session, person, ""))
        session.commit()
    return RedirectResponse("/account?done=password", 303)


@router.api_route("/second", methods=page.READ)
@needs("staff")
def show_second(request: Request, store: StoreDep) -> Response:
    """The QR for the authenticator app, until a code shows that the app has it."""
    with store.session() as session:
        whom = _staff(session, signed_in(request))
        if whom.totp_at is not None:
            return RedirectResponse("/account", 303)
        shown = _proposal(session, store, whom)
        session.commit()
    return page.render(request, "account_second.html", **shown, error=None)


@router.post("/second")
@needs("staff")
def confirm_second(request: Request, store: StoreDep, code: Field = "") -> Response:
    """The first code from the app puts it in force. The recovery codes are shown this once."""
    moment, person = clock.now(), signed_in(request)
    with store.session() as session:
        whom = _staff(session, person)
        if whom.totp is None or whom.totp_at is not None:
            return RedirectResponse("/account", 303)
        try:
            codes = _confirm_second(session, store, whom, code, moment)
        except Refusal as refusal:
            return doorstep.again(request, "account_second.html", refusal, **_proposal(session, store, whom))
        audit.record(
            session, person.who, "staff.second_factor", {"in_force": False}, {"in_force": True}, subject=person.who
        )
        session.commit()
    return page.render(request, "account_recovery.html", codes=codes)


@router.post("/second/recovery")
@needs("staff")
def renew_recovery(request: Request, store: StoreDep, present: Field = "") -> Response:
    """New recovery codes, shown this once."""
    moment, person = clock.now(), signed_in(request)
    with store.session() as session:
        try:
            whom = _confirm(session, store, person, present, moment)
            _need_second(whom)
        except Refusal as refusal:
            return doorstep.again(request, "account.html", refusal, **_account(session, person, ""))
        codes = second_factor.renew_recovery(session, store.vault, whom, moment)
        audit.record(session, person.who, "staff.recovery_codes", None, {"made": len(codes)}, subject=person.who)
        session.commit()
    return page.render(request, "account_recovery.html", codes=codes)


@router.post("/second/removal")
@needs("staff")
def remove_second(request: Request, store: StoreDep, present: Field = "") -> Response:
    """From now on the password is enough."""
    moment, person = clock.now(), signed_in(request)
    with store.session() as session:
        try:
            whom = _confirm(session, store, person, present, moment)
            _need_second(whom)
        except Refusal as refusal:
            return doorstep.again(request, "account.html", refusal, **_account(session, person, ""))
        second_factor.take_away(session, whom)
        audit.record(
            session, person.who, "staff.second_factor", {"in_force": True}, {"in_force": False}, subject=person.who
        )
        session.commit()
    return RedirectResponse("/account?done=removed", 303)


@router.post("/sessions/ending")
@needs("person")
def end_sessions(
    request: Request, store: StoreDep, visit_id: Annotated[int | None, Form(alias="visit")] = None
) -> Response:
    """Sign out one other browser, or all of them but this."""
    person = signed_in(request)
    whose = {"staff_id": person.staff_id, "vendor_id": person.vendor_id}
    with store.session() as session:
        only = None if visit_id is None else [visit_id]
        ended = visit.end(session, clock.now(), **whose, only=only, spare=person.visit_id)
        if ended:
            audit.record(session, person.who, "session.end", None, {"ended": ended}, subject=person.who)
        session.commit()
    return RedirectResponse("/account?done=ended", 303)


def _account(session: Session, person: Person, done: str) -> dict[str, Any]:
    whom = None if person.is_vendor else _staff(session, person)
    return {
        "done": done if done in ("password", "removed", "ended") else "",
        "second": whom is not None and whom.totp_at is not None,
        "recovery_left": second_factor.recovery_left(session, whom) if whom is not None else 0,
        "visits": [
            {**each._asdict(), "browser": browser.name(each.browser), "is_this": each.id == person.visit_id}
            for each in visit.open_of(session, person, clock.now())
        ],
    }


def _staff(session: Session, person: Person) -> Staff:
    return session.get_one(Staff, person.staff_id)


def _confirm(session: Session, store: Store, person: Person, told: str, moment: datetime) -> Staff:
    """Somebody at an unlocked screen is not the owner: what guards the account asks for the password again."""
    tries = (throttle.CONFIRMED, str(person.staff_id))
    throttle.count(session, store.vault, moment, tries)
    session.commit()
    whom = _staff(session, person)
    if not password.is_right(told, whom.password_hash):
        raise Refusal("password.wrong")
    throttle.forgive(session, store.vault, tries)
    return whom


def _confirm_second(session: Session, store: Store, whom: Staff, code: str, moment: datetime) -> list[str]:
    tries = (throttle.SECOND_FACTOR, str(whom.key))
    throttle.count(session, store.vault, moment, tries)
    session.commit()
    codes = second_factor.confirm(session, store.vault, whom, code, moment)
    if codes is None:
        raise Refusal("signin.wrong_second")
    throttle.forgive(session, store.vault, tries)
    return codes


def _need_second(whom: Staff) -> None:
    if whom.totp_at is None:
        raise Refusal("account_page.no_second", status=409)


def _proposal(session: Session, store: Store, whom: Staff) -> dict[str, Any]:
    """The secret as a picture and, for who can't scan, in groups of four."""
    secret = second_factor.propose(session, store.vault, whom)
    drawn = Markup(qr_image.svg(second_factor.uri(secret, whom.name), title="QR"))
    return {"qr": drawn, "secret": " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))}
