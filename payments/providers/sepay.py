"""SePay's webhook: verify the API key or the signature, say the notice in our words."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ground.refusal import Refusal
from ground.settings import Settings, secret_values
from merchants import bank
from payments.notice import Told
from payments.providers import field, proof

NAME = "sepay"
CLOCK_WINDOW_SECONDS = 300  # SePay's own window for X-SePay-Timestamp


def is_open(settings: Settings) -> bool:
    return bool(secret_values(settings.sepay_api_key) or secret_values(settings.sepay_hmac_secret))


def verify(headers: Mapping[str, str], body: bytes, settings: Settings, now: datetime) -> None:
    """Refuses (401) a request that carries no proof we have set up, or any proof that is wrong."""
    proofs = []
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "apikey":
        proofs.append(proof.same(key.strip().encode(), secret_values(settings.sepay_api_key)))
    if "x-sepay-signature" in headers:
        proofs.append(_signed(headers, body, settings, now))
    if not proofs or not all(proofs):
        raise Refusal("webhook.not_authentic", status=401)


def _signed(headers: Mapping[str, str], body: bytes, settings: Settings, now: datetime) -> bool:
    """HMAC-SHA256 over `timestamp.body`, hex, after `sha256=`; the clock may differ by 5 minutes."""
    stamp = headers.get("x-sepay-timestamp", "")
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now.timestamp() - int(stamp)) > CLOCK_WINDOW_SECONDS:
        return False
    told = headers["x-sepay-signature"].strip().encode()
    signed = stamp.encode() + b"." + body
    wanted = [
        b"sha256=" + hmac.digest(secret, signed, "sha256").hex().encode()
        for secret in secret_values(settings.sepay_hmac_secret)
    ]
    return proof.same(told, wanted)


def translate(body: bytes) -> list[Told]:
    """The one notice of SePay's JSON; refuses (400) what is not JSON, lacks a field or has one of the wrong type."""
    fields = field.read(body)
    gateway = field.text(fields, "gateway", required=False)
    known = bank.find(gateway) if gateway else None
    told = Told(
        provider=NAME,
        external_id=str(field.whole(fields, "id", huge=False)),
        occurred_at=field.moment(fields, "transactionDate"),
        direction=_direction(fields),
        amount=field.whole(fields, "transferAmount"),
        bank=gateway,
        bin=known.bin if known else None,
        account=field.account(fields, "accountNumber") or field.refuse("accountNumber"),
        virtual_account=field.account(fields, "subAccount"),
        reference=field.text(fields, "referenceCode", required=False),
        memo=field.text(fields, "content", required=False) or "",
        payer=None,
        raw=body,
    )
    return [told]


def _direction(fields: dict[str, Any]) -> str:
    value = fields.get("transferType")
    if value not in ("in", "out"):
        field.refuse("transferType")
    return str(value)
