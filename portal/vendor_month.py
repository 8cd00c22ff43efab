"""The vendor's month: a stall's days, cashless and in cash, and its revenue book S1a-HKD to take away."""

from datetime import date, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from payments import own_day, period, revenue_book, revenue_sheet
from payments.own_day import OwnDay, OwnStall
from payments.period import Period
from portal import page
from portal.access import Door, needs, signed_in
from portal.page import SessionDep

router = APIRouter(route_class=Door, include_in_schema=False)
BOOKS = {
    "xlsx": (revenue_sheet.xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": (revenue_sheet.pdf, "application/pdf"),
}


@router.api_route("/stall/month", methods=page.READ)
@needs("vendor")
def show(request: Request, session: SessionDep, stall: str = "", month: str = "") -> Response:
    """One stall's month, the running one if none is asked for."""
    today = clock.today()
    stalls = own_day.stalls(session, _phone(request), today)
    if not stalls:
        raise Refusal("own_word.not_her_stall", status=404)
    chosen = _chosen(stalls, stall)
    asked = _month(month, today)
    return page.render(request, "vendor_month.html", **_shown(session, _phone(request), stalls, chosen, asked, today))


@router.api_route("/stall/book.{ending}", methods=page.READ)
@needs("vendor")
def write_book(request: Request, session: SessionDep, ending: str, stall: str = "", month: str = "") -> Response:
    """The revenue book of one of her stalls and a month, as a workbook or to print and sign."""
    if ending not in BOOKS:
        raise Refusal("page.not_found", status=404)
    moment = clock.now()
    stalls = own_day.stalls(session, _phone(request), clock.business_date(moment))
    if not stalls:
        raise Refusal("own_word.not_her_stall", status=404)
    chosen = _chosen(stalls, stall)
    asked = _month(month, clock.business_date(moment))
    book = revenue_book.open_book(session, chosen.stall_id, chosen.merchant_id, asked.text, moment=moment)
    write, kind = BOOKS[ending]
    attached = f'attachment; filename="{book.file_name(ending)}"'
    return Response(
        write(book), media_type=kind, headers={"Content-Disposition": attached, "Cache-Control": "no-store"}
    )


def _shown(
    session: Session, phone: str, stalls: list[OwnStall], chosen: OwnStall, asked: Period, today: date
) -> dict[str, Any]:
    until = min(asked.last, today)
    days = [until - timedelta(days=back) for back in range((until - asked.first).days + 1)]
    known = {day: one for (_, day), one in own_day.of_days(session, phone, [chosen], days).items()}
    before, after = asked.first - timedelta(days=1), asked.last + timedelta(days=1)
    return {
        "stalls": stalls,
        "chosen": chosen,
        "month": asked,
        "before": f"{before:%Y-%m}",
        "after": f"{after:%Y-%m}" if after <= today else None,
        "days": [known.get(day, OwnDay(day)) for day in days],
        "sum": own_day.total(known.values(), asked.first),
        "whole": sum(each.all for each in known.values()),
    }


def _chosen(stalls: list[OwnStall], asked: str) -> OwnStall:
    """One of hers by its id; the first if none is asked for. Refusal (404) for somebody else's."""
    if not asked:
        return stalls[0]
    found = next((each for each in stalls if str(each.stall_id) == asked), None)
    if found is None:
        raise Refusal("own_word.not_her_stall", status=404)
    return found


def _month(told: str, today: date) -> Period:
    """`2026-10`; the running month for what is none, or has not begun."""
    running = period.parse(f"{today:%Y-%m}")
    try:
        asked = period.parse(told) if told else running
    except Refusal:
        return running
    return asked if 28 <= asked.days <= 31 and asked.first <= today else running


def _phone(request: Request) -> str:
    phone = signed_in(request).phone
    assert phone is not None
    return phone
