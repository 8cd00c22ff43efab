"""A browser its owner has signed in with before: it waits in a lane of its own, so that no stranger can bar her."""

import secrets
from datetime import timedelta
from hmac import compare_digest

from fastapi import Request, Response

from ground.vault import Vault
from portal import form

COOKIE = "known"
VALID = timedelta(days=365)


def remember(request: Request, response: Response, vault: Vault, whose: str) -> None:
    """After a good sign-in. `whose` names the account as it is throttled."""
    nonce = secrets.token_urlsafe(12)
    value = f"{nonce}.{_mark(vault, whose, nonce)}"
    form.set_cookie(request, response, COOKIE, value, int(VALID.total_seconds()))


def lane(request: Request, vault: Vault, whose: str) -> str:
    """Whom a try is counted for: the account and this browser where the account knows it, else the account."""
    nonce, _, mark = request.cookies.get(form.cookie_name(request, COOKIE), "").partition(".")
    is_known = compare_digest(mark.encode(), _mark(vault, whose, nonce).encode())
    return f"{whose}|{nonce}" if is_known else whose


def _mark(vault: Vault, whose: str, nonce: str) -> str:
    return vault.hash(f"device:{whose}:{nonce}").hex()
