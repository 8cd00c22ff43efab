"""Casso's webhooks: v2 signs each notice, v1 sends several beside a secure token; both are said in our words."""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from ground.refusal import Refusal
from ground.settings import Settings, secret_values
from merchants import bank
from payments.notice import Told
from payments.providers import field, proof

NAME = "casso"
TEST_CALL = 0
"""The id in Casso's test calls: no payment, so nothing to keep."""
_PART = re.compile(r"\s*([A-Za-z0-9]+)=([A-Za-z0-9]+)\s*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_open(settings: Settings) -> bool:
    return bool(secret_values(settings.casso_checksum_key) or secret_values(settings.casso_secure_token))


def verify(headers: Mapping[str, str], body: bytes, settings: Settings, now: datetime) -> None:
    """Refuses (401) a request that carries no proof we have set up, or any proof that is wrong."""
    proofs = []
    if "secure-token" in headers:
        token = headers["secure-token"].strip().encode()
        proofs.append(proof.same(token, secret_values(settings.casso_secure_token)))
    if "x-casso-signature" in headers:
        proofs.append(_signed(headers["x-casso-signature"], body, settings))
    if not proofs or not all(proofs):
        raise Refusal("webhook.not_authentic", status=401)


def _signed(header: str, body: bytes, settings: Settings) -> bool:
    """`t=<ms>,v1=<hex>`: HMAC-SHA512 over t, a dot, and the body as compact JSON with sorted keys.

    Casso's own samples write that JSON with letters beyond ASCII as they are (JavaScript) or escaped (Python):
    either form is right. How old `t` may be is said nowhere and a retry may carry the first one, so its age is
    not judged; a notice sent again is known by its id.
    """
    parts = [_PART.fullmatch(part) for part in header.split(",")]
    told = [(part[1], part[2]) for part in parts if part is not None]
    named = dict(told)
    if len(named) < len(parts) or not named.get("t", "").isdigit() or "v1" not in named:
        return False
    fields = proof.read(body)
    texts = {f"{named['t']}.{proof.written(fields, ascii=ascii)}".encode() for ascii in (False, True)}
    keys = secret_values(settings.casso_checksum_key)
    wanted = [hmac.digest(key, text, "sha512").hex().encode() for key in keys for text in texts]
    return proof.same(named["v1"].encode(), wanted)


def translate(body: bytes) -> list[Told]:
    """The notices in `data`, an object in v2, an array in v1; none in a test call. Refuses (400) what can't be read.

    Each is kept with its own part of the body, so that it can be told again by itself.
    """
    fields = field.read(body)
    rows = fields.get("data")
    if isinstance(rows, dict):
        return [] if _is_test(rows) else [_second(rows, body)]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        field.refuse("data")
    several = len(rows) > 1
    return [
        _first(row, orjson.dumps({**fields, "data": [row]}) if several else body) for row in rows if not _is_test(row)
    ]


def _is_test(row: dict[str, Any]) -> bool:
    return type(row.get("id")) is int and row["id"] == TEST_CALL


def _second(row: dict[str, Any], raw: bytes) -> Told:
    """Of v2. `bankName` is the receiving bank, `counterAccountBankId` the payer's."""
    names = [field.text(row, name, required=False) for name in ("bankName", "bankAbbreviation")]
    return _told(
        row,
        raw,
        moment=field.moment(row, "transactionDateTime"),
        bank_names=[name for name in names if name],
        account="accountNumber",
        virtual_account="virtualAccountNumber",
        reference="reference",
        payer="counterAccountNumber",
    )


def _first(row: dict[str, Any], raw: bytes) -> Told:
    """Of v1, which names no bank; `subAccId` and `bank_sub_acc_id` are the same receiving account."""
    account = "bank_sub_acc_id" if row.get("bank_sub_acc_id") else "subAccId"
    return _told(
        row,
        raw,
        moment=_when(row),
        bank_names=[],
        account=account,
        virtual_account="virtualAccount",
        reference="tid",
        payer="corresponsiveAccount",
    )


def _told(
    row: dict[str, Any],
    raw: bytes,
    *,
    moment: datetime,
    bank_names: list[str],
    account: str,
    virtual_account: str,
    reference: str,
    payer: str,
) -> Told:
    """What both versions share; the last four name fields. A negative amount is money going out."""
    amount = field.whole(row, "amount", signed=True)
    known = next(filter(None, map(bank.find, bank_names)), None)
    return Told(
        provider=NAME,
        external_id=str(field.whole(row, "id", huge=False)),
        occurred_at=moment,
        direction="in" if amount > 0 else "out",
        amount=abs(amount),
        bank=bank_names[0] if bank_names else None,
        bin=known.bin if known else None,
        account=field.account(row, account) or field.refuse(account),
        virtual_account=field.account(row, virtual_account),
        reference=field.text(row, reference, required=False),
        memo=field.text(row, "description", required=False) or "",
        payer=field.account(row, payer),
        raw=raw,
    )


def _when(row: dict[str, Any]) -> datetime:
    """v1 may tell the day alone, which then has begun."""
    told = field.text(row, "when") or ""
    return field.moment({"when": f"{told} 00:00"} if _DAY.fullmatch(told) else row, "when")
