"""The open data: the page that leads to it, the CSV with its dictionary, SDMX, and the catalogue."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlmodel import Session

from ground import clock
from ground.store import Store
from merchants import market
from payments import open_catalog, open_data, open_rows, period, period_name
from payments.open_catalog import Address
from payments.open_data import Edition
from portal import freshness, page, period_choice, turnstile
from portal.access import Door, everybody
from portal.page import SessionDep, StoreDep

router = APIRouter(
    prefix="/open", route_class=Door, include_in_schema=False, dependencies=[Depends(turnstile.pass_through)]
)
CSV, SDMX_CSV = "text/csv; charset=utf-8; header=present", "application/vnd.sdmx.data+csv; version=2.0.0; charset=utf-8"
SDMX_JSON, JSON_LD = "application/vnd.sdmx.structure+json; version=2.0.0", "application/ld+json"
Write = Callable[[Edition, str], Iterator[str]]


@router.api_route("/", methods=page.READ)
@everybody
def show(request: Request, session: SessionDep, store: StoreDep, period: str | None = None) -> Response:
    """What there is to download, and what its columns and codes mean."""
    today, language = clock.today(), page.language_of(request)
    asked = period_choice.read(period, today)
    at = _address(store)
    return page.render(
        request,
        "open_data.html",
        period=asked,
        period_name=period_name.name(asked, language),
        archive={each.text: period_name.name(each, language) for each in (asked, *_periods())},
        columns=open_data.COLUMNS,
        codes={"obs_status": open_rows.OBS_STATUS, "conf_status": open_rows.CONF_STATUS},
        made_up=any(found.made_up for found in market.every(session)),
        licence=at.licence,
        publisher=at.publisher,
    )


@router.api_route("/rates.csv", methods=page.READ)
@everybody
def download_csv(request: Request, session: SessionDep, period: str | None = None) -> Response:
    """Every area and indicator of a period."""
    return _stream(request, session, period, "csv", CSV, open_data.as_csv)


@router.api_route("/rates.sdmx.csv", methods=page.READ)
@everybody
def download_sdmx(request: Request, session: SessionDep, period: str | None = None) -> Response:
    """The same as SDMX-CSV 2.0."""
    return _stream(request, session, period, "sdmx.csv", SDMX_CSV, open_rows.as_csv)


@router.api_route("/rates.csv-metadata.json", methods=page.READ)
@everybody
def describe(store: StoreDep, period: str | None = None) -> Response:
    """The CSV's dictionary, as CSV on the Web has it."""
    asked = period_choice.read(period, clock.today())
    return JSONResponse(open_catalog.dictionary(_address(store), asked), media_type="application/csvm+json")


@router.api_route("/structure.json", methods=page.READ)
@everybody
def structure() -> Response:
    """The structure of the SDMX-CSV."""
    from payments import open_structure

    return Response(open_structure.structure(clock.now()), media_type=SDMX_JSON)


@router.api_route("/catalog.jsonld", methods=page.READ)
@everybody
def catalog(store: StoreDep) -> Response:
    """All of it for portals of open data."""
    told = open_catalog.catalog(_address(store), _periods(), as_of=clock.now())
    return JSONResponse(told, media_type=JSON_LD)


def _stream(request: Request, session: Session, period: str | None, ending: str, media: str, write: Write) -> Response:
    """The figures are read before the answer begins, so that a refusal still is one; the rows follow as they come."""
    moment, language = clock.now(), page.language_of(request)
    asked = period_choice.read(period, clock.business_date(moment))
    headers: dict[str, Any] = {
        "ETag": freshness.tag(request, session, "public", language),
        "Cache-Control": "no-cache",
        "Vary": "Cookie",
        "Content-Disposition": f'attachment; filename="rates_{asked.text}.{ending}"',
        "Link": f'</open/rates.csv-metadata.json?period={asked.text}>; rel="describedby"; type="application/csvm+json"'
        if ending == "csv"
        else '</open/structure.json>; rel="describedby"',
    }
    if freshness.is_known(request, headers["ETag"]):
        return freshness.unchanged(headers)
    edition = open_data.publish(session, asked, as_of=moment)
    return StreamingResponse(write(edition, language), media_type=media, headers=headers)


def _periods() -> list[period.Period]:
    return [period.parse(text) for text in period_choice.archive(clock.today())]


def _address(store: Store) -> Address:
    asked = store.settings
    return Address(asked.base_url, asked.open_data_publisher, asked.open_data_licence)
