"""The outage: the server is down longer than the provider tries, and the bank's statement makes it good."""

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from ground.settings import Settings
from ground.store import Store
from payments import verify
from tests.paper_statement import Paid, at, bilingual, csv_bytes
from tests.server import Server
from tests.shell import run
from tests.world import VIETCOMBANK, Street, raw, signed, told

# Cô Ba's Monday morning: three sales before the server goes down, four while it is down, one after it is back.
MORNING = [("07:10:00", 35_000), ("07:40:00", 20_000), ("07:40:00", 20_000)]
LOST = [("08:02:00", 20_000), ("08:02:30", 20_000), ("08:15:00", 61_000), ("08:31:00", 12_000)]
AFTER = [("09:05:00", 44_000)]
EVERYTHING = [*MORNING, *LOST, *AFTER]


def tell(server: Server, number: int) -> int | None:
    """One try of the provider's; None where nobody answers."""
    clock, amount = EVERYTHING[number]
    body = raw(told(number + 1, amount, at=f"2026-10-05 {clock}", referenceCode=f"FT2627800000{number:04d}"))
    try:
        answer = httpx.post(
            f"{server.address}/webhooks/sepay", content=body, headers=signed(body), timeout=30, trust_env=False
        )
    except httpx.HTTPError:
        return None
    return answer.status_code


@pytest.fixture
def statement(tmp_path: Path) -> Path:
    """The day as the bank has it: in the bilingual CSV, days without times."""
    story = [Paid(at(5), amount, f"FT2627800000{number:04d}") for number, (_, amount) in enumerate(EVERYTHING)]
    file = tmp_path / "saoke.csv"
    file.write_bytes(csv_bytes(bilingual(story)))
    return file


def figures(settings: Settings) -> dict[str, Any]:
    words = ("rates", "--area", "market:cho-a", "--period", "2026-10-05", "--audience", "internal", "--format", "json")
    return {each["indicator"]: each["value"] for each in run(settings, *words).document["figures"]}


def test_what_was_lost_in_an_outage_comes_back_from_the_statement_once(
    books: Store, street: Street, test_settings: Settings, statement: Path
) -> None:
    server = Server(test_settings)
    try:
        assert [tell(server, number) for number in range(3)] == [200] * 3
        server.kill()
        for _ in range(8):  # SePay's tries over 33 minutes, then never again
            assert {tell(server, number) for number in range(3, 7)} == {None}
        server.start()
        assert tell(server, 7) == 200
    finally:
        server.stop()
    assert run(test_settings, "replay").code == 0
    assert figures(test_settings)["cashless_count"] == 4

    name = f"{VIETCOMBANK}:1000001"
    for new in (8, 0):
        words = ("statement", "import", statement, "--account", name, "--format", "json")
        assert run(test_settings, *words).document["new_lines"] == new
    told_ = run(test_settings, "reconcile", "--format", "json").document
    assert told_ == {"confirmed": 4, "posted_from_statement": 4, "opened": 4, "resolved": 4, "open": 0}
    after = figures(test_settings)
    assert after["cashless_count"] == len(EVERYTHING)
    assert after["cashless_value"] == sum(amount for _, amount in EVERYTHING)
    assert after["reconciled_share"] == 1.0
    kinds = {row["kind"] for row in run(test_settings, "findings", "--format", "json").document}
    assert kinds == {"not_notified"}

    server.start()
    try:
        assert tell(server, 4) == 200  # somebody presses "send again" at the provider's
    finally:
        server.stop()
    assert run(test_settings, "replay").code == 0
    assert figures(test_settings) == after
    again = run(test_settings, "reconcile", "--format", "json").document
    assert again["posted_from_statement"] == 0 and again["open"] == 0
    assert verify.verify(books).differences == []
