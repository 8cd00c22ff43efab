"""A helper's rounds and the board's placards, through the doors: verdicts on photos, printed sheets, tallies."""

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
import structlog
import zxingcpp
from PIL import Image
from sqlalchemy import text

from ground import clock
from merchants import code, qr_image, vietqr
from payments import indicator, period_run, sample
from tests import pdf_eye
from tests.cast import Browser, Cast
from tests.world import VIETCOMBANK

FIELD = "/field/cho-a"
BOARD = "/board/cho-a"


def photo_of(payload: str) -> dict[str, Any]:
    """The code on a counter, as a phone sends it."""
    with Image.open(BytesIO(qr_image.png(payload, 10))) as drawn:
        scene = Image.new("RGB", (1600, 1200), (190, 180, 170))
        scene.paste(drawn.convert("RGB"), (500, 300))
    kept = BytesIO()
    scene.save(kept, "JPEG", quality=85)
    return {"taken": ("photo.jpg", kept.getvalue(), "image/jpeg")}


def look(browser: Browser, payload: str, stall: str = "") -> Any:
    """Send a photo and follow to the result."""
    sent = browser.submit(f"{FIELD}/inspection", stall=stall, payload="", files=photo_of(payload))
    assert sent.status_code == 303, sent.text
    return browser.get(sent.headers["location"])


def payload(cast: Cast, stall: str) -> str:
    return str(cast.street.codes[stall]["payload"])


def overlay(cast: Cast, stall: str) -> str:
    return vietqr.write(bin=VIETCOMBANK, account="666666666", token=cast.street.token(stall))


def ask(cast: Cast, query: str) -> Any:
    with cast.books.session() as session:
        return session.execute(text(query)).all()


# --- inspections


def test_a_photo_of_a_genuine_placard_says_so_and_is_kept_small(cast: Cast) -> None:
    helper = cast.sign_in("helper")
    said = look(helper, payload(cast, "A1")).text
    assert "Sạp A1: Mã thật" in said and "Biển này dùng được" in said
    kept = helper.get(f"{FIELD}/photo?number=1")
    assert kept.headers["content-type"] == "image/jpeg" and 0 < len(kept.content) <= 60 * 1024
    assert "Sạp A1" in helper.get(FIELD).text
    [(who, what)] = ask(cast, "SELECT who, what FROM audit WHERE what = 'inspection.add'")
    assert (who, what) == ("staff:Minh Tổ Số", "inspection.add")


def test_an_overlay_sticker_tells_the_vendor_and_the_board_which_account_it_pays_into(cast: Cast) -> None:
    helper = cast.sign_in("helper")
    with structlog.testing.capture_logs() as log:
        said = look(helper, overlay(cast, "A1")).text
    assert "Mã lạ" in said and "Vietcombank 666666666" in said and "Gỡ hoặc che mã này ngay" in said
    [message] = [each for each in log if each["event"] == "message"]
    assert message["to"] == "…0001" and "Sạp A1" in message["text"] and len(message["text"]) <= 70
    board = cast.sign_in("board")
    page = board.get(f"{BOARD}/inspections").text
    assert "Cần xử lý: 1" in page and "666666666" in page
    refused = board.submit(f"{BOARD}/inspections", f"{BOARD}/inspections/settlement", number="1", settlement=" ")
    assert refused.status_code == 422 and "Xin ghi đã xử lý như thế nào" in refused.text
    settled = board.submit(f"{BOARD}/inspections", f"{BOARD}/inspections/settlement", number="1", settlement="đã gỡ")
    assert settled.status_code == 303
    assert "Cần xử lý: 0" in board.get(f"{BOARD}/inspections").text
    assert "đã gỡ" in board.get(f"{FIELD}/inspections?number=1").text
    again = board.submit(f"{BOARD}/inspections", f"{BOARD}/inspections/settlement", number="1", settlement="x")
    assert again.status_code == 409


