"""The payer's page on a small phone in a real Chromium, up to a card payment at the made-up card company."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from ground.store import Store
from main import House
from payments.demo.card_company import CardCompany
from payments.demo.card_messenger import Messenger
from payments.demo.card_office import Office, serving
from tests.cards import KEY, SECRET, keyed
from tests.chromium import PHONE, needs_chromium
from tests.world import Street

pytestmark = needs_chromium


@pytest.fixture
def address(books: Store) -> Iterator[str]:
    """The app beside a card company that tells it of what it sells."""
    messenger = Messenger("", SECRET)
    company = CardCompany("", messenger.tell)
    with serving(Office(company, KEY).app) as office:
        company.address = f"http://127.0.0.1:{office}"
        shop = books._replace(settings=keyed(books.settings, company.address))
        with serving(House(shop)) as port:
            messenger.address = f"http://127.0.0.1:{port}/webhooks/stripe"
            thread = threading.Thread(target=messenger.run, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{port}"
            messenger.stop()
            thread.join(timeout=10)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A small phone without scripts, which never looks anything up at vietqr.io by itself."""
    with browser.new_context(viewport=PHONE, java_script_enabled=False, locale="vi-VN") as context:
        page = context.new_page()
        page.set_default_timeout(15_000)
        foreign: list[str] = []
        page.on("request", lambda request: foreign.append(request.url) if "127.0.0.1" not in request.url else None)
        yield page
        assert foreign == []


def test_a_payer_makes_a_code_for_an_amount_and_pays_by_card(phone: Page, address: str, street: Street) -> None:
    """Without a script, and over to the card company although the policy allows forms to few."""
    serial = street.codes["A1"]["serial"]
    phone.goto(f"{address}/q/{serial}")
    phone.get_by_label("Số tiền (đồng)", exact=True).fill("85.000")
    phone.get_by_role("button", name="Tạo mã").click()
    assert phone.get_by_role("heading", name="Quét để trả 85.000").is_visible()
    assert phone.locator(f'img[src="/q/{serial}.svg?amount=85000"]').bounding_box()["width"] > 200  # type: ignore[index]
    phone.get_by_role("button", name="Tiếp tục trả bằng thẻ").click()
    phone.get_by_role("button", name="Trả 85.000").click()
    phone.get_by_text("Đã trả xong").wait_for()
    assert phone.get_by_role("heading", name="85.000").is_visible()


def test_nothing_runs_over_the_edge_of_a_small_phone(browser: Browser, address: str, street: Street) -> None:
    serial = street.codes["A1"]["serial"]
    with browser.new_context(viewport=PHONE) as context:
        page = context.new_page()
        for path in (f"/q/{serial}?amount=85000", f"/q/{serial}?amount=x", f"/q/{serial}?lang=en"):
            page.goto(f"{address}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            short = page.evaluate(
                "[...document.querySelectorAll('main button, main input:not([type=hidden]), main .button')]"
                ".filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 60))"
            )
            assert short == []
