"""An ear at the vendor's open page: server-sent events as a browser hears them, read in a thread of its own."""

import queue
import threading
import time
from contextlib import suppress
from typing import Any, NamedTuple

import httpx2 as httpx
import orjson

HEARS_SECONDS = 5.0


class Heard(NamedTuple):
    kind: str
    content: dict[str, Any]
    id: int
    at: float


class Ear:
    """`kind` None once the stream ended."""

    def __init__(self, address: str, cookies: Any, *, since: int | None = None, last: int | None = None) -> None:
        self.status = 0
        self._heard: queue.Queue[Heard | None] = queue.Queue()
        self._client = httpx.Client(base_url=address, cookies=dict(cookies), timeout=60, trust_env=False)
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        asked = {} if since is None else {"since": str(since)}
        self._stream = self._client.stream("GET", "/stall/live", params=asked, headers=headers)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with suppress(httpx.HTTPError), self._stream as answer:
            self.status = answer.status_code
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "event" in fields:
                    content = orjson.loads(fields["data"])
                    self._heard.put(Heard(fields["event"], content, int(fields["id"]), time.monotonic()))
                    fields = {}
        self._heard.put(None)

    def next(self, *kinds: str, seconds: float = HEARS_SECONDS) -> Heard | None:
        """The next event of one of these kinds; None when the stream ends; fails when neither comes."""
        deadline = time.monotonic() + seconds
        while True:
            heard = self._heard.get(timeout=max(0.01, deadline - time.monotonic()))
            if heard is None or heard.kind in kinds:
                return heard

    def upto_ready(self) -> list[int]:
        """The entries that it is told of before `ready`."""
        found = []
        while (heard := self.next("news", "ready")) is not None and heard.kind == "news":
            found.append(int(heard.content["id"]))
        return found

    def close(self) -> None:
        self._client.close()
