"""The link that works once: staff choose a password with it, a vendor without SMS just comes in."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from portal import doorstep, form, invitation, page, staff, vendor_account, visit
from portal.access import Door, everybody
from portal.invitation import Invitation
from portal.page import StoreDep
from portal.staff import Staff
from portal.vendor_account import Vendor

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Field = Annotated[str, Form()]


@router.api_route("/signin/link/{token}", methods=page.READ)
@everybody
def show(request: Request, store: StoreDep, token: str) -> Response:
    """What the link is for. Looking does not use it up: some programs look at every link before a person does."""
    with store.session() as session:
        return _invite(request, session, invitation.find(session, store.vault, token, clock.now()))


@router.post("/signin/link/{token}")
@everybody
def enter(request: Request, store: StoreDep, token: str, password: Field = "", again: Field = "") -> Response:
    """Choose a password and come in; a vendor just comes in."""
    moment = clock.now()
    with store.session() as session:
        found = invitation.use(session, store.vault, token, moment)
        if found.vendor_id is not None:
            who, made = f"vendor:{found.vendor_id}", {"made_by": found.made_by, "made_at": found.made_at}
            audit.record(session, who, "vendor.slip_use", made, None, subject=who)
            session.commit()
            return doorstep.admit(request, store, moment, "", vendor_id=found.vendor_id, by="slip")
        whom = session.get_one(Staff, found.staff_id)
        try:
            choose(session, whom, password, again, moment)
        except Refusal as refusal:
            session.rollback()
            return _invite(request, session, found, refusal)
        session.commit()
    return doorstep.admit_staff(request, store, moment, "", whom, by="link")


def choose(session: Session, whom: Staff, chosen: str, again: str, moment: datetime, *, spare: int = 0) -> None:
    """A new password, twice the same; every visit of before ends, but for one that is spared."""
    if chosen != again:
        raise Refusal("password.differs")
    before = {"password_at": whom.password_at}
    staff.set_password(session, whom, chosen, moment)
    told = {"password_at": whom.password_at, "ended": visit.end(session, moment, staff_id=whom.key, spare=spare)}
    who = f"staff:{whom.name}"
    audit.record(session, who, "staff.password", before, told, subject=who)


def _invite(request: Request, session: Session, found: Invitation, refused: Refusal | None = None) -> Response:
    values: dict[str, Any] = {"name": "", "held": [], "is_vendor": found.vendor_id is not None}
    if found.staff_id is not None:
        values["name"] = session.get_one(Staff, found.staff_id).name
    else:
        phone = session.get_one(Vendor, found.vendor_id).phone
        values["held"] = vendor_account.held(session, phone, clock.today()) if phone else []
    if refused is not None:
        return doorstep.again(request, "signin_link.html", refused, **values)
    return page.render(request, "signin_link.html", error=None, **values)
