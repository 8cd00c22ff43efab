"""A real Chromium and whoever sits before it: people of the cast, each with a phone or a desk of her own."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from docs.screenshots import ARGUMENTS, find_chromium
from ground import words
from tests.cast import PASSWORD, STAFF, VENDOR_PHONE, Cast
from tests.messages import Log, code_for, told
from tests.person import comes_true

CHROMIUM = find_chromium()
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; `make browser` installs one")
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
PHONE = ViewportSize(width=360, height=740)
DESK = ViewportSize(width=1200, height=900)
PATIENCE_MILLISECONDS = 15_000
PICTURES = os.environ.get("PICTURES")
"""A folder to look at the pages in."""

# What is written in less contrast than WCAG 2.2 AA asks for (4.5 to 1).
CONTRAST = """
() => {
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                       return .2126 * r + .7152 * g + .0722 * b };
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const ground = element => { for (; element; element = element.parentElement) {
      const found = parse(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found.slice(0, 3); }
    return [255, 255, 255] };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("svg") || ![...element.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const ink = light(parse(getComputedStyle(element).color).slice(0, 3));
    const [a, b] = [ink, light(ground(element))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) poor.push(element.outerHTML.slice(0, 80));
  }
  return poor;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file: while it is open no test of another may run an event loop in this thread."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, *CAMERA])
        yield opened
        opened.close()


class Enter(Protocol):
    def __call__(
        self, who: str, path: str, *, door: bool = False, wide: bool = False, script: str = "", **options: Any
    ) -> Page:
        """By the sign-in page, if through the door; else with the cookies of who came in elsewhere.

        `script` runs before each page's own; `options` are the browser context's.
        """
        ...


@contextmanager
def entering(browser: Browser, address: str, cast: Cast, log: Callable[[], Log] = list) -> Iterator[Enter]:
    """Brings people of the cast, signed in, before a page of the server at an address; closes their browsers after.

    `log`: what that server has written, with the codes that it sent.
    """
    with ExitStack() as contexts:

        def come(
            who: str, path: str, *, door: bool = False, wide: bool = False, script: str = "", **options: Any
        ) -> Page:
            context = contexts.enter_context(browser.new_context(viewport=DESK if wide else PHONE, **options))
            if not door:
                cookies = cast.come_in(who).client.cookies
                context.add_cookies([{"name": name, "value": value, "url": address} for name, value in cookies.items()])
            if script:
                context.add_init_script(script)
            page = context.new_page()
            page.set_default_timeout(PATIENCE_MILLISECONDS)
            page.goto(f"{address}/signin?next={path}" if door else address + path)
            if door:
                _sign_in(page, who, log)
                page.wait_for_url(address + path)
            return page

        yield come


def _sign_in(page: Page, who: str, log: Callable[[], Log]) -> None:
    """As people do: staff by name and password, a vendor by phone and the code that she is sent."""
    if who == "vendor":
        page.locator("[name=phone]").fill(VENDOR_PHONE)
        page.get_by_role("button", name=say("signin.send_code")).click()
        assert comes_true(lambda: told(log(), VENDOR_PHONE))
        page.get_by_label(say("signin.code")).fill(code_for(log(), VENDOR_PHONE))
    else:
        page.get_by_label(say("signin.name"), exact=True).fill(STAFF[who][0])
        page.get_by_label(say("signin.password"), exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")


def barriers(page: Page) -> list[str]:
    """What axe finds by day, and what is faint by night: of all that axe knows nothing else can differ."""
    page.emulate_media(color_scheme="light")
    found = [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in Axe().run(page).response["violations"]]
    page.emulate_media(color_scheme="dark")
    return found + [f"faint by night: {each}" for each in page.evaluate(CONTRAST)]


def say(key: str, **params: object) -> str:
    return words.say(key, "vi", **params)


def is_well_made(page: Page, name: str) -> None:
    """No wider than its window, and no barrier that axe knows; a picture for whoever asked for one."""
    page.wait_for_load_state()
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png", full_page=True)
    assert page.viewport_size is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], name
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"
