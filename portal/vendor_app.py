"""The vendor's page as an app on her phone: its manifest, and the worker that opens it without a network."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from ground import words
from portal import page
from portal.access import Door, everybody

router = APIRouter(route_class=Door, include_in_schema=False)
SCOPE = "/stall"
ICONS = (("icon-192.png", "192x192"), ("icon-512.png", "512x512"))


@router.api_route("/stall/manifest.webmanifest", methods=page.READ)
@everybody
def describe(request: Request) -> Response:
    """Browsers fetch it without a cookie: it says nothing of anybody."""
    language = page.language_of(request)
    drawn = [{"src": page.static(name), "sizes": size, "type": "image/png"} for name, size in ICONS]
    manifest = {
        "id": SCOPE,
        "name": words.say("vendor.app_name", language),
        "short_name": words.say("vendor.app_short", language),
        "lang": language,
        "start_url": SCOPE,
        "scope": SCOPE,
        "display": "standalone",
        "background_color": "#fbfaf6",
        "theme_color": "#0b6150",
        "icons": [{**each, "purpose": purpose} for each in drawn for purpose in ("any", "maskable")],
    }
    headers = {"Cache-Control": "no-cache", "Vary": "Cookie"}
    return JSONResponse(manifest, media_type="application/manifest+json", headers=headers)


@router.api_route("/stall/worker.js", methods=page.READ)
@everybody
def serve_worker() -> Response:
    """It may speak for `/stall` itself, which lies above its own address: so the header says."""
    headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": SCOPE}
    return FileResponse(page.STATIC / "vendor_worker.js", media_type="text/javascript", headers=headers)
