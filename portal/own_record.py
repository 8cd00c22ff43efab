"""What is kept about a vendor: all of it shown to her, given as a file, and erased as far as the books allow."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from merchants import leaving
from portal import doorstep, dossier, erasure, form, page
from portal.access import Door, needs, signed_in
from portal.dossier import Whose
from portal.kept_kind import KINDS
from portal.page import SessionDep, StoreDep
from portal.person import Person

router = APIRouter(route_class=Door, include_in_schema=False, max_body_size=form.BODY_MAX)


@router.api_route("/stall/mine", methods=page.READ)
@needs("vendor")
def show(request: Request, session: SessionDep) -> Response:
    """Every kind of thing there is about her, how long it is kept, and what an erasure does to it."""
    return page.render(request, "own_record.html", **_shown(request, session), error=None)


@router.api_route("/stall/mine.zip", methods=page.READ)
@needs("vendor")
def take_away(request: Request, session: SessionDep) -> Response:
    """All of it as one file."""
    moment, language, her = clock.now(), page.language_of(request), _whose(session, signed_in(request))
    packed = dossier.pack(dossier.read(session, her, language), her, moment, language, _days(request))
    name = f"cho40-cua-toi-{clock.business_date(moment)}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(packed, media_type="application/zip", headers=headers)


@router.post("/stall/mine/erasure")
@needs("vendor")
def erase(request: Request, store: StoreDep, agreed: Annotated[bool, Form()] = False) -> Response:
    """Erase it, sign her out everywhere, and say once more what stays and why."""
    person, moment = signed_in(request), clock.now()
    assert person.vendor_id is not None and person.phone is not None
    with store.session() as session:
        try:
            if not agreed:
                raise Refusal("own_record.not_agreed")
            touched = erasure.erase(session, person.vendor_id, person.phone, moment)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "own_record.html", refusal, **_shown(request, session))
        audit.record(session, person.who, "vendor.erase", None, touched, subject=person.who)
        session.commit()
    request.state.person = None  # there is nobody any more
    answer = page.render(request, "own_record_gone.html", staying=_staying())
    form.drop_cookie(request, answer, "visit")
    form.drop_cookie(request, answer, "known")
    return answer


def _whose(session: Session, person: Person) -> Whose:
    assert person.vendor_id is not None and person.phone is not None
    return dossier.whose(session, person.vendor_id, person.phone)


def _shown(request: Request, session: Session) -> dict[str, Any]:
    her = _whose(session, signed_in(request))
    still = leaving.connected(session, her.phone, clock.today() + leaving.DAY)
    kept = dossier.glance(session, her, page.language_of(request))
    return {"kept": kept, "must_leave": bool(still), "staying": _staying(), "days": _days(request)}


def _days(request: Request) -> int:
    """How long memos and photos are kept here."""
    return page.store_of(request).settings.raw_retention_days


def _staying() -> list[str]:
    """The kinds of which something stays after an erasure."""
    return [kind.key for kind in KINDS if kind.fate != "goes"]
