"""Findings as pages: a market's board works off its own, the operator all of them; on screen or as an Excel file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import clock, record_number
from ground.refusal import Refusal
from ground.store import Store
from merchants import market
from merchants.market import Market
from payments import concern, decision_sheet, finding, wish, worklist
from payments.wish import Wish
from portal import doorstep, page, throttle
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
Text = Annotated[str, Form()]
Page = Annotated[int, Query(ge=1, le=100_000, alias="page")]
Number = Annotated[int, Query(ge=1, le=record_number.MAX)]
Decided = Annotated[int, Form(ge=1, le=record_number.MAX, alias="number")]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.api_route("/board/{code}/findings", methods=page.READ)
@needs("board", market="code")
def show_own(request: Request, session: SessionDep, code: str, status: str | None = None, number: Page = 1) -> Response:
    """A market's findings; the amount only of money that is nobody's yet."""
    return _list(request, session, market.find(session, code), status, number)


@router.api_route("/findings", methods=page.READ)
@needs("operator")
def show_all(request: Request, session: SessionDep, status: str | None = None, number: Page = 1) -> Response:
    """All findings of all markets."""
    return _list(request, session, None, status, number)


@router.api_route("/board/{code}/findings.xlsx", methods=page.READ)
@needs("board", market="code")
def export_own(request: Request, session: SessionDep, code: str) -> Response:
    """The open ones as a file to be filled in."""
    return _export(request, session, market.find(session, code))


@router.api_route("/findings.xlsx", methods=page.READ)
@needs("operator")
def export_all(request: Request, session: SessionDep) -> Response:
    return _export(request, session, None)


@router.post("/board/{code}/findings/decisions")
@needs("board", market="code")
def import_own(request: Request, store: StoreDep, code: str, file: UploadFile) -> Response:
    """Take the filled-in file in: what is wrong is named by row, the rest is done."""
    return _import(request, store, code, file)


@router.post("/findings/decisions")
@needs("operator")
def import_all(request: Request, store: StoreDep, file: UploadFile) -> Response:
    return _import(request, store, None, file)


@router.api_route("/board/{code}/finding", methods=page.READ)
@needs("board", market="code")
def look_into_own(request: Request, session: SessionDep, code: str, number: Number | None = None) -> Response:
    """One finding, its halves side by side, and what can be decided."""
    return _look(request, session, market.find(session, code), number)


@router.api_route("/finding", methods=page.READ)
@needs("operator")
def look_into(request: Request, session: SessionDep, number: Number | None = None) -> Response:
    return _look(request, session, None, number)


@router.post("/board/{code}/finding")
@needs("board", market="code")
def decide_own(
    request: Request,
    store: StoreDep,
    code: str,
    number: Decided,
    verb: Text = "",
    stall: Text = "",
    reason: Text = "",
) -> Response:
    """Assign, close, or take a decision back."""
    return _decide(request, store, code, Wish(number, verb, stall, reason))


@router.post("/finding")
@needs("operator")
def decide(
    request: Request,
    store: StoreDep,
    number: Decided,
    verb: Text = "",
    stall: Text = "",
    reason: Text = "",
) -> Response:
    return _decide(request, store, None, Wish(number, verb, stall, reason))


def _paths(found: Market | None) -> dict[str, Any]:
    """The list's address and that of one finding, by their names in the templates."""
    root = "" if found is None else f"/board/{found.code}"
    return {"root": f"{root}/findings", "one": f"{root}/finding"}


def _list(
    request: Request, session: Session, found: Market | None, status: str | None, number: int, **more: Any
) -> Response:
    today, language = clock.today(), page.language_of(request)
    asked = status if status in finding.STEPS else None
    items = worklist.page(session, found, today, language, status=asked, number=number)
    counts = worklist.counts(session, found, today)
    total = counts[asked] if asked else sum(counts.values())
    return page.render(
        request,
        "findings.html",
        market=found,
        **_paths(found),
        items=items,
        counts=counts,
        chosen=asked,
        earlier=number - 1,  # 0: there is none
        further=number + 1 if number * worklist.PAGE_ROWS < total else 0,
        **{"taken": None, "faults": (), "error": None, **more},
    )


def _export(request: Request, session: Session, found: Market | None) -> Response:
    body = decision_sheet.write(session, found, page.language_of(request))
    name = f"findings-{found.code if found else 'all'}-{clock.today()}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=XLSX, headers=headers)


def _import(request: Request, store: Store, code: str | None, file: UploadFile) -> Response:
    person, language = signed_in(request), page.language_of(request)
    with store.session() as session, TemporaryDirectory() as folder:
        found = market.find(session, code) if code else None
        throttle.count(session, store.vault, clock.now(), (throttle.UPLOAD, person.who))
        session.commit()
        path = Path(folder) / f"decisions{Path(file.filename or '').suffix.lower()[:6]}"
        path.write_bytes(file.file.read())
        try:
            taken = decision_sheet.take_in(session, path, found, by=person.who)
        except Refusal as refusal:
            session.rollback()
            return _list(request, session, found, None, 1, error=refusal.message(language))
        session.commit()
        faults = [(fault.row, fault.refusal.message(language)) for fault in taken.faults]
        return _list(request, session, found, None, 1, taken=taken, faults=faults)


def _look(request: Request, session: Session, found: Market | None, number: int | None) -> Response:
    if number is None:
        return RedirectResponse(_paths(found)["root"], 303)
    return page.render(request, "finding.html", **_one(request, session, found, number), error=None)


def _one(request: Request, session: Session, found: Market | None, number: int) -> dict[str, Any]:
    item = worklist.one(session, found, number, clock.today(), page.language_of(request))
    steps = finding.STEPS[item.status]
    return {
        "market": found,
        **_paths(found),
        "item": item,
        "halves": worklist.halves(session, found, item, page.language_of(request)),
        "may_assign": "assigned" in steps and item.can_be_assigned,
        "may_close": "closed" in steps,
        "may_undo": "open" in steps and item.status != "resolved",
    }


def _decide(request: Request, store: Store, code: str | None, wished: Wish) -> Response:
    """And back to its page; to the list when it is nobody's business any more, as a decision taken back can be."""
    with store.session() as session:
        found = market.find(session, code) if code else None
        try:
            wish.grant(session, wished, found, by=signed_in(request).who)
        except Refusal as refusal:
            session.rollback()
            return doorstep.again(request, "finding.html", refusal, **_one(request, session, found, wished.finding_id))
        session.commit()
        stays = concern.is_of(session, found, wished.finding_id)
    paths = _paths(found)
    return RedirectResponse(f"{paths['one']}?number={wished.finding_id}" if stays else paths["root"], 303)
