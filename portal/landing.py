"""Where one lands after signing in, as long as no page of its own stands there."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import clock
from merchants import market
from portal import jurisdiction, page, period_choice, vendor_account
from portal.access import Door, needs, reaches, signed_in

router = APIRouter(route_class=Door, include_in_schema=False)
SessionDep = Annotated[Session, Depends(page.open_session)]


@router.api_route("/stall", methods=page.READ)
@needs("vendor")
def show_stall(request: Request, session: SessionDep) -> Response:
    """The vendor's stalls."""
    phone = signed_in(request).phone
    assert phone is not None
    return page.render(request, "landing_stall.html", held=vendor_account.held(session, phone, clock.today()))


@router.api_route("/board/{code}", methods=page.READ)
@needs("board", "ward", "province", market="code")
def show_board(request: Request, session: SessionDep, code: str) -> Response:
    """A market's office: where its work begins."""
    found = market.find(session, code)
    stay = jurisdiction.stands(session, code, clock.today())
    own = reaches(session, signed_in(request), "board", market=code)
    choices = period_choice.offered(clock.today())
    ward = stay.ward if stay else None
    return page.render(request, "board.html", market=found, ward=ward, may_print_slips=own, choices=choices)


@router.api_route("/operator", methods=page.READ)
@needs("operator")
def show_operator(request: Request, session: SessionDep) -> Response:
    """Every market, and what an operator looks after."""
    return page.render(request, "operator.html", markets=market.every(session))


@router.api_route("/board", methods=page.READ)
@needs("board")
def find_board(request: Request) -> Response:
    return _first(request, "board")


@router.api_route("/ward", methods=page.READ)
@needs("ward")
def find_ward(request: Request) -> Response:
    return _first(request, "ward")


@router.api_route("/province", methods=page.READ)
@needs("province")
def find_province(request: Request) -> Response:
    return _first(request, "province")


def _first(request: Request, role: str) -> Response:
    """On to the first of one's own."""
    person = signed_in(request)
    codes = person.codes(role)
    return RedirectResponse(f"/{role}/{codes[0]}" if codes else person.landing, 303)
