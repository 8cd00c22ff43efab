"""The vendor's way in: a code sent to her phone, or a slip that a helper prints; nobody learns who is known."""

import json
import re
import threading
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO

import pytest
from httpx2 import Response
from PIL import Image, ImageDraw
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock, message, words
from ground.settings import Settings
from ground.store import Store
from merchants import qr_image
from portal import app as portal
from portal import phone_code, throttle, vendor_account
from tests.cast import VENDOR_PHONE, Browser, Cast
from tests.messages import Log, code_for
from tests.person import comes_true
from tests.world import Street, import_roll

NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
UNKNOWN = "0987654321"
# It loads every channel it has, and one of them asks for a module that Python is about to drop.
APPRISE = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def ask(browser: Browser, phone: str = VENDOR_PHONE, **more: str) -> Response:
    return browser.submit("/signin", "/signin/phone", phone=phone, **more)


def test_a_vendor_comes_in_with_the_code_that_her_phone_got(cast: Cast, log: Log) -> None:
    browser = cast.stranger()
    asked = ask(browser, "+84 912 000 001")
    assert (asked.status_code, asked.headers["location"]) == (303, "/signin/code")
    assert log[-1]["to"] == "…0001" and len(log[-1]["text"]) <= 70  # one SMS of Vietnamese letters
    code = code_for(log, VENDOR_PHONE)
    done = browser.submit("/signin/code", code=f"{code[:3]} {code[3:]}")
    assert (done.status_code, done.headers["location"]) == (303, "/stall")
    page = browser.get("/stall").text
    assert "A1" in page and "A2" not in page
    assert cast.stranger().get("/stall").headers["location"] == "/signin?next=/stall"


def test_the_answer_never_tells_whether_a_phone_is_known(cast: Cast, log: Log) -> None:
    known, unknown = cast.stranger(), cast.stranger()
    answers = [ask(known), ask(unknown, UNKNOWN)]
    assert len(log) == 1
    assert answers[0].status_code == answers[1].status_code == 303
    assert answers[0].headers["location"] == answers[1].headers["location"]
    cookies = [re.sub("=[^;]+", "", each.headers["set-cookie"]) for each in answers]
    assert cookies[0] == cookies[1]
    pages = [re.sub('value="[0-9a-f]{64}"', "", each.get("/signin/code").text) for each in (known, unknown)]
    assert pages[0] == pages[1]
    wrong = "000000" if code_for(log, VENDOR_PHONE) != "000000" else "000001"
    tried = [each.submit("/signin/code", code=wrong) for each in (known, unknown)]
    assert [each.status_code for each in tried] == [422, 422]
    assert re.sub('value="[0-9a-f]{64}"', "", tried[0].text) == re.sub('value="[0-9a-f]{64}"', "", tried[1].text)


def test_nobody_comes_in_with_an_unknown_phone_even_if_the_code_is_guessed(books: Store, session: Session) -> None:
    made = phone_code.make(session, books.vault, UNKNOWN, NOON)
    assert not made.is_known
    assert phone_code.try_out(session, books.vault, made.handle, made.code, NOON) is None


def test_a_code_is_good_for_ten_minutes_five_tries_once_and_in_its_browser(books: Store, street: Street) -> None:
    with books.session() as session:

        def make(moment: datetime = NOON) -> phone_code.Made:
            return phone_code.make(session, books.vault, VENDOR_PHONE, moment)

        def try_out(made: phone_code.Made, code: str, moment: datetime = NOON, handle: str = "") -> str | None:
            return phone_code.try_out(session, books.vault, handle or made.handle, code, moment)

        made = make()
        assert made.is_known and re.fullmatch(r"\d{6}", made.code)
        wrong = "000000" if made.code != "000000" else "000001"
        assert try_out(made, made.code, NOON + phone_code.VALID) is None
        assert try_out(made, made.code, handle="x" * 32) is None
        assert [try_out(made, wrong) for _ in range(4)] == [None] * 4
        assert try_out(made, made.code) == VENDOR_PHONE
        assert try_out(made, made.code) is None  # once
        made = make()
        assert [try_out(made, wrong) for _ in range(5)] == [None] * 5
        assert not phone_code.is_open(session, books.vault, made.handle, NOON)
        assert try_out(made, made.code) is None  # the sixth
        mine, strangers = make(), make()
        assert try_out(strangers, mine.code) is None or mine.code == strangers.code
        assert try_out(mine, mine.code) == VENDOR_PHONE  # what a stranger asks for voids nobody's code


