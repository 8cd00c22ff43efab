"""A load of signed notices on one door of this machine: bounded in number and time, answers counted, waits measured."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import NamedTuple, cast

import uvloop

SECRET = "benchmark"


class Load(NamedTuple):
    """What came of it. Waits in milliseconds."""

    per_second: float
    p50: float
    p99: float
    answered: int
    refused: int


def requests(first: int, count: int) -> Iterator[bytes]:
    """Whole HTTP requests, each a notice of its own, signed now."""
    for number in range(first, first + count):
        body = json.dumps(
            {
                "id": number,
                "gateway": "Vietcombank",
                "transactionDate": f"2026-10-{1 + number % 28:02d} {6 + number % 12:02d}:{number % 60:02d}:00",
                "accountNumber": f"{1_000_000 + number % 500}",
                "code": None,
                "content": f"MBVCB.{number}.TIEN HANG.CT tu 0123456789 NGUYEN VAN A toi {1_000_000 + number % 500}",
                "transferType": "in",
                "transferAmount": 1000 * (1 + number % 400),
                "accumulated": 0,
                "subAccount": None,
                "referenceCode": f"MBVCB.{number}",
                "description": "",
            }
        ).encode()
        stamp = str(int(time.time()))
        digest = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        head = (
            "POST /webhooks/sepay HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"X-SePay-Timestamp: {stamp}\r\nX-SePay-Signature: sha256={digest}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


class Caller(asyncio.Protocol):
    """One connection: sends the next request when the answer to the last one is complete."""

    def __init__(self, waiting: list[bytes], waits: list[float], refused: list[int], end: float) -> None:
        self._waiting, self._waits, self._refused, self._end = waiting, waits, refused, end
        self.done = asyncio.get_running_loop().create_future()
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        if not self._waiting or self._sent > self._end:
            self._transport.close()
            return
        self._transport.write(self._waiting.pop())

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) < length:
            return
        if head.startswith(b"HTTP/1.1 200"):
            self._waits.append(time.perf_counter() - self._sent)
        else:
            self._refused.append(int(head[9:12]))
        self._answer = b""
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def run(port: int, connections: int, seconds: float, waiting: list[bytes]) -> Load:
    """Drive the door until the time is over or the requests are used up."""
    return uvloop.run(_drive(port, connections, seconds, waiting))


async def _drive(port: int, connections: int, seconds: float, waiting: list[bytes]) -> Load:
    waits: list[float] = []
    refused: list[int] = []
    begin = time.perf_counter()
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(connections):
        _, caller = await loop.create_connection(
            lambda: Caller(waiting, waits, refused, begin + seconds), "127.0.0.1", port
        )
        callers.append(caller)
    await asyncio.wait_for(asyncio.gather(*(caller.done for caller in callers)), seconds + 60)
    spent = time.perf_counter() - begin
    ordered = sorted(waits) or [0.0]
    return Load(
        len(waits) / spent,
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        len(waits),
        len(refused),
    )
