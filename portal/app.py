"""The portal: every page and the API in one FastAPI app, and the one place where refusals are answered."""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from ground.refusal import Refusal
from ground.store import Store
from portal import api, page, pay, public

RETRY_AFTER_SECONDS = 10


def create(store: Store, is_ready: Callable[[], bool]) -> FastAPI:
    """The app on these books; `is_ready` tells whether notices can be kept and posted."""
    app = FastAPI(
        title="Market 4.0",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.store = store
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.include_router(public.router)
    app.include_router(pay.router)
    app.include_router(api.router)
    app.mount("/static", StaticFiles(directory=page.STATIC), name="static")
    app.add_api_route("/healthz", lambda: PlainTextResponse("ok"), methods=page.READ, include_in_schema=False)
    app.add_api_route("/readyz", lambda: _readiness(is_ready()), methods=page.READ, include_in_schema=False)
    app.add_exception_handler(Refusal, _answer_refusal)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(OperationalError, _answer_store_away)
    app.add_exception_handler(Exception, _answer_fault)
    return app


def _readiness(ready: bool) -> Response:
    return PlainTextResponse("ready" if ready else "not ready", status_code=200 if ready else 503)


def _answer_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _answer(request, error.status, error.message(page.language_of(request)), error.code)


def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = Refusal("page.not_found" if error.status_code == 404 else "page.not_possible", status=error.status_code)
    return _answer_refusal(request, refusal)


def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = ", ".join(str(problem["loc"][-1]) for problem in error.errors())
    return _answer_refusal(request, Refusal("page.invalid", status=422, fields=fields))


def _answer_store_away(request: Request, error: Exception) -> Response:
    answer = _answer_refusal(request, Refusal("page.store_away", status=503))
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _answer_fault(request: Request, error: Exception) -> Response:
    """Our bug: the log has it, the reader gets a sentence."""
    return _answer_refusal(request, Refusal("page.our_fault", status=500))


def _answer(request: Request, status: int, message: str, code: str) -> Response:
    """RFC 9457 for programs, a page for people."""
    if request.url.path.split("/")[1] in ("api", "webhooks"):
        problem = {"type": "about:blank", "title": message, "status": status, "code": code}
        return JSONResponse(problem, status_code=status, media_type="application/problem+json")
    return page.render(request, "refusal.html", status=status, message=message)
