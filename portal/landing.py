"""Where one lands after signing in, as long as no page of its own stands there."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ground import clock
from merchants import market
from payments import cash_report, period_run
from portal import page
from portal.access import Door, needs, signed_in
from portal.page import SessionDep

router = APIRouter(route_class=Door, include_in_schema=False)


@router.api_route("/operator", methods=page.READ)
@needs("operator")
def show_operator(request: Request, session: SessionDep) -> Response:
    """Every market, and what an operator looks after."""
    return page.render(request, "operator.html", markets=market.every(session))


@router.api_route("/operator/cash", methods=page.READ)
@needs("operator")
def show_cash(request: Request, session: SessionDep) -> Response:
    """How many cash reports of this month and the last can hardly be, market by market; nobody's takings."""
    today = clock.today()
    months = period_run.months_until(today, 2)
    first = months[0].first
    found = [(each, cash_report.count_flagged(session, each, first, today)) for each in market.every(session)]
    return page.render(
        request,
        "operator_cash.html",
        doubted=[each for each in found if each[1]],
        periods=[each.text for each in months],
        first=first,
        last=today,
    )


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
