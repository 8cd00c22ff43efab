"""payOS's webhook: verify the signature over the fields as they came, say the notice in our words."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ground.refusal import Refusal
from ground.settings import Settings, secret_values
from payments.notice import Told
from payments.providers import field, proof

NAME = "payos"
PAID = "00"
# What `confirm-webhook` calls with, to see whether the address answers: the example of payOS's documentation.
SAMPLE = {"orderCode": 123, "accountNumber": "12345678", "reference": "TF230204212323"}
_EMPTY = (None, "null", "undefined")  # what payOS's own libraries sign as nothing


def is_open(settings: Settings) -> bool:
    return bool(secret_values(settings.payos_checksum_key))


def verify(headers: Mapping[str, str], body: bytes, settings: Settings, now: datetime) -> None:
    """Refuses (401) a body whose `signature` is not right; (400) one that is no JSON and so can have none.

    Every field of `data` is signed, those that we don't know too: payOS adds some from time to time.
    """
    fields = proof.read(body)
    told, signed = fields.get("signature"), fields.get("data")
    if not isinstance(told, str) or isinstance(told, proof.Number) or not isinstance(signed, dict):
        raise Refusal("webhook.not_authentic", status=401)
    text = "&".join(f"{name}={_written(signed[name])}" for name in sorted(signed)).encode()
    wanted = [hmac.digest(key, text, "sha256").hex().encode() for key in secret_values(settings.payos_checksum_key)]
    if not proof.same(told.encode(), wanted):
        raise Refusal("webhook.not_authentic", status=401)


def _written(value: Any) -> str:
    """A value as it is signed: no quotes, nothing escaped; lists and objects as compact JSON."""
    if value in _EMPTY:
        return ""
    return str(value) if isinstance(value, str) else proof.written(value)


def translate(body: bytes) -> list[Told]:
    """The payment of `data`; none where it tells of no payment. Refuses (400) what can't be read.

    `counterAccountBankId` is the payer's bank; of the receiving one payOS tells the account alone. Only what is
    signed is read: `success` and `code` beside `data` are not.
    """
    fields = field.table(field.read(body), "data")
    if field.text(fields, "code", required=False) not in (None, PAID) or _is_sample(fields):
        return []
    if field.needed(fields, "currency") != "VND":
        field.refuse("currency")
    reference = field.needed(fields, "reference")
    order = field.whole(fields, "orderCode", huge=False)
    told = Told(
        provider=NAME,
        # One order may be paid in parts, and each bank counts its references by itself.
        external_id=f"{order}:{reference}",
        occurred_at=field.moment(fields, "transactionDateTime"),
        direction="in",
        amount=field.whole(fields, "amount"),
        bank=None,
        bin=None,
        account=_account(fields),
        virtual_account=field.account(fields, "virtualAccountNumber"),
        reference=reference,
        memo=field.text(fields, "description", required=False) or "",
        payer=field.account(fields, "counterAccountNumber"),
        raw=body,
    )
    return [told]


def _is_sample(fields: dict[str, Any]) -> bool:
    return all(fields.get(name) == value for name, value in SAMPLE.items())


def _account(fields: dict[str, Any]) -> str:
    """The signed text does not show where a value ends, so that a memo could be made to look like more fields.

    They come in the order of their names: with an account that holds no separator, the amount that follows it is
    the one that was signed.
    """
    told = field.needed(fields, "accountNumber")
    if "&" in told or "=" in told:
        field.refuse("accountNumber")
    return field.account(fields, "accountNumber") or field.refuse("accountNumber")
