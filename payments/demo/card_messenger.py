"""The made-up card company's messenger: tells of events by signed requests, again and again until one is taken."""

import hmac
import json
import threading
import time
from collections import deque
from random import Random
from typing import Any

import httpx2 as httpx

WAITS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before each try; the real company spreads its tries over three days."""


def signature(body: bytes, secret: str, stamp: int | None = None) -> str:
    """The header Stripe-Signature: HMAC-SHA256 over the moment, a dot and the body."""
    moment = int(time.time()) if stamp is None else stamp
    digest = hmac.digest(secret.encode(), f"{moment}.".encode() + body, "sha256").hex()
    return f"t={moment},v1={digest}"


class Messenger:
    """`tell` only puts an event down; `deliver` sends it, in the order they come or, with `disorder`, in another."""

    def __init__(self, address: str, secret: str) -> None:
        self.address = address
        self._secret = secret
        self._waiting: deque[dict[str, Any]] = deque()
        self._wake = threading.Condition()
        self._stopping = threading.Event()

    def tell(self, event: dict[str, Any]) -> None:
        with self._wake:
            self._waiting.append(json.loads(json.dumps(event)))  # as it is now, whatever becomes of it
            self._wake.notify()

    def take(self) -> list[dict[str, Any]]:
        """What waits, without sending it."""
        with self._wake:
            waiting = list(self._waiting)
            self._waiting.clear()
            return waiting

    def deliver(self, events: list[dict[str, Any]], disorder: Random | None = None) -> None:
        """Each until it is taken; with `disorder` shuffled, and some of them twice."""
        sent = list(events)
        if disorder is not None:
            sent += disorder.sample(events, disorder.randint(0, len(events)))
            disorder.shuffle(sent)
        with httpx.Client(timeout=10, trust_env=False) as client:
            for event in sent:
                self._send(client, event)

    def _send(self, client: httpx.Client, event: dict[str, Any]) -> bool:
        body = json.dumps(event, ensure_ascii=False).encode()
        for wait in WAITS:
            if self._stopping.wait(wait):
                return False
            headers = {"Content-Type": "application/json", "Stripe-Signature": signature(body, self._secret)}
            try:
                if client.post(self.address, content=body, headers=headers).status_code // 100 == 2:
                    return True
            except httpx.HTTPError:
                continue
        return False

    def run(self) -> None:
        """Deliver whatever is told, until `stop`."""
        while not self._stopping.is_set():
            with self._wake:
                if not self._waiting:
                    self._wake.wait(1)
            self.deliver(self.take())

    def stop(self) -> None:
        self._stopping.set()
