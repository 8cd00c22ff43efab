"""How an applicant is played: her phone proved by the code it gets, the form filled in, the consent given."""

import re
from typing import Any

from sqlalchemy import text

from tests.cast import Browser, Cast
from tests.messages import Log, code_for

LAN = "0988000111"
BANK = "970436"  # Vietcombank


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
