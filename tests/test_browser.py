"""The pages in a real Chromium, as on a cheap phone: 360 px wide, by keyboard, in the dark."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, Page

from ground import clock, money
from ground.store import Store
from tests.chromium import CONTRAST, PHONE, needs_chromium
from tests.world import Street, keep, post, told

pytestmark = needs_chromium


@pytest.fixture
def address(address: str, books: Store, street: Street) -> str:
    """The app on a market where three stalls sold today and one alone yesterday."""
    today = clock.today()
    sales = [
        told(1, 40_000, account="1000001", at=f"{today} 00:00:01"),
        told(2, 30_000, account="1000002", at=f"{today} 00:00:01"),
        told(3, 50_000, account="1000005", gateway="BIDV", virtual="VA0005", at=f"{today} 00:00:01"),
        told(4, 7_770, account="1000001", at=f"{today - timedelta(days=1)} 09:00:00"),
    ]
    keep(books, sales)
    post(books)
    return address


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A small phone, with everything the console complains of turned into a failure."""
    with browser.new_context(viewport=PHONE) as context:
        complaints: list[str] = []
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert complaints == []


def test_a_small_phone_shows_every_page_by_day_and_night_by_keyboard_and_in_both_languages(
    phone: Page, address: str
) -> None:
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)
        for path in ("/", "/?lang=en", "/markets/cho-a?lang=en", "/markets/cho-a?lang=vi"):
            phone.goto(address + path)
            assert phone.evaluate("document.documentElement.scrollWidth") <= 360, path
            assert phone.evaluate(CONTRAST) == []
    assert phone.locator("svg.chart.narrow").is_visible()
    assert not phone.locator("svg.chart.wide").is_visible()

    # by keyboard: the first Tab offers the way past the header, Enter takes it
    phone.keyboard.press("Tab")
    assert phone.evaluate("document.activeElement.className") == "skip"
    phone.keyboard.press("Enter")
    assert phone.evaluate("document.activeElement.id") == "content"

    # the other language, on the same page and period
    phone.get_by_role("button", name="Tháng trước").click()
    asked = parse_qs(urlsplit(phone.url).query)["period"]
    phone.get_by_role("link", name="English").click()
    assert phone.locator("html").get_attribute("lang") == "en"
    switched = urlsplit(phone.url)
    assert (switched.path, parse_qs(switched.query)["period"]) == ("/markets/cho-a", asked)
    phone.goto(f"{address}/")
    assert phone.locator("html").get_attribute("lang") == "en"


def test_the_charts_table_says_what_the_api_says(phone: Page, address: str) -> None:
    phone.goto(f"{address}/markets/cho-a")
    phone.locator("summary").click()
    rows = phone.locator("table.days tbody tr")
    assert rows.count() == 30
    for number in range(3):
        row = rows.nth(number)
        day = row.locator("time").get_attribute("datetime")
        asked = {"area": "market:cho-a", "period": str(day)}
        answer = httpx.get(f"{address}/api/v1/rates", params=asked, trust_env=False).json()
        figures = {figure["indicator"]: figure["value"] for figure in answer["figures"]}
        cells = row.locator("td").all_inner_texts()
        if figures["cashless_value"] is None:
            # hidden, or a day on which nobody sold anything
            assert not any(character in "123456789" for character in "".join(cells))
        else:
            shown = [money.show(figures["cashless_value"]), str(figures["cashless_count"])]
            assert [cell.replace("\u00a0", " ") for cell in cells] == shown
