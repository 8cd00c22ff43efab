"""The ward's page and the scoreboard in a real Chromium: on a small phone, by day and night, and without barriers."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Browser

from ground import clock, words
from payments import target
from tests.cast import Cast
from tests.chromium import CONTRAST, Enter, entering, is_well_made, needs_chromium
from tests.server import Server
from tests.world import keep, post, told

pytestmark = needs_chromium
TARGETS = (
    ("ward:26506", "acceptance", "0.8"),
    ("ward:26506", "active_use", "0.9"),
    ("ward:26506", "onboarded", "1"),
    ("ward:26506", "cashless_value", "2000000"),
    ("ward:26506", "value_share", "0.5"),
    ("market:cho-a", "acceptance", "0.95"),
)


@pytest.fixture(scope="module")
def stage(stage: Cast) -> Cast:
    """Three stalls sold every week of the year but in two months, in which one sold alone."""
    keep(stage.books, list(_sales()))
    post(stage.books)
    with stage.books.session() as session:
        for area, indicator, value in TARGETS:
            target.put(session, area, indicator, "2026-10", Decimal(value), by="test", at=clock.now())
        session.commit()
    return stage


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


@pytest.fixture
def enter(browser: Browser, server: Server, stage: Cast) -> Iterator[Enter]:
    with entering(browser, server.address, stage) as come:
        yield come


@pytest.mark.parametrize(("wide", "scheme"), [(False, "light"), (False, "dark"), (True, "light")])
def test_the_wards_pages_have_no_barrier(enter: Enter, wide: bool, scheme: str) -> None:
    page = enter("ward", "/ward/26506?period=2026-10", wide=wide, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    for name, path in (("ward", page.url), ("scoreboard", page.url.replace("?", "/scoreboard?"))):
        page.goto(path)
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate(CONTRAST) == [], name
        is_well_made(page, f"{name}-{'wide' if wide else 'narrow'}-{scheme}")
    assert complaints == []


def test_a_target_is_set_on_a_phone_and_seen_on_the_wards_page(enter: Enter) -> None:
    page = enter("ward", "/ward/26506?period=2026-10", door=True)
    ward = page.url
    page.get_by_role("link", name=words.say("scoreboard.open")).click()
    page.locator("select[name=indicator]").select_option("reconciled_share")
    page.get_by_role("textbox").fill("99")
    page.get_by_role("button", name=words.say("scoreboard.save"), exact=True).click()
    assert page.get_by_role("status").first.inner_text() == words.say("target.saved")
    page.goto(ward)
    row = page.get_by_role("row", name=words.say("indicator.reconciled_share")).first
    assert "99,0" in row.inner_text() and words.say("scoreboard.band.far") in row.inner_text()
