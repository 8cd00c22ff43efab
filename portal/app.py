"""The portal: every page and the API in one FastAPI app, and the one place where refusals are answered."""

from collections.abc import Callable
from types import MappingProxyType
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from ground.refusal import Refusal
from ground.store import Store
from portal import (
    access,
    api,
    api_shape,
    apply,
    apply_slip,
    board,
    board_applications,
    board_inspections,
    board_placards,
    code_image,
    counting,
    demo_door,
    field,
    field_application,
    field_placards,
    findings,
    inspection,
    landing,
    live,
    metrics,
    open_data,
    own_account,
    own_record,
    own_statement,
    page,
    pay,
    placard_truth,
    public,
    report,
    scoreboard,
    signin,
    signin_link,
    signin_phone,
    slip,
    stall_account,
    stall_leave,
    vendor,
    vendor_app,
    vendor_month,
    ward,
)
from portal.newsroom import Newsroom
from portal.other_origins import OtherOrigins
from portal.shield import Shield
from portal.turnstile import Turnstile

RETRY_AFTER_SECONDS = 10
BODY_MAX = 24 * 2**20  # a photo of 20 MB and its form
ROUTERS = (
    public.router,
    code_image.router,
    pay.router,
    placard_truth.router,
    api.router,
    signin.router,
    signin_phone.router,
    signin_link.router,
    demo_door.router,
    own_account.router,
    own_statement.router,
    own_record.router,
    stall_account.router,
    stall_leave.router,
    apply.router,
    apply_slip.router,
    vendor.router,
    vendor_month.router,
    vendor_app.router,
    live.router,
    slip.router,
    counting.router,
    inspection.router,
    field_placards.router,
    field_application.router,
    field.router,
    board.router,
    board_placards.router,
    board_inspections.router,
    board_applications.router,
    findings.router,
    open_data.router,
    report.router,
    scoreboard.router,
    ward.router,
    landing.router,
)


def create(
    store: Store,
    is_ready: Callable[[], bool],
    parts: metrics.Parts = dict,
    answers: metrics.Answers = MappingProxyType({}),
) -> FastAPI:
    """The app on these books; `is_ready` tells whether notices can be kept and posted.

    `parts`: which parts of the house are up, and `answers`: what the providers' door answered, for `/metrics`.
    """
    app = FastAPI(
        title="Market 4.0",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        max_body_size=BODY_MAX,
    )
    app.state.store = store
    app.state.newsroom = Newsroom(store)
    app.state.turnstile = Turnstile()
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    if origins := store.settings.origins:
        app.add_middleware(OtherOrigins, allow_origins=origins)
    app.add_middleware(Shield, is_secure=store.settings.base_url.startswith("https:"))
    for router in (_health(is_ready), metrics.routes(parts, answers), *ROUTERS):
        app.router.routes.extend(router.routes)  # complete as they are: including would make each of them anew
    api_shape.describe(app)
    app.mount("/static", StaticFiles(directory=page.STATIC), name="static")
    app.add_exception_handler(Refusal, _answer_refusal)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(OperationalError, _answer_store_away)
    app.add_exception_handler(Exception, _answer_fault)
    access.routes(app.routes)  # a route that does not say who may see it stops the house here, not a stranger later
    return app


def _health(is_ready: Callable[[], bool]) -> APIRouter:
    router = APIRouter(route_class=access.Door, include_in_schema=False)

    @access.everybody
    def live() -> Response:
        return PlainTextResponse("ok")

    @access.everybody
    def ready() -> Response:
        up = is_ready()
        return PlainTextResponse("ready" if up else "not ready", status_code=200 if up else 503)

    router.add_api_route("/healthz", live, methods=page.READ)
    router.add_api_route("/readyz", ready, methods=page.READ)
    return router


async def _answer_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    answer = await _answer(request, error.status, error.message(page.language_of(request)), error.code)
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    if "wait" in error.params:
        answer.headers["Retry-After"] = str(error.params["wait"])
    return answer


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    key = {404: "page.not_found", 413: "form.too_large"}.get(error.status_code, "page.not_possible")
    refusal = Refusal(key, status=error.status_code)
    return await _answer_refusal(request, refusal)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = ", ".join(str(problem["loc"][-1]) for problem in error.errors())
    return await _answer_refusal(request, Refusal("page.invalid", status=422, fields=fields))


async def _answer_store_away(request: Request, error: Exception) -> Response:
    answer = await _answer_refusal(request, Refusal("page.store_away", status=503))
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


async def _answer_fault(request: Request, error: Exception) -> Response:
    """Our bug: the log has it, the reader gets a sentence."""
    return await _answer_refusal(request, Refusal("page.our_fault", status=500))


async def _answer(request: Request, status: int, message: str, code: str) -> Response:
    """RFC 9457 for programs, a page for people."""
    if request.url.path.split("/")[1] in ("api", "webhooks"):
        problem = {"type": "about:blank", "title": message, "status": status, "code": code}
        return JSONResponse(problem, status_code=status, media_type="application/problem+json")
    if status == 503:
        request.state.person = None  # nobody can be looked up while the store is away
    person = await access.recognise(request)
    # A page that is hidden and one that is not there offer the same way in.
    door = f"/signin?next={quote(request.url.path)}" if status == 404 and person is None else None
    return page.render(request, "refusal.html", status=status, message=message, door=door)
