"""Paying by card: a Checkout Session at the card company for one stall and one amount.

The money goes to the merchant of record's account there, never through us. Nothing here touches the database: what
was paid is told by the webhook.
"""

import threading
from functools import lru_cache
from typing import Any, NamedTuple

import stripe

from ground.logs import log
from ground.refusal import Refusal
from ground.settings import Settings, secret_values

MAXIMUM = 99_999_999  # Stripe takes amounts of at most eight digits; the đồng has no smaller unit
AT_ONCE = 8  # requests to the card company: a slow one must not take all threads of the pages
SECONDS = 15.0
RETRIES = 2  # of the library itself, under the same idempotency key
_LOG = log("checkout")
_waiting = threading.BoundedSemaphore(AT_ONCE)


class Purchase(NamedTuple):
    """What is paid for. amount: whole đồng. nonce: drawn for each form, so that sent twice it is one payment."""

    serial: str
    market: str
    stall: str
    name: str
    amount: int
    nonce: str


def is_open(settings: Settings) -> bool:
    """A card may be taken only where its payment will be told to us."""
    return bool(secret_values(settings.stripe_secret_key) and secret_values(settings.stripe_webhook_secret))


def check_amount(settings: Settings, amount: int) -> None:
    """Refused (422): less than the card company takes, which is about US$0.50 after conversion, or more."""
    if not settings.stripe_minimum <= amount <= MAXIMUM:
        # Grouped by spaces, which no language takes for a decimal sign.
        least, most = (f"{limit:,} ₫".replace(",", "\u00a0") for limit in (settings.stripe_minimum, MAXIMUM))
        raise Refusal("checkout.amount", least=least, most=most)


def begin(settings: Settings, purchase: Purchase, *, paid_url: str, left_url: str) -> str:
    """The address where the card is asked for. `paid_url` may hold `{CHECKOUT_SESSION_ID}`.

    Refused (503): the card company is away, or too many are asking at once. Call it outside a transaction.
    """
    check_amount(settings, purchase.amount)
    asked = {**_what(purchase), "success_url": paid_url, "cancel_url": left_url}
    key = f"market40:{purchase.serial}:{purchase.amount}:{purchase.nonce}"
    if not _waiting.acquire(blocking=False):
        raise Refusal("checkout.away", status=503)
    try:
        session = client(settings).v1.checkout.sessions.create(asked, {"idempotency_key": key})  # type: ignore[arg-type]
    except stripe.StripeError as error:
        raise _refusal(error) from error
    finally:
        _waiting.release()
    assert session.url is not None, "a session that was just made is open"
    return session.url


def _what(purchase: Purchase) -> dict[str, Any]:
    """The đồng is a zero-decimal currency at Stripe: 50000 is 50,000 ₫, and its code is in small letters."""
    metadata = {"serial": purchase.serial, "market": purchase.market, "stall": purchase.stall}
    price = {"currency": "vnd", "unit_amount": purchase.amount, "product_data": {"name": purchase.name}}
    return {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": purchase.serial,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": purchase.name},
    }


def _refusal(error: stripe.StripeError) -> Refusal:
    """What the payer can mend is said to her; the rest is ours, and its kind alone goes to the log."""
    if error.code in ("amount_too_small", "amount_too_large"):
        return Refusal("checkout.not_this_amount")
    _LOG.warning("no checkout", reason=type(error).__name__, status=error.http_status, code=error.code)
    return Refusal("checkout.away", status=503)


def client(settings: Settings) -> stripe.StripeClient:
    """Stripe's library with our key: the first, where two are set while one is rotated."""
    return _client(secret_values(settings.stripe_secret_key)[0].decode(), settings.stripe_api_base)


@lru_cache(maxsize=8)
def _client(key: str, base: str | None) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": base} if base else {},
        http_client=stripe.RequestsClient(timeout=SECONDS),
        max_network_retries=RETRIES,
    )
