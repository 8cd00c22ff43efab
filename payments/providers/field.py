"""Fields of a provider's JSON, read strictly: what is missing or of the wrong type is refused (400) by its name."""

import re
from datetime import datetime
from typing import Any, NoReturn

import orjson

from ground import clock
from ground.refusal import Refusal

ACCOUNT_KEPT_MAX = 34  # an IBAN's length; longer ones are nobody's account and wait in suspense as such
_NOT_ACCOUNT = re.compile(r"[^A-Za-z0-9]")


def read(body: bytes) -> dict[str, Any]:
    """A JSON object. No NaN, no bad UTF-8, no half of a surrogate pair, no depth without end passes."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise refusal("JSON") from error
    if not isinstance(fields, dict):
        refuse("JSON")
    return fields


def whole(fields: dict[str, Any], name: str, *, huge: bool = True, signed: bool = False) -> int:
    """A whole number above 0, or, where it is `signed`, other than 0. `2277000.0` is one; `true`, `"12"`, 0.5 are not.

    `huge` False: none above 2^53 written as a fraction or above 2^64, which are read with their last digits lost.
    """
    value = fields.get(name)
    if isinstance(value, float) and value.is_integer() and (huge or abs(value) < 2**53):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value == 0 or (value < 0 and not signed):
        refuse(name)
    return value


def text(fields: dict[str, Any], name: str, *, required: bool = True) -> str | None:
    """Without the spaces around it; None where it is empty, or absent and not `required`."""
    value = fields.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str):
        refuse(name)
    return value.replace("\x00", "").strip() or None


def needed(fields: dict[str, Any], name: str) -> str:
    """A text that is not empty."""
    return text(fields, name) or refuse(name)


def account(fields: dict[str, Any], name: str) -> str | None:
    """An account's number, bare of spaces and signs, in capitals; None where it is absent or empty."""
    value = text(fields, name, required=False)
    if value is None:
        return None
    bare = value if value.isascii() and value.isalnum() else _NOT_ACCOUNT.sub("", value)
    return bare.upper()[:ACCOUNT_KEPT_MAX] or None


def moment(fields: dict[str, Any], name: str) -> datetime:
    """A time without a zone, which is Asia/Ho_Chi_Minh."""
    try:
        return clock.read_local(text(fields, name) or "")
    except ValueError as error:
        raise refusal(name) from error


def table(fields: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside the object."""
    value = fields.get(name)
    if not isinstance(value, dict):
        refuse(name)
    return value


def refuse(name: str) -> NoReturn:
    raise refusal(name)


def refusal(name: str) -> Refusal:
    return Refusal("webhook.unreadable", status=400, field=name)
