"""A market board's pages: what waits, the funnel, the roll as a plan, who went quiet, and the same as files."""

from datetime import date, datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from ground import clock
from merchants import application, inspection, market, placard_sheet
from merchants.market import Market
from payments import activity, board_sheet, funnel, observation, worklist
from payments.activity import Place, Section
from payments.board_sheet import Table
from portal import field, jurisdiction, page, period_choice, stall_plan
from portal.access import Door, needs, reaches, signed_in
from portal.page import SessionDep
from portal.stall_plan import Drawn

router = APIRouter(route_class=Door, include_in_schema=False)
Number = Annotated[int, Query(ge=1, le=100_000, alias="page")]
IDLE = ("quiet", "unused")
IDLE_SHOWN = 8
PAGE_STALLS = 60
NO_SECTION = "-"  # in an address: the stalls without one


class Task(NamedTuple):
    """Something that may wait for the board; `waiting` of them do."""

    key: str
    waiting: int
    path: str


class Block(NamedTuple):
    """A section on the plan."""

    section: Section
    drawn: Drawn
    path: str


class Round(NamedTuple):
    """A sample whose period runs: how many of its stalls were inspected, and at how many customers were counted."""

    period: str
    size: int
    inspected: int
    observed: int


@router.api_route("/board/{code}", methods=page.READ)
@needs("board", "ward", "province", market="code")
def show(request: Request, session: SessionDep, code: str, period: str | None = None) -> Response:
    """Where a board's day begins. Whoever oversees it sees the funnel and the reports, no single stall."""
    moment = clock.now()
    today = clock.business_date(moment)
    found = market.find(session, code)
    asked = period_choice.read(period, today)
    stay = jurisdiction.stands(session, code, today)
    own = reaches(session, signed_in(request), "board", market=code)
    return page.render(
        request,
        "board.html",
        market=found,
        ward=stay.ward if stay else None,
        funnel=funnel.read(session, found, asked.text, moment),
        period=asked,
        period_name=period_choice.name(asked, page.language_of(request)),
        choices=period_choice.offered(today),
        complete=asked.complete(moment),
        counted_until=asked.counted_until(moment),
        own=_own(request, session, found, today) if own else None,
    )


def _own(request: Request, session: Session, found: Market, today: date) -> dict[str, Any]:
    """What only the board itself sees."""
    places = activity.read(session, found, today)
    counts = activity.count(places)
    idle = activity.lately_first(places, IDLE)
    return {
        "today": today,
        "tasks": _tasks(session, found, today, counts),
        "blocks": [_block(found, each) for each in activity.sections(places)],
        "counts": counts,
        "stalls": len(places),
        "idle": idle[:IDLE_SHOWN],
        "all_idle": len(idle),
        "quiet_days": activity.QUIET_DAYS,
        "glyphs": stall_plan.GLYPHS,
        "rounds": [_round(session, found, each) for each in field.running_rounds(session, found, today)],
        "last_look": next((each.inspection for each in inspection.latest(session, found, most=1)), None),
    }


def _tasks(session: Session, found: Market, today: date, counts: dict[str, int]) -> list[Task]:
    root = f"/board/{found.code}"
    return [
        Task("applications", application.waiting(session, found.key), f"{root}/applications"),
        Task("findings", worklist.counts(session, found, today)["open"], f"{root}/findings?status=open"),
        Task("strange", len(inspection.notices(session, found)), f"{root}/inspections"),
        Task("placards", placard_sheet.count_fresh(session, found, today), f"{root}/placards"),
        Task("idle", sum(counts.get(state, 0) for state in IDLE), f"{root}/stalls?state=idle"),
        Task("no_code", counts.get("no_code", 0), f"{root}/stalls?state=no_code"),
    ]


def _block(found: Market, section: Section) -> Block:
    path = f"/board/{found.code}/stalls?{urlencode({'section': section.name or NO_SECTION})}"
    return Block(section, stall_plan.draw(section.places), path)


def _round(session: Session, found: Market, drawn: field.Round) -> Round:
    of = drawn.sample
    counted = observation.observed(session, found, of.stall_ids, of.first, of.last)
    return Round(of.period, of.size, drawn.seen, len(counted))


@router.api_route("/board/{code}/stalls", methods=page.READ)
@needs("board", market="code")
def show_stalls(
    request: Request, session: SessionDep, code: str, section: str = "", state: str = "", number: Number = 1
) -> Response:
    """The roll, stall by stall: one section, or one state, or all of it."""
    found = market.find(session, code)
    places = activity.read(session, found, clock.today())
    names = [each.name or NO_SECTION for each in activity.sections(places)]
    here = [each for each in places if not section or (each.section or NO_SECTION) == section]
    chosen = _choose(here, state)
    first = PAGE_STALLS * (number - 1)
    asked = {"section": section, "state": state}
    return page.render(
        request,
        "board_stalls.html",
        market=found,
        sections=names,
        no_section=NO_SECTION,
        section=section,
        state=state,
        counts=activity.count(here),
        places=chosen[first : first + PAGE_STALLS],
        total=len(chosen),
        earlier=_page(asked, number - 1) if number > 1 else None,
        further=_page(asked, number + 1) if first + PAGE_STALLS < len(chosen) else None,
        quiet_days=activity.QUIET_DAYS,
        glyphs=stall_plan.GLYPHS,
    )


def _choose(places: list[Place], state: str) -> list[Place]:
    """In the order one walks; who is idle, the latest first."""
    if state == "idle":
        return activity.lately_first(places, IDLE)
    if state in IDLE:
        return activity.lately_first(places, [state])
    return [each for each in places if state in ("", each.state)]


def _page(asked: dict[str, str], number: int) -> str:
    return "?" + urlencode({**{name: value for name, value in asked.items() if value}, "page": number})


@router.api_route("/board/{code}/stalls.{ending}", methods=page.READ)
@needs("board", market="code")
def export_stalls(request: Request, session: SessionDep, code: str, ending: str) -> Response:
    """The roll with what is used of it; corrected, it can be taken in again."""
    moment = clock.now()
    places = activity.read(session, market.find(session, code), clock.business_date(moment))
    return _file(board_sheet.roll(places, page.language_of(request)), f"stalls-{code}", ending, moment)


@router.api_route("/board/{code}/funnel.{ending}", methods=page.READ)
@needs("board", "ward", "province", market="code")
def export_funnel(request: Request, session: SessionDep, code: str, ending: str, period: str | None = None) -> Response:
    """The funnel of a period."""
    moment = clock.now()
    asked = period_choice.read(period, clock.business_date(moment))
    told = funnel.read(session, market.find(session, code), asked.text, moment)
    return _file(board_sheet.funnel(told, page.language_of(request)), f"funnel-{code}-{asked.text}", ending, moment)


def _file(table: Table, name: str, ending: str, moment: datetime) -> Response:
    day = clock.business_date(moment)
    body = board_sheet.write(table, ending, day)
    headers = {**page.HEADERS, "Cache-Control": "no-store"}
    headers["Content-Disposition"] = f'attachment; filename="{name}-{day}.{ending}"'
    return Response(body, media_type=board_sheet.ENDINGS[ending], headers=headers)
