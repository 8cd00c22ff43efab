"""An operator's day at a desk: from signing in to money of nobody's that has found its stall, and back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from payments import verify
from payments.demo.card_office import serving
from tests.bank_book import sales
from tests.cast import Cast
from tests.chromium import Enter, entering, is_well_made, needs_chromium, say
from tests.world import keep, post, told

pytestmark = needs_chromium


@pytest.fixture
def enter(browser: Browser, cast: Cast) -> Iterator[Enter]:
    with serving(cast.app) as port, entering(browser, f"http://127.0.0.1:{port}", cast) as come:
        yield come


def test_money_of_nobodys_is_given_to_a_stall_and_taken_back_again(cast: Cast, enter: Enter) -> None:
    keep(cast.books, [told(1, 60_000, account="1000003", at="2026-10-05 08:00:00")])  # two stalls share the account
    post(cast.books)
    desk = enter("operator", "/operator", door=True, wide=True)
    desk.get_by_role("link", name=say("worklist.title")).click()
    is_well_made(desk, "findings")
    desk.get_by_role("row", name=say("worklist.kind.unattributed")).get_by_role("link").click()
    expect(desk.locator(".lead")).to_contain_text("60.000 ₫")
    is_well_made(desk, "finding")
    desk.get_by_label(re.compile(say("worklist.to_stall"))).fill("cho-a/B2")
    desk.get_by_label(say("worklist.reason")).first.fill("sạp cho xem điện thoại")
    desk.get_by_role("button", name=say("worklist.assign"), exact=True).click()
    expect(desk.locator(".lead")).to_contain_text(say("worklist.status.assigned"))
    expect(desk.locator(".note")).to_contain_text("sạp cho xem điện thoại")
    assert sales(cast.books) == [("B2", "2026-10-05", 60_000, 1, 0)]
    is_well_made(desk, "finding-assigned")

    desk.get_by_label(say("worklist.reason")).last.fill("nhầm sạp")
    desk.get_by_role("button", name=say("worklist.undo")).click()
    expect(desk.locator(".lead")).to_contain_text(say("worklist.status.open"))
    assert sales(cast.books) == [] and verify.verify(cast.books).differences == []