def test_a_revoked_placard_still_hanging_is_the_boards_to_settle(cast: Cast) -> None:
    with cast.books.session() as session:
        code.revoke(session, cast.street.codes["A2"]["serial"], reason="bank", on=clock.today() - timedelta(days=1))
        session.commit()
    assert "Mã đã thu hồi" in look(cast.sign_in("helper"), payload(cast, "A2")).text
    assert "Cần xử lý: 1" in cast.sign_in("board").get(f"{BOARD}/inspections").text


def test_another_stalls_placard_is_strange_where_it_hangs(cast: Cast) -> None:
    assert "mã của sạp A1, nhưng lại treo ở sạp A2" in look(cast.sign_in("helper"), payload(cast, "A1"), "A2").text


def test_what_the_phone_read_itself_counts_where_there_is_no_photo(cast: Cast) -> None:
    helper = cast.sign_in("helper")
    sent = helper.submit(f"{FIELD}/inspection", stall="", payload=payload(cast, "B1"))
    assert "Sạp B1: Mã thật" in helper.get(sent.headers["location"]).text
    assert helper.get(f"{FIELD}/photo?number=1").status_code == 404


@pytest.mark.parametrize(
    ("fields", "files", "status", "said"),
    [
        ({}, None, 422, "Chưa có ảnh nào được gửi"),
        ({}, {"taken": ("x.jpg", b"no picture", "image/jpeg")}, 422, "không phải là ảnh"),
        ({"payload": "hello"}, None, 422, ""),
        ({"stall": "Z9", "payload": "hello"}, None, 422, "Z9"),
    ],
)
def test_what_can_not_be_judged_asks_again(
    cast: Cast, fields: dict[str, str], files: Any, status: int, said: str
) -> None:
    answer = cast.sign_in("helper").submit(f"{FIELD}/inspection", files=files, **fields)
    assert answer.status_code == status and 'role="alert"' in answer.text and said in answer.text
    assert ask(cast, "SELECT count(*) FROM inspection") == [(0,)]


def test_a_picture_without_a_code_is_an_inspection_that_read_nothing(cast: Cast) -> None:
    blank = BytesIO()
    Image.new("RGB", (800, 600), "white").save(blank, "JPEG")
    helper = cast.sign_in("helper")
    files = {"taken": ("x.jpg", blank.getvalue(), "image/jpeg")}
    sent = helper.submit(f"{FIELD}/inspection", stall="A1", files=files)
    assert "Không đọc được" in helper.get(sent.headers["location"]).text


def draw(cast: Cast, period: str, size: int) -> sample.Sample:
    with cast.books.session() as session:
        drawn = sample.draw(session, cast.street.market, period, size, "lot", by="board")
        session.commit()
        session.refresh(drawn)
        return drawn


def verified(cast: Cast, period: str) -> tuple[int, int | None]:
    """How many drawn stalls were inspected, and of how many the code was genuine."""
    with cast.books.session() as session:
        told = indicator.rates(session, "market:cho-a", period, audience="internal")
    (figure,) = [each for each in told.whole.figures if each.indicator == "verified_acceptance"]
    return figure.n, figure.numerator


def test_every_running_round_is_walked_and_a_look_counts_for_each_that_drew_the_stall(cast: Cast) -> None:
    month = f"{clock.today():%Y-%m}"
    whole = draw(cast, month, 6)
    few = draw(cast, period_run.at(clock.today(), "quarter").text, 2)
    alone = [stall for stall in whole.drawn if stall not in few.drawn and stall in cast.street.codes]
    helper = cast.sign_in("helper")
    rounds = helper.get(FIELD).text
    assert "đã xem 0 / 6 sạp" in rounds and "đã xem 0 / 2 sạp" in rounds
    said = look(helper, payload(cast, alone[0])).text
    assert "thuộc mẫu rút thăm" in said
    rounds = helper.get(FIELD).text
    assert "đã xem 1 / 6 sạp" in rounds and "đã xem 0 / 2 sạp" in rounds
    assert verified(cast, month)[0] == 1, "the newer sample takes no look from the older one"
    for stall in whole.drawn:
        look(helper, overlay(cast, "A2"), stall)
    rounds = helper.get(FIELD).text
    assert "đã xem 6 / 6 sạp" in rounds and "đã xem 2 / 2 sạp" in rounds
    assert verified(cast, month) == (6, 0)
    look(helper, payload(cast, alone[0]))
    assert verified(cast, month) == (6, 1), "the last look counts"
    board = " ".join(cast.sign_in("board").get(BOARD).text.split())
    assert "6 sạp, đã kiểm tra biển mã 6 sạp" in board and "2 sạp, đã kiểm tra biển mã 2 sạp" in board


