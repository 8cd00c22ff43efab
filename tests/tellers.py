"""People who tell a running server of payments, all at once, and remember what it acknowledged and when."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import httpx2 as httpx
import pytest
from sqlalchemy import text

from ground.store import Store
from payments import replay, verify
from tests.world import API_KEY, raw, signed, told

Say = Callable[[str], None]


@pytest.fixture
def say(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints past pytest's capture: how long the door was shut belongs into the run's output."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n  {request.node.name}: {line}")  # noqa: T201

    return say


def gap(moments: list[float]) -> float:
    """The longest time, in seconds, between two of them."""
    return max((b - a for a, b in pairwise(sorted(moments))), default=0.0)


class Tellers:
    """Threads that tell of distinct payments. `by_key`: with the API key, which no clock has a say in."""

    def __init__(self, address: str, count: int = 6, *, by_key: bool = False) -> None:
        self.acknowledged: set[str] = set()
        self.refused: dict[int, int] = {}
        self.moments: list[float] = []
        self._address = address
        self._by_key = by_key
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._next = 1
        self._threads = [threading.Thread(target=self._tell, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int, seconds: float = 40) -> None:
        """Until so many more were acknowledged than now."""
        wanted = len(self.acknowledged) + more
        deadline = time.monotonic() + seconds
        while len(self.acknowledged) < wanted and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(self.acknowledged) >= wanted, f"only {len(self.acknowledged)} of {wanted} were acknowledged"

    def shut(self) -> float:
        """The longest time, in seconds, in which nothing was acknowledged."""
        return gap(self.moments)

    def _tell(self) -> None:
        # Without certificates to load, which nobody needs here and which takes longer than the whole start.
        with httpx.Client(timeout=10, trust_env=False, verify=False) as client:
            while not self._stopping.is_set():
                with self._lock:
                    number, self._next = self._next, self._next + 1
                body = raw(told(number, 1000 + number % 50))
                proof = {"Authorization": f"Apikey {API_KEY}"} if self._by_key else signed(body)
                try:
                    answer = client.post(f"{self._address}/webhooks/sepay", content=body, headers=proof)
                except httpx.HTTPError:
                    time.sleep(0.05)  # knocking takes the time that the server needs to start
                    continue
                with self._lock:
                    if answer.status_code == 200:
                        self.acknowledged.add(str(number))
                        self.moments.append(time.monotonic())
                    else:
                        self.refused[answer.status_code] = self.refused.get(answer.status_code, 0) + 1


def assert_kept_and_counted_once(books: Store, acknowledged: set[str]) -> None:
    replay.replay(books)
    with books.engine.connect() as connection:
        counted = connection.execute(
            text("SELECT n.external_id, count(e.id) FROM notice n LEFT JOIN entry e ON e.notice_id = n.id GROUP BY 1")
        ).all()
        sums = text(
            "SELECT (SELECT sum(sales_count) FROM stall_day), (SELECT sum(sales_value) FROM stall_day), "
            "(SELECT count(*) FROM notice), (SELECT sum(amount) FROM notice)"
        )
        count, value, notices, amount = connection.execute(sums).one()
    kept = {external_id for external_id, _ in counted}
    assert acknowledged <= kept
    assert {times for _, times in counted} == {1}
    assert (count, value) == (notices, amount)
    assert verify.verify(books).ok
