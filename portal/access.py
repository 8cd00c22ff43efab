"""Who may see which page: declared beside each route, judged here and nowhere else, before anything of it is read."""

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, TypeVar

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import SecretStr
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from ground import clock
from ground.settings import Settings, secret_values
from ground.store import Store
from payments.providers import proof
from portal import form, jurisdiction, visit
from portal.person import ROLES, Person

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

# Fixed addresses that tell nothing by being there: a stranger is led to the door, and back after it.
ENTRANCES = ("/stall", "/board", "/ward", "/province", "/field", "/operator", "/account")
# Not ours to guard: files everybody may have, and the API's description.
OPEN_PATHS = ("/static", "/api/v1/openapi.json")
LEVELS = ("market", "ward", "province")
Token = Callable[[Settings], SecretStr | None]


class Need(NamedTuple):
    """What a route asks for: one of `roles`, reaching the areas whose codes stand in these path parameters.

    No role at all: the page is everybody's. `person` is anybody who is signed in, `staff` anybody but vendors.
    With a `token` it is nobody's by role, but any program's that brings it.
    """

    roles: frozenset[str] = frozenset()
    areas: tuple[tuple[str, str], ...] = ()
    token: Token | None = None

    @property
    def is_open(self) -> bool:
        return not self.roles and self.token is None


def needs(
    *roles: str, market: str | None = None, ward: str | None = None, province: str | None = None
) -> Callable[[Endpoint], Endpoint]:
    """Declare who may call a route; `market="code"` names the path parameter with the market's code.

    An operator may wherever any of the staff may. A vendor's page is the vendor's alone.
    """
    assert roles and set(roles) <= {*ROLES, "person", "staff"}, f"no such role: {roles}"
    named = zip(LEVELS, (market, ward, province), strict=True)
    return _declare(Need(frozenset(roles), tuple((level, name) for level, name in named if name is not None)))


def everybody(endpoint: Endpoint) -> Endpoint:
    """Declare a page everybody may see."""
    return _declare(Need())(endpoint)


def opened_by(token: Token) -> Callable[[Endpoint], Endpoint]:
    """Declare a page for the operator's programs: only `Authorization: Bearer` with this setting's value opens it."""
    return _declare(Need(token=token))


def _declare(need: Need) -> Callable[[Endpoint], Endpoint]:
    def declare(endpoint: Endpoint) -> Endpoint:
        endpoint.__need__ = need  # type: ignore[attr-defined]
        return endpoint

    return declare


def need_of(route: Any) -> Need:
    """What a route declares. One that declares nothing is our bug, and nobody's page."""
    need = getattr(route.endpoint, "__need__", None)
    assert isinstance(need, Need), f"{route.path}: say who may see it, `@needs(…)` or `@everybody`"
    return need


class Door(APIRoute):
    """A route that asks who is there before it reads the request: every router has `route_class=Door`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        behind = super().get_route_handler()
        need = need_of(self)

        async def guarded(request: Request) -> Response:
            person = await recognise(request)
            if not await _admits(request, need, person):
                if person is None and request.url.path in ENTRANCES and request.method in form.SAFE:
                    return RedirectResponse(f"/signin?next={request.url.path}", 303)
                raise HTTPException(404)
            try:
                if request.method not in form.SAFE and not _is_program(request, person):
                    await form.check(request)
                return await behind(request)
            finally:
                await request.close()

        return guarded

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """A hidden page does not say which methods it takes."""
        match, child = super().matches(scope)
        return (Match.NONE, {}) if match is Match.PARTIAL and not need_of(self).is_open else (match, child)


def _is_program(request: Request, person: Person | None) -> bool:
    """A program at the API brings no cookie, so nobody can make it send what it does not want."""
    return person is None and request.url.path.startswith("/api/")


async def recognise(request: Request) -> Person | None:
    """Who is signed in; looked up once a request, and only where a cookie says so."""
    if not hasattr(request.state, "person"):
        request.state.person = None
        token = request.cookies.get(form.cookie_name(request, "visit"))
        if token:
            request.state.person = await run_in_threadpool(_look_up, request, token)
    found: Person | None = request.state.person
    return found


def _look_up(request: Request, token: str) -> Person | None:
    store: Store = request.app.state.store
    with store.session() as session:
        return visit.recognise(session, store.vault, token, clock.now())


async def _admits(request: Request, need: Need, person: Person | None) -> bool:
    if need.is_open:
        return True
    if need.token is not None:
        return _brings(request, need.token)
    if person is None:
        return False
    asked = {level: str(request.path_params[name]) for level, name in need.areas}
    if not asked:
        return may(person, need)
    return await run_in_threadpool(_may_there, request, person, need, asked)


def _brings(request: Request, token: Token) -> bool:
    """Compared in constant time; while the setting is empty nothing is right."""
    store: Store = request.app.state.store
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    is_right = proof.same(told.strip().encode("latin-1"), secret_values(token(store.settings)))
    return is_right and scheme.lower() == "bearer"


def _may_there(request: Request, person: Person, need: Need, asked: dict[str, str]) -> bool:
    store: Store = request.app.state.store
    with store.session() as session:
        return may(person, need, session, asked)


def may(person: Person, need: Need, session: Session | None = None, asked: dict[str, str] | None = None) -> bool:
    """The one rule. `asked`: the codes that the route's areas have this time."""
    if need.is_open or "person" in need.roles:
        return True
    if person.is_vendor:
        return "vendor" in need.roles and not asked
    if "staff" in need.roles:
        return True
    if person.is_operator:
        return need.roles != {"vendor"}
    offices = [office for office in person.offices if office.role in need.roles]
    if not asked:
        return bool(offices)
    assert session is not None
    today = clock.today()
    return any(jurisdiction.covers(session, office, asked, today) for office in offices)


def reaches(session: Session, person: Person, *roles: str, **asked: str) -> bool:
    """The same rule inside a page: `reaches(session, person, "board", market="cho-a")` for what only some may do."""
    return may(person, Need(frozenset(roles)), session, asked)


def signed_in(request: Request) -> Person:
    """Who is signed in, for a route that needs somebody."""
    found = request.state.person
    assert isinstance(found, Person), "a route that declares no need has nobody"
    return found


def routes(app_routes: list[BaseRoute]) -> list[tuple[str, str, Need]]:
    """Every route of the app as (method, path, need); fails on one that declares nothing."""
    found = []
    for context in iter_route_contexts(app_routes):
        path = str(getattr(context, "path", ""))
        if path.startswith(OPEN_PATHS):
            continue
        route = context.original_route
        assert isinstance(route, Door), f"{path}: its router needs `route_class=Door`"
        found += [(method, path, need_of(route)) for method in sorted(route.methods or ())]
    return found
