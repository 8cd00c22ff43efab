"""The images of a stall's code: as it hangs there, or for one payment of an amount."""

import hashlib

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from ground import clock
from merchants import payee, qr_image
from portal import page
from portal.access import Door, everybody
from portal.amount import read_amount
from portal.page import SessionDep

router = APIRouter(route_class=Door, include_in_schema=False)
HEADERS = {
    # A code's content never changes: another account is another code.
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


@router.api_route("/q/{serial}.svg", methods=page.READ)
@everybody
def show_svg(request: Request, session: SessionDep, serial: str, amount: str | None = None) -> Response:
    """The code as SVG, read back before it is shown. 404 unknown, 410 revoked."""
    payload = _payload(session, serial, amount)
    return _known(request, payload, "svg") or Response(
        qr_image.svg(payload, title=f"VietQR {serial}"), headers=_headers(payload, "svg"), media_type="image/svg+xml"
    )


@router.api_route("/q/{serial}.png", methods=page.READ)
@everybody
def show_png(request: Request, session: SessionDep, serial: str, amount: str | None = None) -> Response:
    """The code as PNG, read back before it is shown. 404 unknown, 410 revoked."""
    payload = _payload(session, serial, amount)
    return _known(request, payload, "png") or Response(
        qr_image.png(payload), headers=_headers(payload, "png"), media_type="image/png"
    )


def _payload(session: Session, serial: str, amount: str | None) -> str:
    return payee.payload(payee.find(session, serial, clock.today()), read_amount(amount))


def _known(request: Request, payload: str, form: str) -> Response | None:
    """304 to a browser that has this very picture."""
    asked = request.headers.get("If-None-Match", "")
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return Response(status_code=304, headers=_headers(payload, form)) if _tag(payload, form) in tags else None


def _headers(payload: str, form: str) -> dict[str, str]:
    return {**HEADERS, "ETag": _tag(payload, form)}


def _tag(payload: str, form: str) -> str:
    return f'"{hashlib.sha256(f"{form}:{payload}".encode()).hexdigest()[:32]}"'
