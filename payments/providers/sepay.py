"""SePay's webhook: verify the API key or the signature, say the notice in our words."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from ground import clock
from ground.refusal import Refusal
from ground.settings import Settings, secret_values
from merchants import bank
from payments.notice import Told

NAME = "sepay"
CLOCK_WINDOW_SECONDS = 300  # SePay's own window for X-SePay-Timestamp
ACCOUNT_KEPT_MAX = 34  # an IBAN's length; longer ones are nobody's account and wait in suspense as such
_NOT_ACCOUNT = re.compile(r"[^A-Za-z0-9]")


def is_open(settings: Settings) -> bool:
    return bool(secret_values(settings.sepay_api_key) or secret_values(settings.sepay_hmac_secret))


def verify(headers: Mapping[str, str], body: bytes, settings: Settings, now: datetime) -> None:
    """Refuses (401) a request that carries no proof we have set up, or any proof that is wrong."""
    proofs = []
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "apikey":
        proofs.append(_same(key.strip().encode(), secret_values(settings.sepay_api_key)))
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
    return _same(told, wanted)


def _same(told: bytes, wanted: list[bytes]) -> bool:
    """Constant time, and every value compared, so that the time tells nothing about any of them."""
    return any([hmac.compare_digest(told, value) for value in wanted])  # noqa: C419 a list has no early end


def translate(body: bytes) -> Told:
    """SePay's JSON as `Told`; refuses (400) what is not JSON, lacks a field or has one of the wrong type."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _unreadable("JSON") from error
    if not isinstance(fields, dict):
        raise _unreadable("JSON")
    gateway = _text(fields, "gateway", required=False)
    known = bank.find(gateway) if gateway else None
    return Told(
        provider=NAME,
        external_id=str(_whole(fields, "id", huge=False)),
        occurred_at=_moment(fields),
        direction=_direction(fields),
        amount=_whole(fields, "transferAmount"),
        bank=gateway,
        bin=known.bin if known else None,
        account=_account(fields, "accountNumber") or _missing("accountNumber"),
        virtual_account=_account(fields, "subAccount"),
        reference=_text(fields, "referenceCode", required=False),
        memo=_text(fields, "content", required=False) or "",
        payer=None,
        raw=body,
    )


def _whole(fields: dict[str, Any], name: str, *, huge: bool = True) -> int:
    """A whole number above 0. JSON's `2277000.0` is one; `true`, `"12"` and 0.5 are not.

    `huge` False: none above 2^53 written as a fraction or above 2^64, which are read with their last digits lost.
    """
    value = fields.get(name)
    if isinstance(value, float) and value.is_integer() and (huge or value < 2**53):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise _unreadable(name)
    return value


def _text(fields: dict[str, Any], name: str, *, required: bool = True) -> str | None:
    value = fields.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str):
        raise _unreadable(name)
    return value.replace("\x00", "").strip() or None


def _account(fields: dict[str, Any], name: str) -> str | None:
    value = _text(fields, name, required=False)
    if value is None:
        return None
    bare = value if value.isascii() and value.isalnum() else _NOT_ACCOUNT.sub("", value)
    return bare.upper()[:ACCOUNT_KEPT_MAX] or None


def _direction(fields: dict[str, Any]) -> str:
    value = fields.get("transferType")
    if value not in ("in", "out"):
        raise _unreadable("transferType")
    return str(value)


def _moment(fields: dict[str, Any]) -> datetime:
    """SePay's time has no zone; it is Asia/Ho_Chi_Minh."""
    try:
        return clock.read_local(_text(fields, "transactionDate") or "")
    except ValueError as error:
        raise _unreadable("transactionDate") from error


def _missing(name: str) -> str:
    raise _unreadable(name)


def _unreadable(field: str) -> Refusal:
    return Refusal("webhook.unreadable", status=400, field=field)
