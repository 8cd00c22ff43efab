"""The board's placards: which sections wait for a print, the PDFs, and what became of every print run."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from merchants import market, placard, placard_sheet
from merchants.market import Market
from merchants.placard import PrintRun
from merchants.placard_sheet import Face
from portal import doorstep, page
from portal.access import Door, needs, signed_in
from portal.page import SessionDep, StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
Text = Annotated[str, Form()]
RUNS_SHOWN = 12


class Section(NamedTuple):
    """`name` None: stalls without a section. Codes that are live, never printed, hanging, damaged."""

    name: str | None
    codes: int
    fresh: int
    hanging: int
    damaged: int


class Run(NamedTuple):
    run: PrintRun
    placards: int
    waiting: int


@router.api_route("/board/{code}/placards", methods=page.READ)
@needs("board", market="code")
def show(request: Request, session: SessionDep, code: str, given: int | None = None) -> Response:
    """The market's sections, each with a button that prints it."""
    shown = _shown(session, market.find(session, code))
    return page.render(request, "board_placards.html", **shown, given=given, error=None)


@router.post("/board/{code}/placards")
@needs("board", market="code")
def print_out(
    request: Request,
    store: StoreDep,
    code: str,
    section: Text = "",
    stall: Text = "",
    size: Text = "a6",
    every: Annotated[bool, Form()] = False,
) -> Response:
    """Write down that these are printed, and on to the PDF. `section`: empty is the whole market, `-` without one."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        found = market.find(session, code)
        try:
            chosen = _choose(session, found, section, stall, every)
            placard_sheet.check_size(size)
        except Refusal as refusal:
            return doorstep.again(request, "board_placards.html", refusal, **_shown(session, found), given=None)
        codes = [face.code_id for face in chosen]
        run = placard.record_print(session, found, codes, size, by=person.who, moment=moment)
        told = {"run": run.key, "size": size, "serials": [face.serial for face in chosen]}
        audit.record(session, person.who, "placard.print", None, told, subject=f"market:{code}")
        session.commit()
    return RedirectResponse(f"/board/{code}/placards.pdf?{urlencode({'run': run.key})}", 303)


def _choose(session: Session, found: Market, section: str, stall: str, every: bool) -> list[Face]:
    faces = placard_sheet.faces(session, found, clock.today())
    if stall.strip():
        return placard_sheet.choose(faces, stalls=[stall])
    if section == "-":
        faces = [face for face in faces if not face.section]
    sections = [section] if section not in ("", "-") else ()
    return placard_sheet.choose(faces, sections=sections, only_new=not every)


@router.api_route("/board/{code}/placards.pdf", methods=page.READ)
@needs("board", market="code")
def draw(store: StoreDep, code: str, run: int | None = None) -> Response:
    """The sheets of a print run, also once more, without what was revoked since."""
    if run is None:
        return RedirectResponse(f"/board/{code}/placards", 303)
    moment = clock.now()
    with store.session() as session:
        found = market.find(session, code)
        printed = placard.find_run(session, found, run)
        chosen = placard_sheet.of_run(session, found, printed, clock.business_date(moment))
    drawn = placard_sheet.draw(found, chosen, printed.size, base_url=store.settings.base_url, moment=moment)
    name = f"placards-{code}-{run}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(drawn, media_type="application/pdf", headers=headers)


@router.post("/board/{code}/placards/handing-over")
@needs("board", market="code")
def hand_over(request: Request, store: StoreDep, code: str, run: Annotated[int, Form()]) -> Response:
    """A whole print run reached its stalls."""
    person, moment = signed_in(request), clock.now()
    with store.session() as session:
        found = market.find(session, code)
        printed = placard.find_run(session, found, run)
        given = placard.hand_over_run(session, printed, by=person.who, moment=moment)
        told = {"run": run, "placards": given}
        audit.record(session, person.who, "placard.hand_over", None, told, subject=f"market:{code}")
        session.commit()
    return RedirectResponse(f"/board/{code}/placards?given={given}", 303)


def _shown(session: Session, found: Market) -> dict[str, Any]:
    faces = placard_sheet.faces(session, found, clock.today())
    standings = placard.every(session, found)
    lying = Counter(each.run for each in standings if each.step == "printed")
    printed = Counter(each.run for each in standings)
    runs = placard.runs(session, found, RUNS_SHOWN)
    sections = _sections(faces, standings)
    return {
        "market": found,
        "sections": sections,
        "codes": len(faces),
        "fresh": sum(section.fresh for section in sections),
        "runs": [Run(run, printed[run.key], lying[run.key]) for run in runs],
    }


def _sections(faces: Sequence[Face], standings: Sequence[placard.Standing]) -> list[Section]:
    hung: dict[str, set[str]] = defaultdict(set)
    for each in standings:
        hung[each.step].add(each.serial)
    sections: dict[str | None, list[Face]] = {}
    for face in faces:
        sections.setdefault(face.section or None, []).append(face)
    return [
        Section(
            name,
            len(here),
            sum(not face.printed for face in here),
            sum(face.serial in hung["handed_over"] for face in here),
            sum(face.serial in hung["damaged"] for face in here),
        )
        for name, here in sections.items()
    ]
