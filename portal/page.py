"""What every page shares: the session, the reader's language, the templates with their filters, the headers."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from sqlmodel import Session

from ground import clock, money, number, words
from ground.store import Store
from portal import chart, form
from portal.person import Person

TEMPLATES = Path(__file__).parent.parent / "templates"
READ = ["GET", "HEAD"]  # monitors ask by HEAD, which FastAPI does not allow by itself
STATIC = Path(__file__).parent / "static"
YEAR_SECONDS = 365 * 24 * 3600
count, percent = number.count, number.percent
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # The same address shows either language.
    "Cache-Control": "no-cache",
    "Vary": "Cookie",
}


def store_of(request: Request) -> Store:
    found = request.app.state.store
    assert isinstance(found, Store)
    return found


def open_session(request: Request) -> Iterator[Session]:
    with store_of(request).session() as session:
        yield session


StoreDep = Annotated[Store, Depends(store_of)]
SessionDep = Annotated[Session, Depends(open_session)]


def language_of(request: Request) -> str:
    """What the reader chose: `?lang=`, else her cookie, else Vietnamese."""
    return _asked_language(request) or _known(request.cookies.get("lang")) or "vi"


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The template as a page in the reader's language, which `?lang=` makes her browser remember."""
    language = language_of(request)
    person = getattr(request.state, "person", None)
    body = (
        _environment()
        .get_template(template)
        .render(
            language=language,
            t=_speaker(language),
            status=status,
            asked_language=_asked_language(request),
            switch=_switch(request, "en" if language == "vi" else "vi"),
            person=person,
            links=_links(person, request.url.path),
            form_token=lambda: _form_token(request),
            **values,
        )
    )
    # What only she may see stays in no cache of a shared computer.
    private = {"Cache-Control": "no-store"} if person is not None else {}
    response = HTMLResponse(body, status, HEADERS | private)
    form.settle(request, response)
    if asked := _asked_language(request):
        secure = request.url.scheme == "https"
        response.set_cookie("lang", asked, max_age=YEAR_SECONDS, samesite="lax", httponly=True, secure=secure)
    return response


class Link(NamedTuple):
    """A page of one's own in the head of every page: its word's key, the name that fills it, where it leads."""

    key: str
    name: str
    path: str
    is_here: bool


def _links(person: Person | None, here: str) -> list[Link]:
    if person is None:
        return []
    if person.is_vendor:
        return [Link("vendor", "", "/stall", here == "/stall")]
    paths = {office.path: office for office in person.offices}
    return [Link(each.role, each.name, path, here == path) for path, each in paths.items()]


def _form_token(request: Request) -> Markup:
    """The hidden field that every form of ours carries: `{{ form_token() }}`."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(form.FIELD, form.token(request))


def attained(part: Fraction, language: str = "vi") -> str:
    """Of a target, cut and never rounded up, so that 99,96 % does not read as 100 % while it is not met."""
    tenths = int(part * 1000)
    text = f"{tenths / 10:.1f}"
    return f"{text}%" if language == "en" else text.replace(".", ",") + "\u00a0%"


def day(when: date) -> str:
    return f"{when:%d/%m/%Y}"


def moment(when: datetime) -> str:
    """The clock at the market: `22/11/2026 12:13`."""
    return f"{when.astimezone(clock.ZONE):%d/%m/%Y %H:%M}"


def clock_time(when: datetime) -> str:
    """The clock at the market, of a day that is known: `12:13`."""
    return f"{when.astimezone(clock.ZONE):%H:%M}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": _in_language(lambda amount, language: money.show(amount, language).replace(" ", "\u00a0")),
        "count": _in_language(count),
        "percent": _in_language(percent),
        "attained": _in_language(attained),
        "day": day,
        "moment": moment,
        "clock_time": clock_time,
        "meter": chart.meter,
    }
    environment.globals["static"] = static
    return environment


def _in_language(show: Callable[[Any, str], str]) -> Callable[[Context, Any], str]:
    @pass_context
    def shown(context: Context, value: Any) -> str:
        return show(value, context["language"])

    return shown


def _speaker(language: str) -> Callable[..., str]:
    def t(key: str, /, **params: object) -> str:
        return words.say(key, language, **params)

    return t


@cache
def static(name: str) -> str:
    """The file's address, another one whenever its content is, so that no browser keeps the old."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


def _switch(request: Request, language: str) -> str:
    """This page in the other language: a relative address, so that the path stays as it is.

    A form that came back with an error has no address of its own: then it is the page it was sent from.
    """
    if request.method not in form.SAFE:
        before = urlsplit(request.headers.get("referer", ""))
        return (before.path if before.netloc == request.url.netloc else "/") + "?" + urlencode({"lang": language})
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return "?" + urlencode([*kept, ("lang", language)])


def _asked_language(request: Request) -> str | None:
    return _known(request.query_params.get("lang"))


def _known(language: str | None) -> str | None:
    return language if language in words.LANGUAGES else None
