"""A placard looked at in the field: a photo in, a verdict out, the vendor and the board told of a strange code."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock, message, words
from ground.refusal import Refusal
from ground.store import Store
from merchants import genuine, inspection, market, photo
from merchants.genuine import Verdict
from merchants.market import Market
from payments import sample
from portal import doorstep, field, page, throttle
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
Text = Annotated[str, Form()]
PAYLOAD_MAX = 1000


@router.api_route("/field/{code}/inspection", methods=page.READ)
@needs("helper", "board", market="code")
def ask(request: Request, session: SessionDep, code: str, stall: str = "") -> Response:
    """Where the photo is taken. It can always be uploaded; where the browser reads codes itself, it does so live."""
    found = market.find(session, code)
    known = field.stalls(session, found)
    return page.render(request, "inspection_ask.html", market=found, stall=stall[:40], stalls=known, error=None)


@router.post("/field/{code}/inspection")
@needs("helper", "board", market="code")
def look(
    request: Request,
    store: StoreDep,
    later: BackgroundTasks,
    code: str,
    taken: Annotated[UploadFile | None, File()] = None,
    payload: Text = "",
    stall: Text = "",
) -> Response:
    """Judge what was photographed or scanned, and write it down."""
    content = taken.file.read() if taken is not None else b""
    with store.session() as session:
        found = market.find(session, code)
        try:
            throttle.count(session, store.vault, clock.now(), (throttle.INSPECTION, signed_in(request).who))
            session.commit()
            verdict = _judge(session, content, payload)
            place = inspection.locate(session, found, verdict, stall)
            session.rollback()  # nothing is held while the photo is made small
            small = photo.shrink(content) if _is_picture(verdict, content) else None
        except Refusal as refusal:
            known = field.stalls(session, found)
            return doorstep.again(request, "inspection_ask.html", refusal, market=found, stall=stall[:40], stalls=known)
        number, phone = _write_down(request, session, found, place, small)
        is_told = phone is not None and _may_tell(session, store, phone)
    if phone is not None and is_told:
        later.add_task(message.send, store.settings, phone, words.say("inspection.message", stall=place.stall))
    return RedirectResponse(f"/field/{code}/inspections?number={number}", 303, background=later)


def _judge(session: Session, content: bytes, payload: str) -> Verdict:
    """The photo speaks first; what the phone read itself counts where the photo can't be read."""
    if not content and not payload.strip():
        raise Refusal("inspection.nothing_sent")
    verdict = genuine.check_photo(session, content) if content else None
    if payload.strip() and (verdict is None or verdict.verdict == "unreadable"):
        return genuine.check(session, payload[:PAYLOAD_MAX])
    assert verdict is not None
    return verdict


def _is_picture(verdict: Verdict, content: bytes) -> bool:
    """A file too large, or no picture at all, is not kept."""
    if content and verdict.reason.startswith("image."):
        raise Refusal(verdict.reason, **verdict.params)
    return bool(content)


def _write_down(
    request: Request, session: Session, found: Market, place: inspection.Place, small: bytes | None
) -> tuple[int, str | None]:
    """The inspection's number, and whose phone is to be told."""
    person, moment = signed_in(request), clock.now()
    made = inspection.record(session, found, place, photo=small, by=person.who, moment=moment)
    phone = inspection.vendors_phone(session, place.stall_id, made.inspected_on) if made.verdict == "foreign" else None
    told = {"inspection": made.key, "stall": place.stall, "verdict": made.verdict}
    audit.record(session, person.who, "inspection.add", None, told, subject=f"market:{found.code}")
    session.commit()
    return made.key, phone


def _may_tell(session: Session, store: Store, phone: str) -> bool:
    """Whether she is told once more: a code looked at again and again is not news, and each message costs."""
    try:
        throttle.count(session, store.vault, clock.now(), (throttle.TOLD, f"strange {phone}"))
    except Refusal:
        session.rollback()
        return False
    session.commit()
    return True


@router.api_route("/field/{code}/inspections", methods=page.READ)
@needs("helper", "board", market="code")
def show(request: Request, session: SessionDep, code: str, number: int | None = None) -> Response:
    """What came out of one inspection."""
    if number is None:
        return RedirectResponse(f"/field/{code}", 303)
    found = market.find(session, code)
    seen = inspection.find(session, found, number)
    language, at = page.language_of(request), seen.inspection
    drawn = sample.running(session, found, at.inspected_on)
    return page.render(
        request,
        "inspection.html",
        market=found,
        seen=seen,
        reason=inspection.explain(seen.inspection, seen.stall, language),
        into=inspection.receiver(seen.inspection),
        is_drawn=any(at.stall_id in each.stall_ids for each in drawn),
        has_photo=inspection.has_photo(session, seen.inspection.key),
    )


@router.api_route("/field/{code}/photo", methods=page.READ)
@needs("helper", "board", market="code")
def show_photo(session: SessionDep, code: str, number: int | None = None) -> Response:
    """The photo as it was kept."""
    if number is None:
        return RedirectResponse(f"/field/{code}", 303)
    kept = inspection.find_photo(session, market.find(session, code), number)
    headers = {**page.HEADERS, "Cache-Control": "private, max-age=3600"}
    return Response(kept, media_type="image/jpeg", headers=headers)
