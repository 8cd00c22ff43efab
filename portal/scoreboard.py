"""The scoreboard's page: targets and results of a ward or a province, and the forms that set and withdraw targets."""

from datetime import datetime
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlmodel import Session

from ground import audit, clock
from ground.refusal import Refusal
from payments import area, period, period_run, scoreboard, target
from payments.area import Area
from payments.period import Period
from payments.scoreboard import Scoreboard
from portal import doorstep, form, freshness, page, period_choice
from portal.access import Door, needs, signed_in
from portal.page import SessionDep
from portal.public import IN_DONG, LEVELS

router = APIRouter(route_class=Door, include_in_schema=False)
Text = Annotated[str, Form()]
BANDS = ("met", "near", "behind", "far")
AHEAD = 2  # the current quarter and so many after it are offered for targets
NOTHING = {"of": "", "indicator": "", "value": ""}
OUTCOMES = ("saved", "unchanged", "withdrawn")


@router.api_route("/ward/{code}/scoreboard", methods=page.READ)
@needs("ward", "province", ward="code")
def show_of_ward(request: Request, session: SessionDep, code: str, period: str | None = None) -> Response:
    """A ward's targets and its markets', and how they are met."""
    return _show(request, session, f"ward:{code}", period)


@router.api_route("/province/{code}/scoreboard", methods=page.READ)
@needs("province", province="code")
def show_of_province(request: Request, session: SessionDep, code: str, period: str | None = None) -> Response:
    """A province's targets, its wards' and their markets', and how they are met."""
    return _show(request, session, f"province:{code}", period)


@router.post("/ward/{code}/targets", max_body_size=form.BODY_MAX)
@needs("ward", "province", ward="code")
def put_in_ward(
    request: Request,
    session: SessionDep,
    code: str,
    of: Text = "",
    indicator: Text = "",
    period: Text = "",
    value: Text = "",
) -> Response:
    """A target of the ward or of one of its markets; an empty value withdraws it."""
    return _put(request, session, f"ward:{code}", of, indicator, period, value)


@router.post("/province/{code}/targets", max_body_size=form.BODY_MAX)
@needs("province", province="code")
def put_in_province(
    request: Request,
    session: SessionDep,
    code: str,
    of: Text = "",
    indicator: Text = "",
    period: Text = "",
    value: Text = "",
) -> Response:
    """A target of the province or of one of its wards; an empty value withdraws it."""
    return _put(request, session, f"province:{code}", of, indicator, period, value)


def _show(request: Request, session: Session, key: str, text: str | None) -> Response:
    tag = freshness.tag(request, session, signed_in(request), page.language_of(request))
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if freshness.is_known(request, tag):
        return freshness.unchanged(headers)
    asked = period_choice.read(text or _quarter(), clock.today())
    done = request.query_params.get("done")
    shown = _shown(session, key, asked, page.language_of(request))
    shown |= {"done": done if done in OUTCOMES else None, "error": None, "typed": NOTHING}
    answer = page.render(request, "scoreboard.html", **shown)
    answer.headers.update(headers)
    return answer


def _put(
    request: Request, session: Session, key: str, of: str, indicator: str, period_text: str, written: str
) -> Response:
    person, moment = signed_in(request), clock.now()
    try:
        asked = period.parse(period_text)
        wanted = _read(indicator, written) if written.strip() else None
        if of not in [each.key for each in _settable(session, key, asked, moment)]:
            raise Refusal("target.not_yours", status=422)
        put = target.put(session, of, indicator, asked.text, wanted, by=person.who, at=moment)
    except Refusal as refusal:
        return _again(request, session, key, refusal, {"of": of, "indicator": indicator, "value": written}, period_text)
    if put.is_new:
        audit.record(session, person.who, target.ACT[wanted is None], *target.told(put), subject=of)
    session.commit()
    done = target.outcome(put).partition(".")[2]
    return RedirectResponse(f"{_path(key)}?period={asked.text}&done={done}", 303)


def _again(
    request: Request, session: Session, key: str, refusal: Refusal, typed: dict[str, str], text: str
) -> Response:
    session.rollback()
    try:
        asked = period.parse(text)
    except Refusal:
        asked = period.parse(_quarter())
    shown = _shown(session, key, asked, page.language_of(request))
    refused = Refusal(refusal.code, status=422, **refusal.params)
    return doorstep.again(request, "scoreboard.html", refused, done=None, typed=typed, **shown)


def _read(indicator: str, written: str) -> Any:
    """On a form a share is typed in percent: `80` is 80 %, and what looks like a fraction is asked again."""
    if indicator in target.NAMES and indicator not in LEVELS and not written.strip().endswith("%"):
        share = target.read(indicator, f"{written}%")
        if share <= target.PERCENT:
            raise Refusal("target.in_percent", value=written.strip()[:40])
        return share
    return target.read(indicator, written)


def _shown(session: Session, key: str, asked: Period, language: str) -> dict[str, Any]:
    moment = clock.now()
    settable = _settable(session, key, asked, moment)
    begun = asked.first <= clock.business_date(moment)
    board = scoreboard.read(session, key, asked.text, audience="ward", as_of=moment) if begun else None
    wanted = [] if begun else [each for each in target.current(session, asked.text) if each.area in _keys(settable)]
    return {
        "area": settable[0],
        "path": _path(key),
        "level": key.partition(":")[0],
        "period": asked,
        "period_name": period_choice.name(asked, language),
        "periods": {each.text: period_choice.name(each, language) for each in _offered(asked)},
        "begun": begun,
        "complete": asked.complete(moment),
        "board": board,
        "counts": {band: board.bands[band] for band in BANDS} if board else {},
        "summary": scoreboard.summary(board, language) if board and board.judged else None,
        "groups": _groups(board),
        "wanted": wanted,
        "settable": settable,
        "indicators": target.SETTABLE,
        "levels": LEVELS,
        "in_dong": IN_DONG,
        "names": {each.key: each.name for each in settable},
    }


def _groups(board: Scoreboard | None) -> list[tuple[Area, list[Any]]]:
    """The targets area by area."""
    return [(found, list(each)) for found, each in groupby(board.judged, lambda each: each.area)] if board else []


def _settable(session: Session, key: str, asked: Period, moment: datetime) -> list[Area]:
    """The office's own area and its parts: what it may set targets of. Of a period ahead as things stand today."""
    drawn = area.draw(session, asked.first, asked.last, "period", clock.business_date(moment))
    whole, parts = area.find(key, asked, drawn)
    return [whole, *{part.key: part for part in parts}.values()]


def _keys(areas: list[Area]) -> set[str]:
    return {each.key for each in areas}


def _offered(asked: Period) -> list[Period]:
    """The quarters and the years that targets are usually set for, and the period that is looked at."""
    today = clock.today()
    quarter = period_run.at(today, "quarter")
    quarters = period_run.back(quarter, 5)[::-1]
    ahead = [quarter]
    for _ in range(AHEAD):
        ahead.append(period_run.at(ahead[-1].last + period_run.DAY, "quarter"))
    year = period_run.at(today, "year")
    found = [*ahead[:0:-1], *quarters, period_run.at(today, "month"), year]
    return found if asked in found else [asked, *found]


def _quarter() -> str:
    return period_run.at(clock.today(), "quarter").text


def _path(key: str) -> str:
    level, _, code = key.partition(":")
    return f"/{level}/{code}/scoreboard"
