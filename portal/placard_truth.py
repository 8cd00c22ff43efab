"""Is this placard genuine? The page its printed link leads to, for anybody."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ground import clock
from ground.refusal import Refusal
from merchants import placard_truth
from portal import page
from portal.access import Door, everybody
from portal.page import SessionDep

router = APIRouter(route_class=Door, include_in_schema=False)


@router.api_route("/v", methods=page.READ)
@everybody
def ask_serial(request: Request, serial: str | None = None) -> Response:
    """A field for the serial, for who can't open the printed link."""
    if serial is None:
        return _keep_out(page.render(request, "placard_unknown.html", refused=None, typed=""))
    try:
        return RedirectResponse(f"/v/{placard_truth.read_serial(serial)}", 303)
    except Refusal as refusal:
        return _unknown(request, refusal, serial)


@router.api_route("/v/{serial}", methods=page.READ)
@everybody
def show_truth(request: Request, session: SessionDep, serial: str) -> Response:
    """What a genuine placard of this serial says, and whether it still holds. Unknown: 404, and what to do then."""
    try:
        plain = placard_truth.read_serial(serial)
        if plain != serial:
            return RedirectResponse(f"/v/{plain}", 303)
        found = placard_truth.tell(session, plain, clock.today())
    except Refusal as refusal:
        return _unknown(request, refusal, serial)
    return _keep_out(page.render(request, "placard_truth.html", truth=found))


def _unknown(request: Request, refusal: Refusal, typed: str) -> Response:
    said = refusal.message(page.language_of(request))
    return _keep_out(
        page.render(request, "placard_unknown.html", status=refusal.status, refused=said, typed=typed[:20])
    )


def _keep_out(answer: Response) -> Response:
    """Whose account a serial leads to is for who holds the placard, not for a search engine's index."""
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
