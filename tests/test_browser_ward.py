"""The ward's page and the scoreboard in a real Chromium: on a small phone, by day and night, and without barriers."""

import os
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from docs.screenshots import ARGUMENTS, find_chromium
from ground import clock, store, words
from ground.settings import Settings
from payments import target
from portal import invitation, staff
from tests.cast import PASSWORD, STAFF, Cast, assemble
from tests.server import Server
from tests.test_browser import CONTRAST
from tests.world import find_street, keep, post, told

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; `make browser` installs one")
PICTURES = os.environ.get("PICTURES")
"""A folder to look at the pages in."""
TARGETS = (
    ("ward:26506", "acceptance", "0.8"),
    ("ward:26506", "active_use", "0.9"),
    ("ward:26506", "onboarded", "1"),
    ("ward:26506", "cashless_value", "2000000"),
    ("ward:26506", "value_share", "0.5"),
    ("market:cho-a", "acceptance", "0.95"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def cast(copy: Callable[[str, str], Settings], cast_database: str) -> Iterator[Cast]:
    """Three stalls sold every week of the year but in two months, in which one sold alone."""
    books = store.open_store(copy(cast_database, "ward_browser"))
    keep(books, list(_sales()))
    post(books)
    with books.session() as session:
        for area, indicator, value in TARGETS:
            target.put(session, area, indicator, "2026-10", Decimal(value), by="test", at=clock.now())
        session.commit()
        found = assemble(books, find_street(session))
    yield found
    books.engine.dispose()


def _sales() -> Iterator[dict[str, object]]:
    day, number = date(2026, 1, 5), 0
    while day < date(2026, 11, 1):
        for stall, (account, more) in enumerate(
            (("1000001", {}), ("1000002", {}), ("1000005", {"gateway": "BIDV", "virtual": "VA0005"}))
        ):
            number += 1
            if stall == 0 or day.month not in (4, 5):
                amount = (20 + day.month * (stall + 3)) * 1000
                yield told(number, amount, account=account, at=f"{day} 08:00:00", **more)
        day += timedelta(days=5)


Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def server(cast: Cast) -> Iterator[Server]:
    started = Server(cast.books.settings)
    yield started
    started.stop()


def enter(browser: Browser, server: Server, cast: Cast, who: str, width: int, scheme: Scheme) -> Page:
    with cast.books.session() as session:
        key = staff.find(session, STAFF[who][0]).key
        token = invitation.make(session, cast.books.vault, clock.now(), by="test", staff_id=key)
        session.commit()
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: pytest.fail(message.text))
    page.goto(f"{server.address}/signin/link/{token}")
    page.get_by_label(words.say("signin.new_password"), exact=True).fill(PASSWORD)
    page.get_by_label(words.say("signin.new_password_again")).fill(PASSWORD)
    page.get_by_role("button", name=words.say("signin.keep_and_enter")).click()
    return page


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1200, "light")])
def test_the_wards_pages_have_no_barrier(
    browser: Browser, server: Server, cast: Cast, width: int, scheme: Scheme
) -> None:
    page = enter(browser, server, cast, "ward", width, scheme)
    for name, path in (("ward", "/ward/26506?period=2026-10"), ("scoreboard", "/ward/26506/scoreboard?period=2026-10")):
        page.goto(server.address + path)
        for summary in page.locator("summary").all():
            summary.click()
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate(CONTRAST) == [], name
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    page.context.close()


def test_a_target_is_set_on_a_phone_and_seen_on_the_wards_page(browser: Browser, server: Server, cast: Cast) -> None:
    page = enter(browser, server, cast, "ward", 360, "light")
    page.goto(f"{server.address}/ward/26506?period=2026-10")
    page.get_by_role("link", name=words.say("scoreboard.open")).click()
    page.locator("select[name=indicator]").select_option("reconciled_share")
    page.get_by_role("textbox").fill("99")
    page.get_by_role("button", name=words.say("scoreboard.save"), exact=True).click()
    assert page.get_by_role("status").first.inner_text() == words.say("target.saved")
    page.goto(f"{server.address}/ward/26506?period=2026-10")
    row = page.get_by_role("row", name=words.say("indicator.reconciled_share")).first
    assert "99,0" in row.inner_text() and words.say("scoreboard.band.far") in row.inner_text()
    page.context.close()
