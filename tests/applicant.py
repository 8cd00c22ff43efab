"""How an applicant is played: her phone proved by the code it gets, the form filled in, the consent given."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from tests.cast import Browser, Cast

LAN = "0988000111"
BANK = "970436"  # Vietcombank
Log = list[dict[str, str]]


@pytest.fixture
def log() -> Iterator[Log]:
    """What the operator's log says meanwhile: every message that left stands in it."""
    with structlog.testing.capture_logs() as told:
        yield told  # type: ignore[misc]


def told(log: Log, phone: str) -> list[str]:
    """What a phone was told, in order."""
    return [each["text"] for each in log if each.get("to") == f"…{phone[-4:]}"]


def code_for(log: Log, phone: str) -> str:
    found = re.search(r"\b\d{6}\b", told(log, phone)[-1])
    assert found is not None
    return found[0]


def come_in(cast: Cast, log: Log, phone: str = LAN) -> Browser:
    """A browser in which the phone was proved at /apply."""
    browser = cast.stranger()
    assert browser.submit("/apply", "/apply/phone", phone=phone).headers["location"] == "/apply/code"
    done = browser.submit("/apply/code", code=code_for(log, phone))
    assert done.status_code == 303 and done.headers["location"] == "/apply", done.text
    return browser


def fields(**other: str) -> dict[str, str]:
    """What she fills in where nothing else is said."""
    said = {
        "market": "cho-a",
        "stall": "K7",
        "name": "Nguyễn Thị Lan",
        "bank": BANK,
        "account": "0123 456 789",
        "account_name": "NGUYEN THI LAN",
    }
    return said | other


def number_in(answer: Any) -> int:
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("=")[2])


def apply_for(browser: Browser, **other: str) -> int:
    """Filled in, agreed to and sent: the application's number."""
    number = number_in(browser.submit("/apply", "/apply", **fields(**other)))
    sent = browser.submit("/apply", "/apply/consent", number=str(number), agreed="true")
    assert sent.status_code == 303, sent.text
    return number


def decide(cast: Cast, number: int, step: str, *, by: str = "board", market: str = "cho-a", **more: str) -> Any:
    """As the board's page would send it, with the claim as it is shown there."""
    page = f"/board/{market}/application?number={number}"
    browser = cast.sign_in(by)
    seen = re.search(r'name="seen" value="([^"]*)"', browser.get(page).text)
    told = {"seen": seen[1] if seen else "", **more}
    return browser.submit(page, f"/board/{market}/application", number=str(number), step=step, **told)


def ask(cast: Cast, query: str, **values: Any) -> list[tuple[Any, ...]]:
    with cast.books.session() as session:
        return [tuple(row) for row in session.execute(text(query), values)]


def state(cast: Cast, number: int) -> str:
    return str(ask(cast, "SELECT state FROM application WHERE id = :n", n=number)[0][0])
