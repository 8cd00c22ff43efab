"""Signing in on a small phone with scripts off, from `user add` to one's own page; and no barrier that axe knows."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from ground import clock
from ground.settings import Settings
from merchants import qr_image
from tests import shell
from tests.cast import PASSWORD
from tests.chromium import PHONE, needs_chromium, say
from tests.world import Street

pytestmark = needs_chromium


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A small phone that runs no script; what the console complains of is a failure."""
    with browser.new_context(viewport=PHONE, java_script_enabled=False) as context:
        complaints: list[str] = []
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(message.text))
        yield page
        assert complaints == []


def invite(settings: Settings, address: str, name: str, role: str, *area: str) -> str:
    answer = shell.run(settings, "user", "add", name, "--role", role, *area)
    assert answer.code == 0, answer.err
    return address + urlsplit(answer.out.strip()).path


def choose_password(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label(say("signin.new_password"), exact=True).fill(PASSWORD)
    page.get_by_label(say("signin.new_password_again")).fill(PASSWORD)
    page.get_by_role("button", name=say("signin.keep_and_enter")).click()


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("link", name=say("person.sign_in")).click()
    page.get_by_label(say("signin.name"), exact=True).fill(name)
    page.get_by_label(say("signin.password"), exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")


def arrives(page: Page, path: str) -> None:
    """A key pressed does not wait for the page it leads to."""
    page.wait_for_url(lambda url: urlsplit(url).path == path)


def fits(page: Page) -> bool:
    page.wait_for_load_state()
    return bool(page.evaluate("document.documentElement.scrollWidth") <= 360)


def test_one_of_the_board_comes_in_sets_up_the_second_step_and_comes_in_again(
    phone: Page, address: str, street: Street, test_settings: Settings
) -> None:
    choose_password(phone, invite(test_settings, address, "Chị Hoa", "board", "--area", "market:cho-a"))
    assert urlsplit(phone.url).path == "/board/cho-a" and fits(phone)

    phone.get_by_role("link", name=say("person.signed_in_as", name="Chị Hoa")).click()
    assert fits(phone)
    phone.get_by_role("link", name=say("account_page.set_up")).click()
    assert fits(phone)
    scanned = qr_image.read_image(phone.locator(".qr").screenshot())
    app = pyotp.parse_uri(scanned[0])
    assert isinstance(app, pyotp.TOTP) and app.name == "Chị Hoa"
    moment = clock.now().timestamp()
    phone.get_by_label(say("signin.code")).fill(app.at(int(moment) - 30))
    phone.get_by_role("button", name=say("account_page.put_in_force")).click()
    assert phone.locator(".codes li").count() == 10 and fits(phone)

    phone.get_by_role("button", name=say("person.sign_out")).click()
    assert urlsplit(phone.url).path == "/"
    sign_in(phone, "chị hoa")
    arrives(phone, "/signin/second")
    assert fits(phone)
    phone.get_by_label(say("signin.second_code")).fill(app.now())
    phone.keyboard.press("Enter")
    arrives(phone, "/board/cho-a")


def test_a_vendor_scans_the_slip_that_a_helper_made(
    phone: Page, browser: Browser, address: str, street: Street, test_settings: Settings
) -> None:
    choose_password(phone, invite(test_settings, address, "Minh Tổ Số", "helper", "--area", "market:cho-a"))
    phone.goto(f"{address}/field/cho-a/slip")
    phone.get_by_label(say("slip.stall")).fill("a1")
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Cô Ba")
    assert fits(phone)
    link = qr_image.read_image(phone.locator(".qr").screenshot())[0]
    with browser.new_context(viewport=PHONE, java_script_enabled=False) as hers:
        page = hers.new_page()
        page.goto(address + urlsplit(link).path)
        assert "A1" in page.inner_text("main") and fits(page)
        page.get_by_role("button", name=say("signin.enter")).click()
        assert urlsplit(page.url).path == "/stall" and "A1" in page.inner_text("main") and fits(page)


def test_a_wrong_phone_and_a_wrong_code_are_said_and_the_form_is_there_again(
    phone: Page, address: str, street: Street
) -> None:
    complaints = phone.context.new_page()  # a 422 is written to the console: that is the browser's own remark
    complaints.goto(f"{address}/signin")
    complaints.get_by_label(say("signin.phone")).fill("12")
    complaints.get_by_role("button", name=say("signin.send_code")).click()
    expect(complaints.get_by_role("alert")).to_contain_text(say("signin.bad_phone"))
    complaints.get_by_label(say("signin.phone")).fill("0912 000 001")
    complaints.get_by_role("button", name=say("signin.send_code")).click()
    arrives(complaints, "/signin/code")
    assert fits(complaints)
    complaints.get_by_label(say("signin.code")).fill("12 34 56")
    complaints.get_by_role("button", name=say("signin.enter")).click()
    expect(complaints.get_by_role("alert")).to_contain_text(say("signin.wrong_code"))
    assert fits(complaints)
