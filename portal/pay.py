"""The page of a stall's code on a payer's phone: the code for an amount, links to bank apps, and paying by card."""

import re
import secrets
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from ground import clock, words
from ground.refusal import Refusal
from ground.settings import Settings
from merchants import payee
from merchants.payee import Payee
from payments import card, checkout
from payments.checkout import Purchase
from portal import doorstep, page, throttle
from portal.access import Door, everybody
from portal.amount import read_amount
from portal.page import SessionDep

router = APIRouter(route_class=Door, include_in_schema=False)
CARD_COMPANY = "https://checkout.stripe.com"
LOOKS, LOOK_SECONDS = 24, 5
"""How often, and after how long each time, the page looks whether the card company has told of the payment."""
_SESSION = re.compile(r"cs_[A-Za-z0-9_]{1,200}")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")


@router.api_route("/q/{serial}", methods=page.READ)
@everybody
def show_pay(
    request: Request, session: SessionDep, serial: str, amount: str | None = None, left: bool = False
) -> Response:
    """Whom the code pays, and how. `left`: came back from the card company without paying. 404, 410 as the images."""
    found = payee.find(session, serial, clock.today())
    try:
        return _show(request, found, read_amount(amount), typed=amount or "", left=left)
    except Refusal as refusal:
        return _show(request, found, None, typed=amount or "", refusal=refusal)


@router.post("/q/{serial}/card")
@everybody
def pay_by_card(
    request: Request, serial: str, amount: Annotated[str, Form()] = "", nonce: Annotated[str, Form()] = ""
) -> Response:
    """On to where the card company asks for the card (303). The session is over before the company is asked."""
    store = page.store_of(request)
    with store.session() as session:
        found = payee.find(session, serial, clock.today())
        if not checkout.is_open(store.settings):
            raise Refusal("page.not_found", status=404)
        address = throttle.neighbourhood(doorstep.guest_of(request).address)
        throttle.count(session, store.vault, clock.now(), (throttle.CARD, address))
        session.commit()
    try:
        wanted = read_amount(amount)
        if wanted is None:
            raise Refusal("pay.no_amount")
        purchase = _purchase(request, found, wanted, nonce)
        where = checkout.begin(store.settings, purchase, **_back(request, serial, wanted))
    except Refusal as refusal:
        return _show(request, found, None, typed=amount, refusal=refusal)
    return RedirectResponse(where, 303)


@router.api_route("/q/{serial}/paid", methods=page.READ)
@everybody
def show_paid(
    request: Request, session: SessionDep, serial: str, checkout_session: str = "", look: int = 1
) -> Response:
    """After the card was given: whether the card company has told us of the payment; looks again by itself."""
    found = payee.find(session, serial, clock.today())
    if not _SESSION.fullmatch(checkout_session):
        raise Refusal("page.not_found", status=404)
    amount = card.told(session, checkout_session, serial)
    answer = page.render(request, "paid.html", payee=found, amount=amount)
    if amount is None and 1 <= look < LOOKS:
        again = urlencode({"checkout_session": checkout_session, "look": look + 1})
        answer.headers["Refresh"] = f"{LOOK_SECONDS}; url=?{again}"
    return _keep_out(answer)


def _show(
    request: Request,
    found: Payee,
    amount: int | None,
    *,
    typed: str,
    refusal: Refusal | None = None,
    left: bool = False,
) -> Response:
    settings = page.store_of(request).settings
    by_card = checkout.is_open(settings)
    answer = page.render(
        request,
        "pay.html",
        status=refusal.status if refusal else 200,
        error=refusal.message(page.language_of(request)) if refusal else None,
        payee=found,
        amount=amount,
        typed=typed[:20],
        picture=_picture(found, amount),
        apps=payee.app_links(found, amount),
        by_card=by_card,
        least=settings.stripe_minimum,
        nonce=secrets.token_urlsafe(16),
        left=left,
    )
    if by_card:  # the form leads on to the card company, which a browser asks leave for
        policy = answer.headers["Content-Security-Policy"]
        allowed = " ".join(filter(None, ["form-action 'self'", CARD_COMPANY, _origin(settings)]))
        answer.headers["Content-Security-Policy"] = policy.replace("form-action 'self'", allowed)
    return _keep_out(answer)


def _picture(found: Payee, amount: int | None) -> dict[str, str]:
    asked = f"?amount={amount}" if amount else ""
    return {form: f"/q/{found.serial}.{form}{asked}" for form in ("svg", "png")}


def _purchase(request: Request, found: Payee, amount: int, nonce: str) -> Purchase:
    if not _NONCE.fullmatch(nonce):
        raise Refusal("pay.no_nonce")
    name = words.say("pay.purchase", page.language_of(request), stall=found.stall, market=found.market)
    return Purchase(found.serial, found.market_code, found.stall, name, amount, nonce)


def _back(request: Request, serial: str, amount: int) -> dict[str, str]:
    """Where the card company leads back to: our own address as it is set, else as the payer's browser knows it."""
    settings = page.store_of(request).settings
    known = "base_url" in settings.model_fields_set
    here = f"{(settings.base_url if known else str(request.base_url)).rstrip('/')}/q/{serial}"
    return {
        "paid_url": f"{here}/paid?checkout_session={{CHECKOUT_SESSION_ID}}",
        "left_url": f"{here}?amount={amount}&left=1",
    }


def _origin(settings: Settings) -> str | None:
    """Of the stand-in for the card company, where there is one."""
    if settings.stripe_api_base is None:
        return None
    parts = urlsplit(settings.stripe_api_base)
    return f"{parts.scheme}://{parts.netloc}"


def _keep_out(answer: Any) -> Response:
    """Whose account a serial leads to is for who stands before the stall, not for a search engine."""
    answer.headers["X-Robots-Tag"] = "noindex"
    assert isinstance(answer, Response)
    return answer
