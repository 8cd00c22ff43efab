"""Stripe's webhook: verify an event's signature, say the card sales, refunds, disputes and payouts in our words."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import stripe

from ground.refusal import Refusal
from ground.settings import Settings, secret_values
from payments.card import Fact
from payments.notice import Told
from payments.providers import field

NAME = "stripe"
ACCOUNT = "stripe"
"""Where card money arrives. In small letters, which no bank account's number has."""
_NOT_TAKEN = ("warning_needs_response", "warning_under_review", "warning_closed", "prevented")


def is_open(settings: Settings) -> bool:
    return bool(secret_values(settings.stripe_webhook_secret))


def verify(headers: Mapping[str, str], body: bytes, settings: Settings, now: datetime) -> None:
    """Refuses (401) what none of our secrets has signed or what was signed more than 5 minutes ago."""
    header = headers.get("stripe-signature")
    secrets = secret_values(settings.stripe_webhook_secret)
    if not any(_is_signed(body, header, secret.decode()) for secret in secrets):
        raise Refusal("webhook.not_authentic", status=401)


def _is_signed(body: bytes, header: str | None, secret: str) -> bool:
    try:
        stripe.Webhook.construct_event(body, header, secret)
    except stripe.SignatureVerificationError:
        return False
    except (ValueError, TypeError, AttributeError, RecursionError) as error:  # signed, but not an event
        raise field.refusal("JSON") from error
    return True


def translate(body: bytes) -> Sequence[Told | Fact]:
    """What an event tells; nothing where it is not about our money. Refuses (400) what can't be read."""
    event = field.read(body)
    say = _SAY.get(field.needed(event, "type"))
    return [] if say is None else say(event, field.table(field.table(event, "data"), "object"), body)


def _sale(event: dict[str, Any], session: dict[str, Any], body: bytes) -> Sequence[Told]:
    """A Checkout Session that was paid. One without our serial is somebody else's use of the same Stripe account."""
    metadata = session.get("metadata")
    if not isinstance(metadata, dict) or "serial" not in metadata or session.get("payment_status") != "paid":
        return []
    if field.needed(session, "currency").lower() != "vnd":
        field.refuse("currency")
    told = Told(
        provider=NAME,
        external_id=field.needed(session, "id"),
        occurred_at=_moment(event),
        direction="in",
        amount=field.whole(session, "amount_total"),
        bank="Stripe",
        bin=None,
        account=ACCOUNT,
        virtual_account=field.account(metadata, "serial") or field.refuse("metadata"),
        reference=_id(session, "payment_intent"),
        memo="",
        payer=None,
        raw=body,
    )
    return [told]


def _refund(event: dict[str, Any], charge: dict[str, Any], body: bytes) -> Sequence[Fact]:
    """`amount_refunded` is all that was given back of the charge so far."""
    return [_fact("refund", event, charge, field.needed(event, "id"), field.whole(charge, "amount_refunded"))]


def _failed_refund(event: dict[str, Any], refund: dict[str, Any], body: bytes) -> Sequence[Fact]:
    """Several events tell of one: it is known by the refund's own id."""
    if refund.get("status") not in ("failed", "canceled"):
        return []
    return [_fact("refund_failed", event, refund, field.needed(refund, "id"), field.whole(refund, "amount"))]


def _dispute(event: dict[str, Any], dispute: dict[str, Any], body: bytes) -> Sequence[Fact]:
    """A mere inquiry takes no money. Won, the money comes back; the event may be the first we hear of it."""
    status = field.needed(dispute, "status")
    if status in _NOT_TAKEN:
        return []
    id, amount = field.needed(dispute, "id"), field.whole(dispute, "amount")
    facts = [_fact("dispute", event, dispute, id, amount)._replace(occurred_at=_moment(dispute))]
    if event["type"] == "charge.dispute.funds_reinstated" or status == "won":
        facts.append(_fact("reinstated", event, dispute, id, amount))
    return facts


def _payout(event: dict[str, Any], payout: dict[str, Any], body: bytes) -> Sequence[Fact]:
    """Only what was paid out or came back; a negative amount, drawn from our bank, is no line of any sale."""
    amount = field.whole(payout, "amount", signed=True)
    if amount < 0:
        return []
    status = field.needed(event, "type").removeprefix("payout.")
    id = field.needed(payout, "id")
    arrives_on = _day(payout, "arrival_date") if payout.get("arrival_date") is not None else None
    currency = field.needed(payout, "currency").lower()
    return [Fact("payout", f"{id}:{status}", id, None, amount, currency, _moment(event), status, arrives_on)]


def _fact(kind: str, event: dict[str, Any], about: dict[str, Any], id: str, amount: int) -> Fact:
    subject = field.needed(about, "id")
    return Fact(kind, id, subject, _id(about, "payment_intent"), amount, _currency(about), _moment(event))


def _currency(about: dict[str, Any]) -> str:
    return field.needed(about, "currency").lower()


def _moment(fields: dict[str, Any]) -> datetime:
    """Seconds since 1970, in UTC."""
    try:
        return datetime.fromtimestamp(field.whole(fields, "created"), UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise field.refusal("created") from error


def _day(fields: dict[str, Any], name: str) -> date:
    """A day told as its midnight in UTC."""
    try:
        return datetime.fromtimestamp(field.whole(fields, name), UTC).date()
    except (OverflowError, ValueError, OSError) as error:
        raise field.refusal(name) from error


def _id(fields: dict[str, Any], name: str) -> str | None:
    """The id of something that may be told by its id or whole."""
    value = fields.get(name)
    return field.needed(value, "id") if isinstance(value, dict) else field.text(fields, name, required=False)


_SAY: dict[str, Callable[[dict[str, Any], dict[str, Any], bytes], Sequence[Told | Fact]]] = {
    "checkout.session.completed": _sale,
    "checkout.session.async_payment_succeeded": _sale,
    "charge.refunded": _refund,
    "charge.refund.updated": _failed_refund,
    "refund.updated": _failed_refund,
    "refund.failed": _failed_refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "payout.paid": _payout,
    "payout.failed": _payout,
}
"""An `async_payment_failed` needs no word: nothing was said of that payment before."""
