"""Forms that only our own pages can send: a token bound to the visit, or to a cookie before there is one."""

import secrets
from hmac import compare_digest

from fastapi import Request, Response
from starlette.datastructures import FormData

from ground.refusal import Refusal
from ground.store import Store

FIELD = "token"
HEADER = "x-form-token"
BODY_MAX = 64 * 1024  # what a form without files may weigh
SAFE = ("GET", "HEAD", "OPTIONS")
_BYTES = 16


def is_secure(request: Request) -> bool:
    """Whether the page is read over https, also where a proxy speaks it in front of us."""
    store: Store = request.app.state.store
    return request.url.scheme == "https" or store.settings.base_url.startswith("https:")


def cookie_name(request: Request, name: str) -> str:
    """`__Host-` binds a cookie to this very host, this path and https; over plain http it would be refused."""
    return f"__Host-{name}" if is_secure(request) else name


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int | None = None) -> None:
    response.set_cookie(
        cookie_name(request, name), value, seconds, path="/", secure=is_secure(request), httponly=True, samesite="lax"
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    response.delete_cookie(cookie_name(request, name), path="/", secure=is_secure(request), httponly=True)


def token(request: Request) -> str:
    """A form's token, written differently each time, so that nothing can be learnt from how pages compress.

    Without a visit it belongs to a cookie of its own, which the page being made has to set: `settle`.
    """
    owner = _owner(request)
    if owner is None:
        owner = secrets.token_urlsafe(24)
        request.state.new_form_cookie = owner
    proof = _proof(request, owner)
    mask = secrets.token_bytes(_BYTES)
    return (mask + bytes(a ^ b for a, b in zip(mask, proof, strict=True))).hex()


def settle(request: Request, response: Response) -> None:
    """Set the cookie that `token` asked for."""
    if fresh := getattr(request.state, "new_form_cookie", None):
        set_cookie(request, response, "form", fresh)


async def check(request: Request) -> None:
    """Refuse (403) a form that no page of ours made for this browser, and (422) text that holds a zero byte."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refusal("form.foreign", status=403)
    sent = request.headers.get(HEADER, "")
    if request.headers.get("content-type", "").split(";")[0] in (
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ):
        form = await request.form()
        _refuse_zero_bytes(form)
        sent = sent or str(form.get(FIELD, ""))
    owner = _owner(request)
    if owner is None or not _is_ours(request, owner, sent):
        raise Refusal("form.stale", status=403)


def _is_ours(request: Request, owner: str, sent: str) -> bool:
    try:
        told = bytes.fromhex(sent)
    except ValueError:
        return False
    if len(told) != 2 * _BYTES:
        return False
    proof = bytes(a ^ b for a, b in zip(told[:_BYTES], told[_BYTES:], strict=True))
    return compare_digest(proof, _proof(request, owner))


def _owner(request: Request) -> str | None:
    """What the token is bound to: the visit's cookie, else the form's."""
    fresh = getattr(request.state, "new_form_cookie", None)
    if getattr(request.state, "person", None) is not None:
        return request.cookies[cookie_name(request, "visit")]
    return fresh or request.cookies.get(cookie_name(request, "form"))


def _proof(request: Request, owner: str) -> bytes:
    store: Store = request.app.state.store
    return store.vault.hash(f"form:{owner}")


def _refuse_zero_bytes(form: FormData) -> None:
    for name, value in form.multi_items():
        if isinstance(value, str) and "\x00" in value:
            raise Refusal("page.invalid", status=422, fields=name[:40])
