"""The door of the staff: name and password, then the second factor where there is one; and the way out."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock, logs
from ground.refusal import Refusal
from ground.store import Store
from portal import device, doorstep, form, page, password, second_factor, staff, throttle, visit
from portal.access import Door, everybody, needs, signed_in
from portal.page import StoreDep
from portal.person import Person
from portal.staff import Staff

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
log = logs.log("signin")
Field = Annotated[str, Form()]


@router.api_route("/signin", methods=page.READ)
@everybody
def show(request: Request, next: str = "") -> Response:
    """Two doors on one page, the vendor's first. Who is signed in already goes on."""
    person: Person | None = request.state.person
    if person is not None:
        return doorstep.go(next, person)
    return page.render(request, "signin.html", **doorstep.doors(request, next), error=None)


@router.post("/signin")
@everybody
def enter(request: Request, store: StoreDep, name: Field = "", password: Field = "", next: Field = "") -> Response:
    """Name and password; on to the second factor where there is one."""
    moment = clock.now()
    try:
        whom = _prove(request, store, name, password, moment)
    except Refusal as refusal:
        return doorstep.again(request, "signin.html", refusal, **doorstep.doors(request, next, name))
    return doorstep.admit_staff(request, store, moment, next, whom)


@router.api_route("/signin/second", methods=page.READ)
@everybody
def show_second(request: Request, next: str = "") -> Response:
    """Ask for the code of the authenticator app, or a recovery code."""
    return page.render(request, "signin_second.html", next=next, error=None)


@router.post("/signin/second")
@everybody
def enter_second(request: Request, store: StoreDep, code: Field = "", next: Field = "") -> Response:
    """The half visit and the code make a whole one."""
    moment = clock.now()
    token = request.cookies.get(form.cookie_name(request, "half"), "")
    try:
        staff_id = _prove_second(store, token, code, moment)
    except Refusal as refusal:
        return doorstep.again(request, "signin_second.html", refusal, next=next)
    answer = doorstep.admit(request, store, moment, next, staff_id=staff_id, by="second")
    form.drop_cookie(request, answer, "half")
    return answer


@router.post("/signout")
@needs("person")
def leave(request: Request, store: StoreDep) -> Response:
    """End this visit."""
    person = signed_in(request)
    with store.session() as session:
        doorstep.leave(session, person, clock.now())
        session.commit()
    answer = RedirectResponse("/", 303)
    form.drop_cookie(request, answer, "visit")
    if person.is_vendor:
        answer.headers["Clear-Site-Data"] = '"storage"'  # what her page kept for hours without a network
    return answer


def _prove(request: Request, store: Store, name: str, told: str, moment: datetime) -> Staff:
    """Who has this name and password. A try is counted before it is judged, and judged outside a transaction."""
    guest, whose = doorstep.guest_of(request), doorstep.account_of(name)
    lane = device.lane(request, store.vault, whose)
    account = (throttle.ACCOUNT, lane)
    # The browser its owner has signed in with before comes in beside a neighbour who guesses.
    beside = [] if lane != whose else [(throttle.ADDRESS, throttle.neighbourhood(guest.address))]
    with store.session() as session:
        throttle.count(session, store.vault, moment, account, *beside)
        session.commit()
        found = staff.named(session, name)
    if not password.is_right(told, found.password_hash if found else None) or found is None:
        log.warning("sign-in refused", address=guest.address)
        raise Refusal("signin.wrong")
    with store.session() as session:
        throttle.forgive(session, store.vault, account)
        for tried in beside:
            throttle.give_back(session, tried[0], throttle.key(store.vault, *tried), moment)
        if found.password_hash and password.is_outdated(found.password_hash):
            session.get_one(Staff, found.key).password_hash = password.reseal(told)
        session.commit()
    return found


def _prove_second(store: Store, token: str, code: str, moment: datetime) -> int:
    with store.session() as session:
        half = visit.halfway(session, store.vault, token, moment)
        if half is None:
            raise Refusal("signin.begin_again")
        visit_id, staff_id = half
        tries = (throttle.SECOND_FACTOR, str(staff_id))
        throttle.count(session, store.vault, moment, tries)
        session.commit()
        proof = second_factor.check(session, store.vault, staff_id, code, moment)
        if proof is None:
            raise Refusal("signin.wrong_second")
        throttle.forgive(session, store.vault, tries)
        visit.end(session, moment, staff_id=staff_id, only=[visit_id])
        if proof == "recovery":
            _tell_of_recovery(session, session.get_one(Staff, staff_id))
        session.commit()
    return staff_id


def _tell_of_recovery(session: Session, whom: Staff) -> None:
    """A recovery code is gone: if it was not the owner who used it, the audit knows when."""
    who, left = f"staff:{whom.name}", second_factor.recovery_left(session, whom)
    audit.record(session, who, "staff.recovery_code", {"left": left + 1}, {"left": left}, subject=who)