def test_nobody_elsewhere_sees_an_inspection_or_its_photo(cast: Cast) -> None:
    look(cast.sign_in("helper"), payload(cast, "A1"))
    for who in ("other_helper", "other_board", "ward", "vendor", "stranger"):
        browser = cast.sign_in(who)
        for address in (f"{FIELD}/inspections?number=1", f"{FIELD}/photo?number=1", f"{BOARD}/inspections"):
            assert browser.get(address).status_code == 404
    for address in ("inspections?number=1", "photo?number=1"):
        assert cast.sign_in("other_helper").get(f"/field/cho-b/{address}").status_code == 404


# --- counting


def test_a_tally_without_a_script_is_a_plain_form(cast: Cast) -> None:
    helper = cast.sign_in("helper")
    fields = {"sent_id": str(uuid4()), "stall": "a1", "day": clock.today().isoformat(), "cashless": "4", "cash": "6"}
    for _ in range(3):
        sent = helper.submit(f"{FIELD}/counting", f"{FIELD}/tallies", **fields)
        assert sent.status_code == 303 and "Đã nhận phiếu" in helper.get(sent.headers["location"]).text
    assert ask(cast, "SELECT cashless, total FROM observation") == [(4, 10)]
    assert len(ask(cast, "SELECT 1 FROM audit WHERE what = 'tally.add'")) == 1


def test_a_helper_mends_or_takes_back_her_own_tally_without_a_script(cast: Cast) -> None:
    helper, counting = cast.sign_in("helper"), f"{FIELD}/counting"
    sent = {"sent_id": str(uuid4()), "stall": "A1", "day": clock.today().isoformat(), "cashless": "40", "cash": "6"}
    helper.submit(counting, f"{FIELD}/tallies", **sent)
    page = helper.get(counting).text
    assert "Phiếu tôi đã gửi hôm nay" in page and 'value="40"' in page
    mended = {"sent_id": str(uuid4()), "corrects": sent["sent_id"], "cashless": "4", "cash": "6"}
    for _ in range(2):
        answer = helper.submit(counting, f"{FIELD}/tallies/correction", **mended)
        assert answer.status_code == 303 and "Đã sửa phiếu" in helper.get(answer.headers["location"]).text
    stale = helper.submit(counting, f"{FIELD}/tallies/correction", **{**mended, "sent_id": str(uuid4())})
    assert stale.status_code == 409 and "đã được sửa rồi" in stale.text
    board = cast.sign_in("board")
    back = {"sent_id": str(uuid4()), "corrects": mended["sent_id"], "take_back": "1"}
    assert board.submit(counting, f"{FIELD}/tallies/correction", **back).status_code == 404
    assert helper.submit(counting, f"{FIELD}/tallies/correction", **back).status_code == 303
    assert "Đã rút lại" in helper.get(counting).text
    assert ask(cast, "SELECT cashless, total FROM observation ORDER BY id") == [(40, 46), (4, 10), (None, None)]
    [(was, now), _] = ask(cast, "SELECT before, after FROM audit WHERE what = 'tally.correct' ORDER BY number")
    assert (was["customers"], now["customers"]) == (46, 10)


def test_a_tally_that_can_not_be_taken_says_why(cast: Cast) -> None:
    fields = {"sent_id": str(uuid4()), "stall": "E1", "day": clock.today().isoformat(), "cashless": "1"}
    answer = cast.sign_in("helper").submit(f"{FIELD}/counting", f"{FIELD}/tallies", **fields)
    assert answer.status_code == 422 and "E1" in answer.text
    assert ask(cast, "SELECT count(*) FROM tally") == [(0,)]


def test_the_counting_sheets_worker_may_speak_for_the_field_alone(cast: Cast) -> None:
    answer = cast.stranger().get("/field/worker.js")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/javascript")
    assert "service-worker-allowed" not in answer.headers


