"""What every way of signing in ends with: a visit begun, its cookie set, and the page one wanted."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit
from ground.refusal import Refusal
from ground.store import Store
from portal import device, form, page, staff, visit
from portal.person import ROLES, Person
from portal.staff import Staff
from portal.visit import Guest


def guest_of(request: Request) -> Guest:
    """Where a request comes from; behind a proxy only where MARKET_TRUSTED_PROXIES names it."""
    address = request.client.host if request.client else ""
    return Guest(address, request.headers.get("user-agent", ""))


def admit_staff(
    request: Request, store: Store, moment: datetime, next_: str, whom: Staff, *, by: str = "password"
) -> Response:
    """One of the staff whose password is known: in, or on to the second factor."""
    if whom.totp_at is None:
        return admit(request, store, moment, next_, staff_id=whom.key, by=by)
    with store.session() as session:
        half = visit.begin(session, store.vault, moment, guest_of(request), staff_id=whom.key, proved=False)
        session.commit()
    answer = RedirectResponse(f"/signin/second{asked(next_)}", 303)
    form.set_cookie(request, answer, "half", half)
    return answer


def admit(
    request: Request,
    store: Store,
    moment: datetime,
    next_: str,
    *,
    staff_id: int | None = None,
    vendor_id: int | None = None,
    by: str,
) -> Response:
    """Begin the visit and go where it was wanted, else where this person lands. `by` says what opened the door."""
    with store.session() as session:
        before: Person | None = request.state.person
        if before is not None:  # who comes in as somebody else has left
            leave(session, before, moment)
        guest = guest_of(request)
        token = visit.begin(session, store.vault, moment, guest, staff_id=staff_id, vendor_id=vendor_id)
        person = visit.recognise(session, store.vault, token, moment)
        if person is None:  # the account ended in the same moment
            raise Refusal("signin.wrong")
        told = {"visit": person.visit_id, "by": by}
        audit.record(session, person.who, "session.begin", None, told, subject=person.who)
        session.commit()
    answer = go(next_, person)
    lasting = int(visit.VENDOR_WHOLE.total_seconds()) if person.is_vendor else None
    form.set_cookie(request, answer, "visit", token, lasting)
    form.drop_cookie(request, answer, "form")
    device.remember(request, answer, store.vault, person.phone or account_of(person.name))
    return answer


def leave(session: Session, person: Person, moment: datetime) -> None:
    """End the visit a person is here by."""
    if visit.end(session, moment, staff_id=person.staff_id, vendor_id=person.vendor_id, only=[person.visit_id]):
        audit.record(session, person.who, "session.end", {"visit": person.visit_id}, None, subject=person.who)


def account_of(name: str) -> str:
    """The account a name is counted for when somebody tries passwords, whether there is one or not."""
    return staff.key_of(name)[: staff.NAME_MAX]


def go(next_: str, person: Person) -> Response:
    """Only within the house: `//other.example` is somebody else's."""
    is_ours = next_.startswith("/") and next_[1:2] not in ("/", "\\") and next_.isprintable()
    return RedirectResponse(next_ if is_ours else person.landing, 303)


def doors(request: Request, next_: str, name: str = "") -> dict[str, Any]:
    """What the sign-in page shows: where it leads to, the name typed before, and the demo's parts in the demo."""
    is_demo = page.store_of(request).settings.demo
    return {"next": next_, "name": name[: staff.NAME_MAX], "demo_roles": ROLES if is_demo else ()}


def asked(next_: str) -> str:
    return f"?{urlencode({'next': next_})}" if next_ else ""


def again(request: Request, template: str, refusal: Refusal, **values: Any) -> Response:
    """The same form with what is wrong above it."""
    said = refusal.message(page.language_of(request))
    answer = page.render(request, template, status=refusal.status, error=said, **values)
    if "wait" in refusal.params:
        answer.headers["Retry-After"] = str(refusal.params["wait"])
    return answer
