"""The public pages: all markets with their published rates, and one market."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from ground import clock
from merchants import market, ward
from merchants.market import Market
from payments import area, published, published_day
from payments.area import Map
from payments.figure import DEFINITIONS_VERSION, Figure
from payments.indicator import Rated
from payments.period import Period
from payments.published_day import Day
from portal import chart, page, period_choice
from portal.access import Door, everybody
from portal.page import SessionDep

router = APIRouter(route_class=Door, include_in_schema=False)
SHARES = ("onboarded", "acceptance", "active_use")
LEVELS = ("cashless_value", "cashless_count")
IN_DONG = ("cashless_value", "value_share", "bill_share", "reconciled_share")


class Place(NamedTuple):
    """Where a market stands today; `ward` None: only its province is known."""

    ward: str | None
    province: str | None
    code: str


class Row(NamedTuple):
    """A market with its figures by name, and the status that all the shown ones have in common."""

    market: Market
    figures: dict[str, Figure]
    status: str | None


@router.api_route("/", methods=page.READ)
@everybody
def show_markets(request: Request, session: SessionDep, period: str | None = None) -> HTMLResponse:
    """Every market, by the ward it stands in today."""
    moment = clock.now()
    asked = period_choice.read(period, clock.business_date(moment))
    rated = {each.area.key: each for each in published.rates_of_markets(session, asked, as_of=moment)}
    drawn = _today(session, moment)
    markets = drawn.markets
    wards: dict[Place, list[Row]] = {}
    for place, found in sorted(((_place(found, drawn), found) for found in markets), key=_order):
        wards.setdefault(place, []).append(_row(found, rated[f"market:{found.code}"]))
    return page.render(
        request,
        "markets.html",
        **_shared(request, asked, period, moment, markets),
        wards=wards,
        total=len(markets),
        k=next((row.figures["active_use"].k for rows in wards.values() for row in rows), None),
    )


@router.api_route("/markets/{code}", methods=page.READ)
@everybody
def show_market(request: Request, session: SessionDep, code: str, period: str | None = None) -> HTMLResponse:
    """One market: every indicator, and its cashless sales of the last 30 days of the period."""
    moment = clock.now()
    found = market.find(session, code)
    asked = period_choice.read(period, clock.business_date(moment))
    rates = published.rates(session, f"market:{code}", asked.text, as_of=moment)
    row = _row(found, rates.whole)
    days = _days(session, found, asked.counted_until(moment), clock.business_date(moment))
    return page.render(
        request,
        "market.html",
        **_shared(request, asked, period, rates.as_of, [found]),
        market=found,
        sealed=rates if rates.revision else None,
        place=_place(found, _today(session, moment)),
        row=row,
        days=days,
        hidden=sum(day.value is None for day in days),
        charts={"wide": chart.draw(days, chart.WIDE), "narrow": chart.draw(days, chart.NARROW)},
    )


def _shared(
    request: Request, asked: Period, period: str | None, moment: datetime, markets: Iterable[Market]
) -> dict[str, Any]:
    """What both pages say: which period, how much of it has been, and whether any of it is made up."""
    return {
        "period": asked,
        "period_name": period_choice.name(asked, page.language_of(request)),
        # Links carry the period only where the reader chose one.
        "chosen": period,
        "choices": period_choice.offered(clock.today()),
        "complete": asked.complete(moment),
        "counted_until": asked.counted_until(moment),
        "as_of": moment,
        "made_up": any(found.made_up for found in markets),
        "shares": SHARES,
        "levels": LEVELS,
        "in_dong": IN_DONG,
        "definitions_version": DEFINITIONS_VERSION,
    }


def _row(found: Market, rated: Rated) -> Row:
    figures = {figure.indicator: figure for figure in rated.figures}
    shown = {figures[name].status for name in SHARES + LEVELS if figures[name].value is not None}
    return Row(found, figures, shown.pop() if len(shown) == 1 else None)


def _today(session: Session, moment: datetime) -> Map:
    today = clock.business_date(moment)
    return area.draw(session, today, today, "period", today)


def _place(found: Market, drawn: Map) -> Place:
    stays = drawn.stays[found.key]
    if not stays:
        return Place(None, None, "")
    last = stays[-1]
    if last.ward is None:
        return Place(None, ward.province_name(last.province_code, drawn.last), last.province_code)
    return Place(last.ward.name, last.ward.province_name, last.ward.code)


def _order(placed: tuple[Place, Market]) -> tuple[str, bool, str, str]:
    """By province, ward code and name; what is in no ward comes after its province's wards."""
    place, found = placed
    return place.province or "\uffff", place.ward is None, place.code, found.name


def _days(session: Session, found: Market, last: date, today: date) -> list[Day]:
    """The 30 days up to `last` or the latest that is over, as far as the market is counted."""
    last = min(last, today - timedelta(days=1))
    first = max(found.since, last - timedelta(days=chart.DAYS - 1))
    told = published_day.read(session, found.key, first, last, today)
    return chart.fill(told, first, last)
