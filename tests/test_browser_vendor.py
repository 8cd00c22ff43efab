"""A vendor's day on a small phone, in a real Chromium: she hears what comes, says what was no sale, and goes home."""

import re
from collections.abc import Iterator

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from ground import clock
from payments.verify import verify
from tests.cast import Cast
from tests.chromium import Enter, entering, is_well_made, needs_chromium
from tests.server import Server
from tests.world import keep, post, raw, signed, told

pytestmark = needs_chromium
# A phone with a Vietnamese voice, which writes down what it says; the machine of the tests has none.
VOICE = """
    window.said = [];
    const voice = { lang: "vi-VN", name: "vi" };
    window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
    Object.defineProperty(window, "speechSynthesis", { value: {
        getVoices: () => [voice], cancel: () => {}, addEventListener: () => {},
        speak: ({ text }) => window.said.push(text),
    } });
"""


@pytest.fixture
def enter(browser: Browser, server: Server, stage: Cast) -> Iterator[Enter]:
    with entering(browser, server.address, stage, server.events) as come:
        yield come


def pay(server: Server, id: int, amount: int) -> None:
    """As SePay tells it."""
    body = raw(payment(id, amount))
    headers = {"Content-Type": "application/json", **signed(body)}
    httpx.post(f"{server.address}/webhooks/sepay", content=body, headers=headers, trust_env=False).raise_for_status()


def payment(id: int, amount: int) -> dict[str, object]:
    return told(id, amount, at=f"{clock.now().astimezone(clock.ZONE):%Y-%m-%d %H:%M:%S}")


def said(page: Page) -> list[str]:
    return list(page.evaluate("window.said"))


def test_she_hears_each_payment_once_and_says_what_was_none(enter: Enter, server: Server, stage: Cast) -> None:
    page = enter("vendor", "/stall", door=True, script=VOICE)
    expect(page.locator("[data-state]")).to_have_text("Đang nghe tiền vào")
    page.get_by_role("button", name="Bật tiếng báo tiền").click()
    pay(server, 1, 200_000)
    flash = page.locator("[data-flash]")
    expect(flash).to_contain_text("200.000 ₫")
    expect(page.locator(".figure strong")).to_have_text("200.000 ₫")
    pay(server, 2, 200)
    expect(page.locator("#payments .warn").first).to_contain_text("Số tiền rất nhỏ")
    assert said(page) == ["Loa đã bật", "Đã nhận hai trăm nghìn đồng", "Chú ý! Chỉ nhận hai trăm đồng"]
    is_well_made(page, "vendor")

    row = page.locator(".payment", has_text="200.000 ₫")
    row.locator("summary").click()
    is_well_made(page, "vendor_payment")
    row.get_by_label("Số tiền trả lại").fill("50.000")
    row.get_by_role("button", name="Đã trả lại khách").click()
    expect(page.locator(".figure strong")).to_have_text("150.200 ₫")
    page.locator(".payment", has_text="150.000 ₫").locator("summary").click()
    page.get_by_role("button", name="Hoàn tác").click()
    expect(page.locator(".figure strong")).to_have_text("200.200 ₫")
    page.get_by_label(re.compile("^Sạp A1, ngày")).fill("300.000")
    page.get_by_role("button", name="Ghi tiền mặt").click()
    expect(page.get_by_text("Đã ghi 300.000 ₫.")).to_be_visible()
    assert said(page) == [], "what was said before the page was loaded anew is not said again"

    page.get_by_role("link", name="Cả tháng và sổ doanh thu").click()
    expect(page.locator(".month-sums")).to_contain_text("500.200 ₫")
    is_well_made(page, "vendor_month")
    for name in ("Excel", "PDF"):
        with page.expect_download() as kept:
            page.get_by_role("link", name=name).click()
        assert kept.value.suggested_filename.startswith("S1a-HKD_cho-a_A1_")
    assert verify(stage.books).differences == []


def test_a_page_left_open_through_a_restart_loses_nothing(enter: Enter, server: Server, stage: Cast) -> None:
    page = enter("vendor", "/stall", script=VOICE)
    page.get_by_role("button", name="Bật tiếng báo tiền").click()
    expect(page.locator("[data-state]")).to_have_text("Đang nghe tiền vào")
    assert server.stop() in (0, -15), "an open page does not keep the server from ending"
    for id in (11, 12):
        keep(stage.books, [payment(id, 1_000 * id)])
    post(stage.books)
    server.start()
    expect(page.locator(".payment", has_text="12.000 ₫")).to_be_visible()
    expect(page.locator("[data-state]")).to_have_text("Đang nghe tiền vào")
    pay(server, 13, 13_000)
    expect(page.locator("[data-flash]")).to_contain_text("13.000 ₫")
    spoken = [f"Đã nhận mười {number} nghìn đồng" for number in ("một", "hai", "ba")]
    assert said(page) == ["Loa đã bật", *spoken]
    page.reload()
    expect(page.locator("[data-state]")).to_have_text("Đang nghe tiền vào")
    assert said(page) == []


def test_it_opens_without_a_network_and_leaves_nothing_behind(enter: Enter, server: Server) -> None:
    page = enter("vendor", "/stall")
    page.get_by_role("button", name="Bật tiếng báo tiền").click()
    expect(page.locator("p[data-voice]")).to_contain_text("không có giọng đọc tiếng Việt")
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    page.reload()
    expect(page.locator("[data-state]")).to_have_text("Đang nghe tiền vào")
    page.context.set_offline(True)
    page.goto(f"{server.address}/stall")
    expect(page.get_by_text("Không có mạng: đây là số liệu lúc")).to_be_visible()
    is_well_made(page, "vendor_offline")
    page.context.set_offline(False)
    expect(page.get_by_text("Không có mạng: đây là số liệu lúc")).to_be_hidden(timeout=15_000)
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_url(f"{server.address}/")
    left = "async () => [await caches.keys(), Object.keys(localStorage).filter((each) => each.startsWith('stall:'))]"
    assert page.evaluate(left) == [[], []]


def test_it_works_with_scripts_off(enter: Enter) -> None:
    page = enter("vendor", "/stall", java_script_enabled=False)
    row = page.locator(".payment").first
    row.locator("summary").click()
    row.get_by_role("button", name="Không phải tiền bán hàng").click()
    expect(page.get_by_text("Đã ghi: không phải tiền bán hàng.")).to_be_visible()
    expect(page.get_by_text("Trình duyệt này không chạy mã lệnh")).to_be_visible()
