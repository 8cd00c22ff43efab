"""A vendor joins on a small phone from nothing to her code, and a helper registers a stall, in a real Chromium."""

import re
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from merchants import qr_image
from payments.demo.card_office import serving
from tests import chromium
from tests.applicant import fields
from tests.cast import Cast
from tests.chromium import Enter, entering, needs_chromium, say
from tests.messages import Log, code_for

pytestmark = needs_chromium
MOST_TAPS = 12
LAN, NAM = "0988000111", "0988000222"


@pytest.fixture
def enter(browser: Browser, cast: Cast) -> Iterator[Enter]:
    """In this process, whose log has the messages that left."""
    with serving(cast.app) as port, entering(browser, f"http://127.0.0.1:{port}", cast) as come:
        yield come


def is_well_made(page: Page, name: str) -> None:
    chromium.is_well_made(page, name)
    assert page.locator("script").count() == 0, "what has none works without"


def test_a_vendor_joins_from_nothing_to_the_code_on_her_phone(cast: Cast, enter: Enter, log: Log) -> None:
    phone = enter("stranger", "/signin")
    phone.get_by_role("link", name=say("apply.not_yet")).click()
    is_well_made(phone, "apply-phone")
    phone.get_by_label(re.compile(say("apply.phone"))).fill("0988 000 111")
    phone.get_by_role("button", name=say("signin.send_code")).click()
    phone.get_by_label(say("signin.code")).fill(code_for(log, LAN))
    phone.get_by_role("button", name=say("apply.go_on")).click()
    is_well_made(phone, "apply-form")
    phone.locator("[name=market]").select_option("cho-a")
    phone.locator("[name=bank]").select_option("970436")
    for field in ("stall", "name", "account", "account_name"):
        phone.locator(f"[name={field}]").fill(fields()[field])
    phone.get_by_role("button", name=say("apply.go_on")).click()
    expect(phone.get_by_text("0123 4567 89")).to_be_visible()
    is_well_made(phone, "apply-check")
    phone.get_by_label(say("consent_text.agree")).check()
    phone.get_by_role("button", name=say("apply.send")).click()
    expect(phone.get_by_text(say("application.state.submitted"))).to_be_visible()

    board = enter("board", "/board/cho-a/applications", door=True, wide=True)
    is_well_made(board, "board-applications")
    board.get_by_role("link", name=say("field.stall", stall="K7")).click()
    board.get_by_role("button", name=say("board_applications.approve"), exact=True).click()
    expect(board.get_by_text(say("board_applications.done.approve"))).to_be_visible()

    phone.reload()
    phone.get_by_role("link", name=say("apply.your_code")).click()
    drawn = qr_image.read_image(phone.locator("img").first.screenshot())
    assert drawn and "0123456789" in drawn[0]


class Thumb:
    """A helper's thumb: counts every tap; what is typed costs none."""

    def __init__(self, page: Page) -> None:
        self.page, self.taps = page, 0

    def tap(self, role: Literal["link", "button"], name: str) -> None:
        self.page.get_by_role(role, name=name).click()
        self.taps += 1

    def type(self, field: str, text: str) -> None:
        self.page.locator(f"[name={field}]").click()
        self.taps += 1
        self.page.keyboard.type(text)

    def choose(self, field: str, value: str) -> None:
        """One tap opens the list, one chooses."""
        self.page.locator(f"select[name={field}]").select_option(value)
        self.taps += 2


def test_a_helper_registers_a_stall_in_at_most_twelve_taps(cast: Cast, enter: Enter, log: Log) -> None:
    page = enter("helper", "/field/cho-a", door=True)
    thumb = Thumb(page)
    thumb.tap("link", say("joining.title"))
    is_well_made(page, "field-application")
    thumb.type("stall", "A1")
    thumb.type("name", "Trần Văn Nam")
    thumb.type("phone", NAM)
    thumb.choose("bank", "970418")
    thumb.type("account", "5550001112")
    thumb.type("account_name", "TRAN VAN NAM")
    thumb.tap("button", say("joining.go_on"))
    is_well_made(page, "field-consent")
    thumb.type("told", code_for(log, NAM))
    thumb.tap("button", say("joining.send"))
    expect(page.get_by_role("status")).to_have_text(say("joining.sent", stall="A1"))
    assert thumb.taps <= MOST_TAPS

    board = enter("board", "/board/cho-a/applications")
    board.get_by_role("link", name=say("field.stall", stall="A1")).click()
    is_well_made(board, "board-conflict")  # Cô Ba holds A1


def test_a_vendors_own_pages_are_well_made(cast: Cast, enter: Enter) -> None:
    page = enter("vendor", "/stall/account")
    is_well_made(page, "stall-account")
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(page.url))
    for path in ("/stall/leave", "/stall/mine", "/apply"):
        page.goto(origin + path)
        is_well_made(page, path.strip("/").replace("/", "-"))
