"""Who asks at the API: a signed-in person, a program with a key, or anybody; and what each may see of an area."""

from typing import NamedTuple

from fastapi import Request
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from payments.indicator import Audience
from portal import api_key, jurisdiction, page, turnstile
from portal.access import LEVELS, reaches
from portal.person import Office, Person


class Caller(NamedTuple):
    person: Person | None = None
    office: Office | None = None

    def audience(self, session: Session, area: str) -> Audience:
        """What the caller's office makes of her within its reach; `internal` is nobody's over HTTP."""
        level, _, code = area.partition(":")
        if level not in LEVELS:
            return "public"
        if self.office is not None:
            within = jurisdiction.covers(session, self.office, {level: code}, clock.today())
            return "public" if not within else "board" if self.office.role == "board" else "ward"
        if self.person is None:
            return "public"
        if reaches(session, self.person, "ward", "province", **{level: code}):
            return "ward"
        return "board" if reaches(session, self.person, "board", **{level: code}) else "public"


def identify(request: Request) -> Caller:
    """By `Authorization: Bearer KEY`, else by the visit's cookie. Who has no key is counted for the address (429).

    Refuses a wrong key (401) even where nobody needs one: who believes to be known would take what is public for all.
    """
    told = request.headers.get("authorization")
    if told is None:
        turnstile.pass_through(request)
        return Caller(person=request.state.person)
    scheme, _, key = told.partition(" ")
    try:
        if scheme.lower() != "bearer" or not key.strip():
            raise Refusal("api_key.wrong", status=401)
        return Caller(office=api_key.open_with(page.store_of(request), key.strip(), clock.now()))
    except Refusal as refusal:
        if refusal.status == 401:
            turnstile.pass_through(request)
        raise
