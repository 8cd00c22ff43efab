"""The vendor's door: her phone, and the code that is sent to it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from ground import clock, message, words
from ground.refusal import Refusal
from ground.store import Store
from portal import device, doorstep, form, page, phone_code, throttle, vendor_account
from portal.access import Door, everybody
from portal.page import StoreDep
from portal.throttle import Pace

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
Field = Annotated[str, Form()]


@router.post("/signin/phone")
@everybody
def ask(request: Request, store: StoreDep, phone: Field = "", next: Field = "") -> Response:
    """Send a code, if the phone is a vendor's; the answer is the same if it is not."""
    moment = clock.now()
    try:
        number = vendor_account.read(phone)
        made = make_code(request, store, number, moment)
    except Refusal as refusal:
        return doorstep.again(request, "signin.html", refusal, **doorstep.doors(request, next))
    answer = RedirectResponse(f"/signin/code{doorstep.asked(next)}", 303)
    if made.is_known:
        # Neither the answer's words nor its time tell whether the phone is known.
        said = words.say("signin.code_message", page.language_of(request), code=made.code)
        message.send_later(store.settings, number, said)
    form.set_cookie(request, answer, "code", made.handle, int(phone_code.VALID.total_seconds()))
    return answer


@router.api_route("/signin/code", methods=page.READ)
@everybody
def show(request: Request, next: str = "") -> Response:
    """Where the code from the phone is typed in."""
    return page.render(request, "signin_code.html", next=next, error=None)


@router.post("/signin/code")
@everybody
def enter(request: Request, store: StoreDep, code: Field = "", next: Field = "") -> Response:
    """The code from the phone, in the browser that asked for it."""
    moment = clock.now()
    handle = request.cookies.get(form.cookie_name(request, "code"), "")
    with store.session() as session:
        phone = phone_code.try_out(session, store.vault, handle, "".join(code.split()), moment)
        is_open = phone is not None or phone_code.is_open(session, store.vault, handle, moment)
        vendor_id = vendor_account.take_up(session, phone, moment) if phone else None
        if phone:
            asked = (throttle.PHONE, device.lane(request, store.vault, phone))
            throttle.forgive(session, store.vault, asked)
        session.commit()
    if vendor_id is None:
        refusal = Refusal("signin.wrong_code" if is_open else "signin.code_is_over")
        return doorstep.again(request, "signin_code.html", refusal, next=next)
    answer = doorstep.admit(request, store, moment, next, vendor_id=vendor_id, by="code")
    form.drop_cookie(request, answer, "code")
    return answer


def make_code(request: Request, store: Store, phone: str, moment: datetime, *more: tuple[Pace, str]) -> phone_code.Made:
    """A code for whoever asks, counted for the phone and the address (and for `more`).

    A browser that has signed in by this phone before is counted for the phone alone: no neighbour is in its way.
    """
    lane = device.lane(request, store.vault, phone)
    address = throttle.neighbourhood(doorstep.guest_of(request).address)
    beside = [] if lane != phone else [(throttle.PHONE_ADDRESS, address)]
    asked_from = throttle.key(store.vault, *beside[0]) if beside else None
    with store.session() as session:
        limits = [(throttle.PHONE, lane), (throttle.PHONE_DAY, phone), *beside, *more]
        throttle.count(session, store.vault, moment, *limits)
        made = phone_code.make(session, store.vault, phone, moment, asked_from=asked_from)
        session.commit()
    return made
