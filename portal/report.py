"""The report's downloads: a ward's, a province's and a market's figures as a workbook, a letter and a print."""

from fastapi import APIRouter, Request, Response

from ground import clock
from ground.store import Store
from payments import report, report_paper
from payments.area import Boundaries
from payments.indicator import Audience
from portal import page, period_choice
from portal.access import Door, needs
from portal.page import StoreDep

router = APIRouter(route_class=Door, include_in_schema=False)
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}


@router.api_route("/ward/{code}/report.{ending}", methods=page.READ)
@needs("ward", "province", ward="code")
def of_ward(
    request: Request,
    store: StoreDep,
    code: str,
    ending: str,
    period: str | None = None,
    boundaries: Boundaries = "period",
) -> Response:
    """A ward's report, as its page shows it."""
    return _answer(request, store, f"ward:{code}", ending, period, boundaries, "ward")


@router.api_route("/province/{code}/report.{ending}", methods=page.READ)
@needs("province", province="code")
def of_province(
    request: Request,
    store: StoreDep,
    code: str,
    ending: str,
    period: str | None = None,
    boundaries: Boundaries = "period",
) -> Response:
    """A province's report, as its page shows it."""
    return _answer(request, store, f"province:{code}", ending, period, boundaries, "ward")


@router.api_route("/board/{code}/report.{ending}", methods=page.READ)
@needs("board", "ward", "province", market="code")
def of_market(request: Request, store: StoreDep, code: str, ending: str, period: str | None = None) -> Response:
    """A market's report, for its board and whoever oversees it."""
    return _answer(request, store, f"market:{code}", ending, period, "period", "board")


def _answer(
    request: Request,
    store: Store,
    key: str,
    ending: str,
    period: str | None,
    boundaries: Boundaries,
    audience: Audience,
) -> Response:
    report_paper.check(ending)
    moment, language = clock.now(), page.language_of(request)
    asked = period_choice.read(period, clock.business_date(moment))
    with store.session() as session:
        told = report.gather(
            session, key, asked.text, boundaries=boundaries, audience=audience, language=language, moment=moment
        )
    return Response(
        report_paper.write(told, ending),
        media_type=TYPES[ending],
        headers={
            **page.HEADERS,
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="{told.file_name(ending)}"',
        },
    )
