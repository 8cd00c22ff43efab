"""Proofs that a request is the provider's: compared in constant time, over the text as it was signed."""

import hmac
import json
from typing import Any

from payments.providers import field


class Number(str):
    """A number with the digits it was written with: `5.0` and `1E3` are signed as they stand."""


def same(told: bytes, wanted: list[bytes]) -> bool:
    """Constant time, and every value compared, so that the time tells nothing about any of them."""
    return any([hmac.compare_digest(told, value) for value in wanted])  # noqa: C419 a list has no early end


def read(body: bytes) -> dict[str, Any]:
    """The object that a signature over its fields speaks of; refused (400) what `field.read` refuses.

    No key may stand twice: the signature would be over one of its values, and somebody might read the other.
    """
    field.read(body)
    try:
        found: dict[str, Any] = json.loads(body.decode(), parse_int=Number, parse_float=Number, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise field.refusal("JSON") from error
    return found


def written(value: Any, *, ascii: bool = False) -> str:
    """Compact JSON with the keys of every object in order; `ascii`: other letters as \\u escapes."""
    try:
        return _write(value, ascii)
    except RecursionError as error:
        raise field.refusal("JSON") from error


def _write(value: Any, ascii: bool) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key, ensure_ascii=ascii)}:{_write(value[key], ascii)}" for key in sorted(value)]
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join([_write(each, ascii) for each in value])}]"
    return json.dumps(value, ensure_ascii=ascii)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found