# --- placards


def codes_in(pdf: bytes) -> list[str]:
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    sheets = [pdf_eye.paint(page) for page in pdf_eye.pages(pdf)]
    return sorted(found.text for sheet in sheets for found in zxingcpp.read_barcodes(sheet, formats=formats))


def print_out(browser: Browser, **fields: str) -> bytes:
    sent = browser.submit(f"{BOARD}/placards", **fields)
    assert sent.status_code == 303, sent.text
    drawn = browser.get(sent.headers["location"])
    assert drawn.headers["content-type"] == "application/pdf" and "no-store" in drawn.headers["cache-control"]
    return bytes(drawn.content)


def test_the_board_prints_a_section_and_hands_it_over(cast: Cast) -> None:
    board = cast.sign_in("board")
    assert "5 mã còn hiệu lực, 5 mã chưa in" in board.get(f"{BOARD}/placards").text
    assert codes_in(print_out(board, section="A")) == sorted(payload(cast, stall) for stall in ("A1", "A2"))
    assert "5 mã còn hiệu lực, 3 mã chưa in" in board.get(f"{BOARD}/placards").text
    given = board.submit(f"{BOARD}/placards", f"{BOARD}/placards/handing-over", run="1")
    assert "giao 2 biển" in board.get(given.headers["location"]).text
    assert len(codes_in(print_out(board, section=""))) == 3
    assert len(codes_in(print_out(board, section="", every="true", size="a5"))) == 5
    again = board.submit(f"{BOARD}/placards", section="A")
    assert again.status_code == 422 and "đều đã được in" in again.text
    assert [what for (what,) in ask(cast, "SELECT what FROM audit WHERE what LIKE 'placard%' ORDER BY number")] == [
        "placard.print",
        "placard.hand_over",
        "placard.print",
        "placard.print",
    ]


def test_handing_a_later_run_over_replaces_what_hung_there(cast: Cast) -> None:
    board = cast.sign_in("board")
    for run in (1, 2):
        print_out(board, section="", every="true")
        board.submit(f"{BOARD}/placards", f"{BOARD}/placards/handing-over", run=str(run))
    last = """SELECT step, count(*) FROM (SELECT DISTINCT ON (placard_id) placard_id, step FROM placard_step
        ORDER BY placard_id, id DESC) AS last GROUP BY step ORDER BY step"""
    assert ask(cast, last) == [("handed_over", 5), ("replaced", 5)]


def test_a_run_is_drawn_again_without_what_was_revoked_since(cast: Cast) -> None:
    board = cast.sign_in("board")
    print_out(board, stall="A1")
    assert codes_in(board.get(f"{BOARD}/placards.pdf?run=1").content) == [payload(cast, "A1")]
    with cast.books.session() as session:
        code.revoke(session, cast.street.codes["A1"]["serial"], reason="bank")
        session.commit()
    assert board.get(f"{BOARD}/placards.pdf?run=1").status_code == 422
    assert board.get(f"{BOARD}/placards.pdf?run=99").status_code == 404
    assert board.get(f"{BOARD}/placards.pdf").status_code == 303


def test_a_helper_notes_what_became_of_a_placard(cast: Cast) -> None:
    print_out(cast.sign_in("board"), section="", every="true")
    helper = cast.sign_in("helper")
    assert "Chờ giao: 5" in helper.get(f"{FIELD}/placards").text
    sent = helper.submit(f"{FIELD}/placards", stall="A1", step="handed_over")
    assert "Sạp A1: đã giao" in helper.get(sent.headers["location"]).text
    assert helper.submit(f"{FIELD}/placards", stall="a1", step="damaged").status_code == 303
    page = helper.get(f"{FIELD}/placards").text
    assert "Chờ giao: 4" in page and "Biển hỏng chờ in lại: 1" in page
    for stall, step, status in (("A1", "damaged", 409), ("D1", "damaged", 404), ("A2", "burnt", 422)):
        answer = helper.submit(f"{FIELD}/placards", stall=stall, step=step)
        assert answer.status_code == status and 'role="alert"' in answer.text
