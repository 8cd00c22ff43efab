"""What the API answers when it can't do as asked, as its description tells programs (RFC 9457)."""

from typing import Any

_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "a sentence for a person, in the language of the request"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "the same for the same trouble in every language"},
    },
}


_RETRY_AFTER = {"Retry-After": {"description": "in how many seconds", "schema": {"type": "integer"}}}


def described(description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer of this kind, as a description lists it under its status."""
    content = {"application/problem+json": {"schema": _SCHEMA}}
    return {"description": description, "content": content} | ({"headers": headers} if headers else {})


RESPONSES: dict[int | str, dict[str, Any]] = {
    401: described("The API key is wrong or was revoked."),
    404: described("There is no such thing, or it is not yours to see."),
    405: described("This address does not take such a request."),
    422: described("Something in the request is missing or can't be understood."),
    429: described("Too many requests with this key or, without one, from this address.", _RETRY_AFTER),
    503: described("The store is away.", _RETRY_AFTER),
}
"""For every route of the API."""