def test_two_who_try_at_once_share_the_five_tries(books: Store, street: Street) -> None:
    with books.session() as session:
        made = phone_code.make(session, books.vault, VENDOR_PHONE, NOON)
        session.commit()

    def guess() -> None:
        with books.session() as session:
            phone_code.try_out(session, books.vault, made.handle, "x", NOON)
            session.commit()

    threads = [threading.Thread(target=guess) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with books.session() as session:
        assert session.execute(text("SELECT tries FROM phone_code")).scalar_one() == 5


def test_asking_for_codes_is_slowed_for_a_phone_known_or_not_and_for_an_address(
    cast: Cast, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "PHONE_ADDRESS", throttle.PHONE_ADDRESS._replace(free=8))
    for phone in (VENDOR_PHONE, UNKNOWN):
        answers = [ask(cast.stranger(), phone).status_code for _ in range(4)]
        assert answers == [303, 303, 429, 429]
    assert len(log) == 2
    numbers = (f"09870000{number:02}" for number in range(5))
    assert [ask(cast.stranger(), number).status_code for number in numbers] == [303] * 4 + [429]


@pytest.mark.parametrize("phone", ["", "abc", "12345", "0912", "+1 202 555 0100", "0912000001'; --", "0" * 500])
def test_what_is_no_phone_number_is_said_at_once(cast: Cast, phone: str) -> None:
    answer = ask(cast.stranger(), phone)
    assert answer.status_code == 422 and words.say("signin.bad_phone") in answer.text


def test_a_vendor_sees_the_stalls_whose_merchant_today_has_her_phone_in_any_market(cast: Cast) -> None:
    browser = cast.sign_in("vendor")
    assert "A1" in browser.get("/stall").text
    row = "{stall};A;Rau;{name};{phone};;{since};VCB;{account};NGUYEN THI BA;"
    with cast.books.session() as session:
        second = row.format(stall="Z9", name="Cô Ba", phone=VENDOR_PHONE, since="2026-02-01", account="2000009")
        assert not import_roll(session, cast.other.market, second).errors
        held = vendor_account.held(session, VENDOR_PHONE, clock.today())
        assert [(each.market_code, each.number) for each in held] == [("cho-b", "Z9"), ("cho-a", "A1")]
        assert [each.number for each in vendor_account.held(session, VENDOR_PHONE, date(2026, 1, 31))] == ["A1"]
        left = row.format(stall="A1", name="Cô Mới", phone="0912999999", since="2026-03-01", account="1000001")
        assert not import_roll(session, cast.street.market, left).errors
        session.commit()
        assert [each.number for each in vendor_account.held(session, "0912999999", clock.today())] == ["A1"]
    page = browser.get("/stall").text
    assert "Z9" in page and "A1" not in page


# --- the slip


def test_a_helper_prints_a_slip_and_the_vendor_scans_herself_in_and_is_told(cast: Cast, log: Log) -> None:
    helper = cast.sign_in("helper")
    shown = helper.submit("/field/cho-a/slip", number="a1")
    assert shown.status_code == 200 and "Cô Ba" in shown.text and VENDOR_PHONE not in shown.text
    assert log[-1]["to"] == "…0001" and "Minh Tổ Số" in log[-1]["text"]
    svg = re.search(r'class="qr">(<svg.*?</svg>)', shown.text, re.S)
    assert svg is not None
    links = link_of(svg[1])
    vendor = cast.stranger()
    path = "/" + links.split("/", 3)[3]
    asked = vendor.get(path)
    assert asked.status_code == 200 and "A1" in asked.text
    done = vendor.submit(path)
    assert (done.status_code, done.headers["location"]) == (303, "/stall")
    assert cast.stranger().get(path).status_code == 404  # once
    with cast.books.session() as session:
        asked = "SELECT who, what, subject, coalesce(before, after) FROM audit ORDER BY number DESC LIMIT 3"
        begun, used, made = session.execute(text(asked)).all()
    assert tuple(made) == ("staff:Minh Tổ Số", "vendor.slip", "market:cho-a", {"stall": "A1"})
    assert used[1] == "vendor.slip_use" and used[0] == used[2] == begun[0]
    assert used[0].startswith("vendor:") and used[3]["made_by"] == "staff:Minh Tổ Số"
    assert begun[1] == "session.begin" and begun[3]["by"] == "slip"


def link_of(svg: str) -> str:
    """The QR as a phone's camera reads it: its path painted, then decoded."""
    found = re.search(r'viewBox="0 0 (\d+) \d+".*<path d="([^"]+)"', svg)
    assert found is not None
    side = int(found[1])
    picture = Image.new("L", (side * 8, side * 8), 255)
    draw = ImageDraw.Draw(picture)
    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1", found[2]):
        left, top = int(x) * 8, int(y) * 8
        draw.rectangle((left, top, left + int(length) * 8 - 1, top + 7), fill=0)
    kept = BytesIO()
    picture.save(kept, "PNG")
    return qr_image.read_image(kept.getvalue())[0]


@pytest.mark.parametrize(("number", "key"), [("E1", "slip.nobody"), ("Z9", "slip.nobody"), ("", "slip.nobody")])
def test_no_slip_where_nobody_trades(cast: Cast, number: str, key: str) -> None:
    answer = cast.sign_in("helper").submit("/field/cho-a/slip", number=number)
    assert answer.status_code == 422 and words.say(key, stall=number).split("“")[0] in answer.text


def test_no_slip_without_a_phone_on_the_roll(cast: Cast) -> None:
    with cast.books.session() as session:
        import_roll(session, cast.street.market, "F1;A;Rau;Bà Không;;;;;;;")
        session.commit()
    answer = cast.sign_in("helper").submit("/field/cho-a/slip", number="F1")
    assert answer.status_code == 422 and words.say("slip.no_phone", stall="F1") in answer.text


# --- the door by which messages leave


def test_without_a_setting_the_log_is_the_delivery(settings: Settings, log: Log) -> None:
    assert message.send(settings, "0912345678", "mã 123456")
    assert log[-1]["to"] == "…5678" and log[-1]["text"] == "mã 123456"


@APPRISE
def test_with_a_setting_apprise_delivers_and_the_log_keeps_the_code_to_itself(settings: Settings, log: Log) -> None:
    got: list[tuple[str, dict[str, str]]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(500 if "0000000" in self.path else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"json://127.0.0.1:{server.server_port}/sms/{{phone}}"
    outward = settings.model_copy(update={"message_url": SecretStr(url)})
    assert message.send(outward, "0912345678", "mã 123456")
    assert not message.send(outward, "0900000000", "mã 654321")
    server.shutdown()
    server.server_close()
    assert [path for path, _ in got] == ["/sms/0912345678", "/sms/0900000000"]
    assert got[0][1]["message"] == "mã 123456"
    assert [each["event"] for each in log] == ["message sent", "message not sent"]
    assert not any("123456" in str(each) or "0912345678" in str(each) for each in log)


@APPRISE
def test_nobody_waits_for_a_message_and_one_that_fails_is_in_the_log(settings: Settings, log: Log) -> None:
    gone = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    url = f"json://127.0.0.1:{gone.server_port}/{{phone}}"
    gone.server_close()
    for door in (url, "nonsense"):
        message.send_later(settings.model_copy(update={"message_url": SecretStr(door)}), "0912345678", "mã 123456")
    assert comes_true(lambda: [each["event"] for each in log].count("message not sent") == 2)
    assert not any("123456" in str(each) for each in log)


@APPRISE
def test_a_message_leaves_only_after_the_commit(books: Store, street: Street) -> None:
    """The code must be good when the phone gets it: what is sent is in the store by then."""
    seen: list[int] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            with books.engine.connect() as connection:
                seen.append(connection.execute(text("SELECT count(*) FROM phone_code")).scalar_one())
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = SecretStr(f"json://127.0.0.1:{server.server_port}/{{phone}}")
    outward = books._replace(settings=books.settings.model_copy(update={"message_url": url}))
    answer = ask(Browser(TestClient(portal.create(outward, lambda: True))))
    assert comes_true(lambda: bool(seen))
    server.shutdown()
    server.server_close()
    assert answer.status_code == 303 and seen == [1]
