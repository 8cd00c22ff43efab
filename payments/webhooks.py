"""The providers' doors: read, verify, translate, keep; 200 only after the commit."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import datetime
from typing import Any

import orjson

from ground import clock
from ground.refusal import Refusal
from ground.settings import Settings
from ground.vault import Vault
from payments import card, notice, providers
from payments.card import Fact
from payments.inbox import Inbox, Row, StoreAway
from payments.notice import Told

BODY_MAX = 64 * 1024
PREFIX = "/webhooks/"
OTHER = "other"
"""Whoever is no provider of ours, in the counts of answers: there may be no end of names."""
PROBLEM = b"application/problem+json"
BODY_SECONDS = 20  # SePay gives up after 30
RETRY_AFTER_SECONDS = 30

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


PROVIDERS = providers.find()


class Webhooks:
    """An ASGI app for `/webhooks/{provider}`, in front of the pages: nothing slows it but its own work."""

    def __init__(self, inbox: Inbox, vault: Vault, settings: Settings) -> None:
        self._inbox = inbox
        self._vault = vault
        self._settings = settings
        # Those that may come stand there from the start: a monitor sees the first of them as a step up from nothing.
        self.answers = Counter({(name, 200): 0 for name, each in PROVIDERS.items() if each.is_open(settings)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, body, kind = await self._respond(scope, receive)
        except Exception:
            self._count(scope, 500)  # our bug: the server says so for us
            raise
        self._count(scope, status)
        await _answer(send, status, body, kind)

    def _count(self, scope: Scope, status: int) -> None:
        name = scope["path"].removeprefix(PREFIX)
        self.answers[name if name in PROVIDERS else OTHER, status] += 1

    async def _respond(self, scope: Scope, receive: Receive) -> tuple[int, bytes, bytes]:
        try:
            await self._take(scope, receive)
        except Refusal as refusal:
            return refusal.status, _problem(refusal), PROBLEM
        except StoreAway:
            return 503, _problem(Refusal("webhook.store_away", status=503)), PROBLEM
        return 200, b'{"success": true}', b"application/json"

    async def _take(self, scope: Scope, receive: Receive) -> None:
        provider = PROVIDERS.get(scope["path"].removeprefix(PREFIX))
        if provider is None or not provider.is_open(self._settings):
            raise Refusal("webhook.rail_off", status=404)
        if scope["method"] != "POST":
            raise Refusal("webhook.post_only", status=405)
        headers = _headers(scope["headers"])
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(receive, headers.get("content-length", ""))
        except TimeoutError:
            raise Refusal("webhook.too_slow", status=408) from None
        moment = clock.now()
        provider.verify(headers, body, self._settings, moment)
        await self._inbox.keep([self._row(told, moment) for told in provider.translate(body)])

    def _row(self, told: Told | Fact, moment: datetime) -> Row:
        if isinstance(told, Fact):
            return Row(card.keep, card.row(told, moment))
        return Row(notice.keep, notice.seal(told, self._vault, moment))


def _headers(told: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name; one told twice is both values with a comma between, so that neither proof is overlooked."""
    headers: dict[str, str] = {}
    for name, value in told:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def _read(receive: Receive, announced: str) -> bytes:
    """The whole body; refuses (413) before more than 64 KiB are held."""
    if announced.isdigit() and int(announced) > BODY_MAX:
        raise Refusal("webhook.too_large", status=413)
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal("webhook.unreadable", status=400, field="body")
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > BODY_MAX:
            raise Refusal("webhook.too_large", status=413)
        if not message.get("more_body"):
            return body


def _problem(refusal: Refusal) -> bytes:
    """RFC 9457. The language is English: a provider's engineer reads it."""
    problem = {"type": "about:blank", "title": refusal.message("en"), "status": refusal.status, "code": refusal.code}
    body: bytes = orjson.dumps(problem)
    return body


async def _answer(send: Send, status: int, body: bytes, kind: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status == 503:
        headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
