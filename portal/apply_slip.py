"""A vendor without text messages agrees by a slip: she opens it herself, sees what was filled in, and sends it."""

import secrets
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session, col, select

from ground import audit, clock
from ground.refusal import Refusal
from ground.settings import Settings
from ground.vault import Vault
from merchants import agreement, application
from merchants.application import Application
from portal import application_form, doorstep, form, page
from portal.access import Door, everybody
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)
PATH = "/apply/slip/"
VALID = timedelta(hours=24)
WHO = "slip"
"""Whoever had it in hand: it proves no phone, and the board is told so."""


def make(session: Session, vault: Vault, found: Application, moment: datetime) -> str:
    """The token of a new slip for this application; an earlier one is void."""
    if "submit" not in application.STEPS[found.state]:
        raise Refusal("application.not_now", status=409)
    token = secrets.token_urlsafe(24)
    found.slip_hash, found.slip_until = _hash(vault, token), moment + VALID
    session.add(found)
    session.flush()
    return token


def link(settings: Settings, token: str) -> str:
    return settings.base_url.rstrip("/") + PATH + token


@router.api_route("/apply/slip/{token}", methods=page.READ)
@everybody
def show(request: Request, store: StoreDep, session: SessionDep, token: str) -> Response:
    """What the helper filled in, and what she would agree to."""
    found = _find(session, store.vault, token, clock.now())
    return page.render(
        request, "apply_slip.html", **application_form.facts(session, found), token=token, is_sent=False, error=None
    )


@router.post("/apply/slip/{token}")
@everybody
def agree(request: Request, store: StoreDep, token: str, agreed: Annotated[bool, Form()] = False) -> Response:
    """On to the board; the slip is used up by it."""
    moment = clock.now()
    with store.session() as session:
        found = _find(session, store.vault, token, moment, lock=True)
        shown = application_form.facts(session, found) | {"token": token, "is_sent": False}
        try:
            if not agreed:
                raise Refusal("application.not_agreed")
            given = agreement.take_down("slip", page.language_of(request))
            application.submit(session, found, given, by=WHO, moment=moment)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "apply_slip.html", refusal, **shown)
        told = {"state": found.state, "consent": agreement.VERSION}
        audit.record(session, WHO, "application.submit", None, told, subject=f"application:{found.key}")
        session.commit()
        return page.render(request, "apply_slip.html", **shown | {"is_sent": True}, error=None)


def _find(session: Session, vault: Vault, token: str, moment: datetime, *, lock: bool = False) -> Application:
    asked = select(Application).where(
        Application.slip_hash == _hash(vault, token), col(Application.slip_until) > moment
    )
    found = session.exec(asked.with_for_update() if lock else asked).first()
    if found is None:
        raise Refusal("apply.slip_over", status=404)
    return found


def _hash(vault: Vault, token: str) -> bytes:
    return vault.hash(f"application slip:{token}")
