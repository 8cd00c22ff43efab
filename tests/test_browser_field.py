"""A helper's day on a small phone and a board's three clicks, in a real Chromium."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from merchants import qr_image, vietqr
from tests import pdf_eye
from tests.cast import Cast
from tests.chromium import PHONE, Enter, entering, is_well_made, needs_chromium, say
from tests.person import comes_true
from tests.server import Server
from tests.world import VIETCOMBANK, keep, post, told

pytestmark = needs_chromium


@pytest.fixture
def enter(browser: Browser, server: Server, stage: Cast) -> Iterator[Enter]:
    with entering(browser, server.address, stage) as come:
        yield come


def photograph(payload: str, folder: Path) -> Path:
    with Image.open(BytesIO(qr_image.png(payload, 10))) as drawn:
        scene = Image.new("RGB", (1200, 900), (190, 180, 170))
        scene.paste(drawn.convert("RGB"), (300, 150))
    file = folder / "photo.jpg"
    scene.save(file, "JPEG")
    return file


def payload(stage: Cast, stall: str) -> str:
    return str(stage.street.codes[stall]["payload"])


def ask(stage: Cast, query: str) -> list[tuple[object, ...]]:
    with stage.books.session() as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_a_helper_photographs_a_placard_with_scripts_off(stage: Cast, enter: Enter, tmp_path: Path) -> None:
    page = enter("helper", "/field", java_script_enabled=False)
    page.get_by_role("link", name=say("field.inspect")).click()
    page.get_by_label(say("field.photo")).set_input_files(photograph(payload(stage, "C1"), tmp_path))
    page.get_by_role("button", name=say("field.send_photo")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sạp C1: Mã thật")
    assert page.locator("img.taken").evaluate("image => image.naturalWidth > 0")
    page.get_by_role("link", name=say("field.again.next")).click()
    assert urlsplit(page.url).path == "/field/cho-a/inspection"


def test_every_page_of_the_field_and_the_board_is_well_made(stage: Cast, enter: Enter, tmp_path: Path) -> None:
    page = enter("operator", "/field")
    is_well_made(page, "field")
    page.goto(page.url + "/cho-a/inspection?stall=A1")
    is_well_made(page, "inspection-ask")
    strange = vietqr.write(bin=VIETCOMBANK, account="666666666", token=stage.street.token("A1"))
    page.get_by_label(say("field.photo")).set_input_files(photograph(strange, tmp_path))
    page.get_by_role("button", name=say("field.send_photo")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sạp A1: Mã lạ")
    is_well_made(page, "inspection-foreign")
    page.get_by_role("link", name="← Chợ cho-a").click()
    is_well_made(page, "field-market")
    page.get_by_role("link", name=say("field.count")).click()
    is_well_made(page, "counting")
    board = enter("board", "/board/cho-a/placards", wide=True)
    is_well_made(board, "placards-wide")
    board.request.post(board.url)  # without the form's token: nothing happens
    board.get_by_label(say("board_placards.one_stall")).fill("B1")
    with board.expect_response(lambda answer: "placards.pdf" in answer.url):
        board.get_by_role("button", name=say("board_placards.print_one")).click()
    board.goto(f"{board.url.partition('/board')[0]}/board/cho-a/placards")
    board.set_viewport_size({"width": 360, "height": 740})
    is_well_made(board, "placards")
    board.get_by_role("link", name=say("board_placards.single")).click()
    is_well_made(board, "placards-single")
    board.goto(f"{board.url.partition('/field')[0]}/board/cho-a/inspections")
    is_well_made(board, "rounds")
    board.get_by_label(say("rounds.done")).fill("đã gỡ, báo công an phường")
    board.get_by_role("button", name=say("rounds.settle")).click()
    expect(board.get_by_text(say("rounds.none_open"))).to_be_visible()
    is_well_made(board, "rounds-settled")
    board.get_by_role("link", name="← Chợ cho-a").click()
    is_well_made(board, "board")
    board.get_by_role("link", name=say("board.section", section="B")).click()
    is_well_made(board, "board-stalls")
    assert board.locator(".places .state").all_inner_texts() == [say("board.state.unused")] * 2
    keep(stage.books, [told(1, 61_000, account="1000003", at="2026-10-05 08:30:00")])  # B1's and B2's
    post(stage.books)
    board.goto(f"{board.url.partition('/board')[0]}/board/cho-a/findings")
    is_well_made(board, "findings")
    board.locator(".work a").click()
    expect(board.get_by_role("button", name=say("worklist.assign"))).to_be_visible()
    is_well_made(board, "finding")


def test_everybody_reads_whether_a_placard_is_genuine(server: Server, stage: Cast, browser: Browser) -> None:
    with browser.new_context(viewport=PHONE, color_scheme="dark") as context:
        page = context.new_page()
        for path, name in ((f"/v/{stage.street.codes['A1']['serial']}", "truth"), ("/v/C0000000", "truth-unknown")):
            page.goto(server.address + path)
            is_well_made(page, name)


def test_the_camera_reads_a_code_live_and_keeps_what_it_saw(stage: Cast, enter: Enter) -> None:
    """Chromium on Linux has no BarcodeDetector of its own: the browser's part is played, ours is not."""
    page = enter("helper", "/field/cho-a")
    page.add_init_script(
        f"""const codes = ["https://example.org", "{payload(stage, "B1")}"];
        window.BarcodeDetector = class {{ async detect(video) {{
            return video.videoWidth ? codes.map((rawValue) => ({{rawValue}})) : [];
        }} }};"""
    )
    page.goto(page.url + "/inspection")
    page.get_by_role("button", name=say("field.scan")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sạp B1: Mã thật")
    number = urlsplit(page.url).query.removeprefix("number=")
    [(size,)] = ask(stage, f"SELECT octet_length(photo) FROM inspection_photo WHERE inspection_id = {number}")
    assert 0 < int(str(size)) <= 60 * 1024


def test_a_browser_that_reads_no_codes_is_not_offered_to(enter: Enter) -> None:
    page = enter("helper", "/field/cho-a/inspection")
    expect(page.get_by_role("button", name=say("field.send_photo"))).to_be_visible()
    expect(page.get_by_role("button", name=say("field.scan"))).to_be_hidden()


def count(page: Page, stall: str, cashless: int, cash: int) -> None:
    page.get_by_label(say("field.which_stall")).locator("visible=true").fill(stall)
    for name, times in ((say("counting.cashless"), cashless), (say("counting.cash"), cash)):
        for _ in range(times):
            page.locator(".pad", has_text=name).click()


def test_customers_are_counted_without_a_network_and_sent_later_once(stage: Cast, enter: Enter) -> None:
    page = enter("helper", "/field/cho-a/counting", door=True)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.reload()  # through the worker, which keeps it
    count(page, "A1", 2, 3)
    page.get_by_role("button", name=say("counting.undo")).click()
    page.get_by_role("button", name=say("counting.finish")).click()
    expect(page.get_by_role("status")).to_contain_text("Đã ghi 4 lượt ở sạp A1. Đã gửi hết.")

    page.context.set_offline(True)
    count(page, "A2", 1, 0)
    page.get_by_role("button", name=say("counting.finish")).click()
    expect(page.get_by_role("status")).to_contain_text("Còn 1 phiếu chờ gửi. Chưa có mạng")
    count(page, "E1", 0, 5)  # nobody trades there
    page.get_by_role("button", name=say("counting.finish")).click()
    count(page, "B1", 0, 1)
    page.reload()
    expect(page.locator("[data-count=cash]")).to_have_text("1")
    expect(page.get_by_role("status")).to_contain_text("Còn 2 phiếu chờ gửi")
    is_well_made(page, "counting-offline")
    page.get_by_role("button", name=say("counting.finish")).click()
    tallies = "SELECT count(*) FROM tally"
    assert ask(stage, tallies) == [(1,)]

    page.context.set_offline(False)
    expect(page.get_by_role("status")).to_contain_text("Đã gửi hết")
    expect(page.locator("[data-refusals] li")).to_contain_text("Sạp E1 không bán hàng")
    sums = "SELECT s.number, cashless, total FROM observation o JOIN stall s ON s.id = o.stall_id ORDER BY 1"
    assert ask(stage, sums) == [("A1", 2, 4), ("A2", 1, 1), ("B1", 0, 1)]

    mine = page.locator("[data-mine] li")
    expect(mine).to_have_count(3)  # what has arrived can be mended there and then
    mine.filter(has_text="B1").get_by_role("button", name=say("counting.take_back")).click()
    expect(page.locator(".done")).to_have_text(say("counting.mended"))
    is_well_made(page, "counting-mended")
    assert ask(stage, "SELECT cashless, total FROM observation ORDER BY id DESC LIMIT 1") == [(None, None)]


def test_tallies_wait_in_the_phone_until_one_signs_in_again(stage: Cast, enter: Enter) -> None:
    page = enter("helper", "/field/cho-a/counting")
    page.context.clear_cookies()
    count(page, "A1", 1, 1)
    page.get_by_role("button", name=say("counting.finish")).click()
    expect(page.get_by_role("status")).to_contain_text(say("counting.signed_out"))
    assert page.evaluate("JSON.parse(localStorage['counting:cho-a:queue']).length") == 1


def test_a_board_prints_a_section_in_three_clicks(stage: Cast, enter: Enter) -> None:
    before = ask(stage, "SELECT coalesce(max(id), 0) FROM print_run")[0][0]
    page = enter("board", "/board/cho-a", door=True, wide=True)
    page.evaluate("sessionStorage.clicks = 0")
    page.add_init_script("addEventListener('click', () => sessionStorage.clicks++, true)")
    page.reload()
    page.get_by_role("link", name=say("board.task.placards")).click()
    with page.expect_response(lambda answer: "placards.pdf" in answer.url) as found:
        page.get_by_role("button", name=say("board_placards.print_section", section="A")).click()
    address = found.value.url
    printed = f"SELECT count(*) FROM placard WHERE print_run_id > {before}"
    assert comes_true(lambda: ask(stage, printed) == [(2,)])
    drawn = page.context.request.get(address)
    assert drawn.headers["content-type"] == "application/pdf"
    sheets = pdf_eye.pages(drawn.body())
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    codes = {each.text for sheet in sheets for each in zxingcpp.read_barcodes(pdf_eye.paint(sheet), formats=formats)}
    assert codes == {payload(stage, "A1"), payload(stage, "A2")}
    page.goto(f"{address.partition('/board')[0]}/board/cho-a/placards")
    assert int(page.evaluate("sessionStorage.clicks")) <= 3
