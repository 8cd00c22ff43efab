"""A vendor stops: her stall's code ends, the roll says what becomes of the stall, and why is only counted."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from merchants import leaving
from merchants.approval import Told
from merchants.market import Market
from portal import application_form, doorstep, form, page, vendor_account
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep
from portal.person import Person
from portal.vendor_account import Held

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Text = Annotated[str, Form()]


@router.api_route("/stall/leave", methods=page.READ)
@needs("vendor")
def show(request: Request, session: SessionDep, done: str = "") -> Response:
    """Which stall, why, and what becomes of it."""
    desk = _desk(session, signed_in(request))
    return page.render(request, "stall_leave.html", **desk, done=done if done in desk["own"] else "", error=None)


@router.post("/stall/leave")
@needs("vendor")
def leave(
    request: Request,
    store: StoreDep,
    stall_id: Annotated[int, Form(alias="held")] = 0,
    reason: Text = "",
    afterwards: Text = "",
) -> Response:
    """At once: nobody has to allow it."""
    person = signed_in(request)
    with store.session() as session:
        desk = _desk(session, person)
        try:
            held = _chosen(desk["held"], stall_id, reason, afterwards)
            where = session.get_one(Market, held.market_id)
            left = leaving.leave(
                session,
                where,
                held.number,
                held.stall_id,
                reason=reason,
                afterwards="closed" if reason == "closed" else afterwards,
                today=clock.today(),
                merchant_id=held.merchant_id,
            )
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "stall_leave.html", refusal, **desk, done="")
        told = {"since": left.since, "revoked": left.revoked}  # the reason stands nowhere with a name
        audit.record(session, person.who, "vendor.leave", None, told, subject=f"market:{where.code}")
        session.commit()
    assert person.phone is not None
    place = {"stall": held.number, "market": held.market_name}
    application_form.tell(store.settings, [Told(person.phone, "joining.told.left", place)])
    return RedirectResponse("/stall/leave?" + urlencode({"done": held.number}), 303)


def _chosen(held: list[Held], stall_id: int, reason: str, afterwards: str) -> Held:
    found = next((each for each in held if each.stall_id == stall_id), None)
    if found is None or reason not in leaving.REASONS:
        raise Refusal("leaving.choose")
    if reason != "closed" and afterwards not in leaving.AFTERWARDS:
        raise Refusal("leaving.choose")
    return found


def _desk(session: Session, person: Person) -> dict[str, Any]:
    """Only stalls that still have an account tomorrow can be left."""
    assert person.phone is not None
    today = clock.today()
    held = vendor_account.held(session, person.phone, today)
    still = leaving.connected(session, person.phone, today + leaving.DAY)
    return {
        "own": [each.number for each in held],
        "held": [each for each in held if each.stall_id in still],
        "reasons": leaving.REASONS,
        "afterwards": leaving.AFTERWARDS,
    }
