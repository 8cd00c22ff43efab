"""A helper's rounds: the markets one goes round in, and what there is to do at each."""

from datetime import date
from typing import NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from merchants import inspection, market
from merchants.market import Market
from payments import sample
from payments.sample import Sample
from portal import page
from portal.access import Door, needs, signed_in
from portal.page import SessionDep

router = APIRouter(route_class=Door, include_in_schema=False)


class Round(NamedTuple):
    """A drawn sample whose period runs, and its stalls in the order of the lot: number, and whether it was seen."""

    sample: Sample
    stalls: list[tuple[str, bool]]

    @property
    def seen(self) -> int:
        return sum(seen for _, seen in self.stalls)


@router.api_route("/field", methods=page.READ)
@needs("helper")
def show_markets(request: Request, session: SessionDep) -> Response:
    """The markets a helper goes round in; whoever has one only is there at once."""
    codes = signed_in(request).codes("helper")
    found = [each for each in market.every(session) if each.code in codes or signed_in(request).is_operator]
    if len(found) == 1:
        return RedirectResponse(f"/field/{found[0].code}", 303)
    return page.render(request, "field.html", markets=found)


@router.api_route("/field/{code}", methods=page.READ)
@needs("helper", "board", market="code")
def show_market(request: Request, session: SessionDep, code: str) -> Response:
    """What there is to do at a market: the round that was drawn, and what one has seen already."""
    found = market.find(session, code)
    person = signed_in(request)
    mine = inspection.latest(session, found, most=10, by=person.who)
    several = len(person.codes("helper")) > 1 or person.is_operator
    rounds = running_rounds(session, found, clock.today())
    return page.render(request, "field_market.html", market=found, rounds=rounds, mine=mine, several=several)


def running_rounds(session: Session, found: Market, day: date) -> list[Round]:
    """Every sample whose period holds the day, the latest drawn first: a stall may be in several."""
    return [_round(session, found, each) for each in sample.running(session, found, day)]


def _round(session: Session, found: Market, drawn: Sample) -> Round:
    seen = inspection.inspected(session, found, drawn.stall_ids, drawn.first, drawn.last)
    pairs = zip(drawn.drawn, drawn.stall_ids, strict=True)
    return Round(drawn, [(number, stall_id in seen) for number, stall_id in pairs])


_STALLS = text("""
    SELECT s.number FROM stall s JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.status = 'trading' AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    WHERE s.market_id = :market ORDER BY s.number
""")


def stalls(session: Session, found: Market) -> list[str]:
    """The numbers of the stalls that trade today, to choose from."""
    return list(session.execute(_STALLS, {"market": found.key, "day": clock.today()}).scalars())
