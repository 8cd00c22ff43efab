"""No barrier that axe knows on the pages that nobody's day in a browser looks at: by day and night, 360 px wide."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, Page

from ground import clock
from payments.demo.card_office import serving
from portal import invitation, staff, vendor_account
from tests.applicant import LAN, ask, fields, number_in
from tests.cast import VENDOR_PHONE, Cast
from tests.chromium import Enter, barriers, entering, needs_chromium, say

pytestmark = needs_chromium


@pytest.fixture
def enter(browser: Browser, cast: Cast) -> Iterator[Enter]:
    with serving(cast.app) as port, entering(browser, f"http://127.0.0.1:{port}", cast) as come:
        yield come


def look(page: Page, *paths: str) -> dict[str, list[str]]:
    """What stands in the way on each of these pages (without any: on the one that is open)."""
    at, found = urlsplit(page.url), {}
    for path in paths or ("",):
        if path:
            page.goto(f"{at.scheme}://{at.netloc}{path}")
        said = barriers(page)
        if page.evaluate("document.documentElement.scrollWidth") > 360:
            said.append("wider than the phone")
        found[path or urlsplit(page.url).path] = said
    return {path: said for path, said in found.items() if said}


def links(cast: Cast) -> tuple[str, str]:
    """Where one of the staff chooses a password, and where a vendor's slip leads to."""
    with cast.books.session() as session:
        vault, moment = cast.books.vault, clock.now()
        vendor = vendor_account.take_up(session, VENDOR_PHONE, moment)
        tokens = (
            invitation.make(session, vault, moment, by="test", staff_id=staff.find(session, "Chị Thu").key),
            invitation.make(session, vault, moment, by="test", vendor_id=vendor),
        )
        session.commit()
    return invitation.PATH + tokens[0], invitation.PATH + tokens[1]


def test_who_is_not_signed_in_meets_no_barrier(cast: Cast, enter: Enter) -> None:
    serial = cast.street.codes["A1"]["serial"]
    page = enter("stranger", "/")
    payer = (f"/q/{serial}", f"/q/{serial}?amount=85000", f"/v/{serial}", "/v/NONE")
    figures = ("/", "/markets/cho-a?period=2026-10", "/open/", "/open/?period=x", "/nothing")
    ways_in = ("/signin?lang=en", "/signin/second?lang=vi", "/signin/code", *links(cast))
    assert look(page, *payer, *figures, *ways_in) == {}
    page.goto(page.url.partition("/signin")[0] + "/signin")
    assert send(page, "12") == 422 and look(page) == {}
    page.locator("input[name=token]").first.evaluate("field => field.value = 'x'")
    assert send(page, "0912 000 001") == 403 and look(page) == {}


def send(page: Page, phone: str) -> int:
    """Ask for a code, and say what the answer's status is."""
    page.get_by_label(say("signin.phone")).fill(phone)
    with page.expect_response("**/signin/phone") as answer:
        page.get_by_role("button", name=say("signin.send_code")).click()
    page.wait_for_load_state()
    return answer.value.status


def test_a_vendor_and_her_helper_meet_no_barrier(cast: Cast, enter: Enter) -> None:
    held = str(ask(cast, "SELECT id FROM stall WHERE number = 'A1' ORDER BY id LIMIT 1")[0][0])
    changed = number_in(cast.sign_in("vendor").submit("/stall/account", held=held, **fields(account="8888")))
    page = enter("vendor", "/account")
    assert look(page, "/account", "/stall/statement", f"/stall/account/consent?number={changed}") == {}

    joins = number_in(cast.sign_in("helper").submit("/field/cho-a/application", **fields(phone=LAN)))
    page = enter("helper", "/field/cho-a/slip")
    assert look(page, "/field", "/field/cho-a/slip") == {}
    page.get_by_label(say("slip.stall")).fill("a1")
    page.keyboard.press("Enter")
    page.locator(".qr").wait_for()
    assert look(page) == {}
    page.goto(page.url.replace("/slip", f"/application/consent?number={joins}"))
    page.get_by_role("button", name=say("joining.slip")).click()
    page.locator(".qr").wait_for()
    assert look(page) == {}


def test_the_offices_meet_no_barrier(enter: Enter) -> None:
    board = enter("board", "/account/second")
    assert look(board, "/board/cho-a", "/account/second") == {}
    secret = board.locator(".secret").text_content() or ""
    code = pyotp.TOTP(secret.replace(" ", "")).now()
    board.get_by_label(say("signin.code")).fill(code)
    board.get_by_role("button", name=say("account_page.put_in_force")).click()
    board.locator(".codes").wait_for()
    assert look(board) == {}
    assert look(board, "/account") == {}
    assert look(enter("ward", "/ward/26506"), "/ward/26506") == {}
    assert look(enter("province", "/province/79"), "/province/79", "/province/79/scoreboard") == {}
    assert look(enter("operator", "/operator"), "/operator") == {}
