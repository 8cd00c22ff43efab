"""The public pages through their door: what a ward official or a resident reads, in both languages."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock, money, words
from ground.clock import today
from ground.store import Store
from merchants import code, market, qr_image
from payments import indicator
from portal import app as portal
from portal import page, period_choice
from tests.world import Street, keep, post, told

SOLD, MONTH = date(2026, 10, 5), "2026-10"  # takings are shown of days that are over
SECRETS = ("1000001", "1000002", "1000003", "VA0005", "Cô Ba", "Chú Tư", "NGUYEN THI BA", "A1", "0912")


def sell(books: Store, number: int, amount: int, stall: str, day: date = SOLD) -> None:
    """One sale to Cô Ba (A1), Chú Tư (A2) or Dì Năm (C1)."""
    receiving = {
        "A1": {"account": "1000001"},
        "A2": {"account": "1000002"},
        "C1": {"account": "1000005", "gateway": "BIDV", "virtual": "VA0005"},
    }[stall]
    keep(books, [told(number, amount, at=f"{day} 00:00:01", **receiving)])
    post(books)


@pytest.fixture
def busy(books: Store, street: Street) -> Street:
    """Three stalls sold on a day, one alone on the next, and the three again on the third."""
    for number, (stall, amount) in enumerate((("A1", 40_000), ("A2", 30_000), ("C1", 50_000)), 1):
        sell(books, number, amount, stall)
        sell(books, 10 + number, amount, stall, SOLD + timedelta(days=2))
    sell(books, 9, 7_770, "A1", SOLD + timedelta(days=1))
    return street


@pytest.fixture
def reader(books: Store) -> Iterator[TestClient]:
    """A browser at the portal, without the posting beside it."""
    with TestClient(portal.create(books, lambda: True)) as opened:
        yield opened


def text_of(html: str) -> str:
    """What a person reads, spaces as one."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html))).strip()


def read(reader: TestClient, path: str, status: int = 200) -> str:
    answer = reader.get(path)
    assert answer.status_code == status, answer.text
    return text_of(answer.text)


def test_an_empty_book_says_so(reader: TestClient) -> None:
    assert words.say("page.markets.none") in read(reader, "/")


def test_the_front_page_names_each_market_under_the_ward_it_stands_in_today(
    reader: TestClient, session: Session, street: Street
) -> None:
    # 26524 was Phường 7 of Vũng Tàu city; Phường Tam Thắng took it over whole in July 2025.
    market.add(session, "cho-phuong-7", "Chợ Phường 7", "26524", since=date(2025, 1, 1))
    session.commit()
    said = read(reader, "/")
    assert "Phường Vũng Tàu Thành phố Hồ Chí Minh Chợ cho-a" in said
    assert "Phường Tam Thắng Thành phố Hồ Chí Minh Chợ Phường 7" in said


def test_a_market_in_no_known_ward_stands_under_its_province(reader: TestClient, session: Session) -> None:
    market.add(session, "cho-tach", "Chợ Tách", "27379", since=date(2025, 1, 1))  # split in July 2025
    session.commit()
    assert words.say("page.markets.no_ward") in read(reader, "/")
    assert words.say("page.market.province_only", province="Thành phố Hồ Chí Minh") in read(reader, "/markets/cho-tach")


def test_a_share_says_what_it_is_of(reader: TestClient, street: Street) -> None:
    # Six stalls trade; Ông Chín has no account, so five are registered and have a code.
    for path in ("/", "/markets/cho-a"):
        said = read(reader, path)
        assert "83,3 % 5 / 6 sạp" in said
        assert "0 % 0 / 6 sạp" in said
        assert words.say("page.status.provisional") in said


def test_what_three_stalls_took_is_shown_and_one_stalls_takings_never_are(
    reader: TestClient, books: Store, street: Street
) -> None:
    sell(books, 1, 777_000, "A1")
    for path in ("/?", "/markets/cho-a?", "/?lang=en&", "/markets/cho-a?lang=en&"):
        said = read(reader, f"{path}period={MONTH}")
        assert "777" not in said
        assert words.say("figure.suppressed", "en" if "lang" in path else "vi") in said
        reader.cookies.clear()
    sell(books, 2, 500_000, "A2")
    sell(books, 3, 400_000, "C1")
    assert "1.677.000 ₫ của 5 / 6 sạp có mã" in read(reader, f"/?period={MONTH}")


def test_what_was_taken_today_is_told_tomorrow(reader: TestClient, books: Store, street: Street) -> None:
    """Otherwise a page looked at before and after a payment would tell what one stall took."""
    for number, stall in enumerate(("A1", "A2", "C1"), 1):
        sell(books, number, 500_000, stall, today())
    for path in (f"/?period={today()}", f"/markets/cho-a?period={today()}"):
        assert "₫" not in read(reader, path) and words.say("figure.day_not_over") in read(reader, path)
    assert "₫" not in read(reader, f"/markets/cho-a?period={today():%Y}")


def test_all_ten_indicators_stand_on_a_markets_page_with_name_definition_and_reason(
    reader: TestClient, busy: Street
) -> None:
    for language in words.LANGUAGES:
        said = read(reader, f"/markets/cho-a?lang={language}&period={MONTH}")
        for each in indicator.INDICATORS:
            assert words.say(f"indicator.{each.__name__}", language) in said
        assert words.say("page.definition.value_share", language) in said
        assert words.say("figure.no_cash_known", language) in said


def test_the_page_says_what_the_api_says(reader: TestClient, busy: Street) -> None:
    told_ = reader.get(f"/api/v1/rates?area=market:cho-a&period={MONTH}").json()
    said = read(reader, f"/markets/cho-a?period={MONTH}")
    for figure in told_["figures"]:
        if figure["indicator"] == "cashless_value":
            assert money.show(figure["value"]) in said
        elif figure["value"] is not None and figure["indicator"] != "cashless_count":
            assert page.percent(figure["value"]).replace("\u00a0", " ") in said


def test_the_chart_has_a_table_with_the_same_days(reader: TestClient, busy: Street) -> None:
    html = reader.get(f"/markets/cho-a?period={MONTH}").text
    rows = re.findall(r'<tr><th scope="row"><time datetime="([0-9-]+)">(.*?)</tr>', html, re.S)
    assert [day for day, _ in rows] == [f"2026-10-{day:02}" for day in range(31, 1, -1)]
    told_ = {int(day[-2:]): text_of(row) for day, row in rows}
    assert "120.000 ₫ 3" in told_[5]
    for hidden in (6, 7):  # the day of one stall, and the one it was put together with
        assert words.say("page.status.suppressed") in told_[hidden] and "₫" not in told_[hidden]
    assert words.say("page.status.suppressed") in told_[8]  # nobody sold: fewer than three, like any other day
    assert html.count('class="gap"') == 4 and html.count('role="img"') == 2  # for wide and for narrow screens
    assert "247.770 ₫" in text_of(html)


def test_the_chart_ends_with_the_last_day_that_is_over(reader: TestClient, street: Street) -> None:
    html = reader.get("/markets/cho-a").text
    rows = re.findall(r'<tr><th scope="row"><time datetime="([0-9-]+)">', html)
    assert rows == [str(today() - timedelta(days=number)) for number in range(1, 31)]


def test_a_period_is_chosen_named_and_called_to_date_until_it_is_over(reader: TestClient, street: Street) -> None:
    said = read(reader, "/")
    assert words.say("page.to_date", day=page.day(today())) in said
    for choice in period_choice.offered(today()):
        html = reader.get(f"/markets/cho-a?period={choice.text}").text
        assert re.findall(r'value="([^"]+)" aria-current="true"', html) == [choice.text]
    last_month = period_choice.offered(today())[1].text
    asked = period_choice.read(last_month, today())
    said = read(reader, f"/?period={last_month}")
    assert words.say("page.whole", first=page.day(asked.first), last=page.day(asked.last)) in said


@pytest.mark.parametrize(
    ("text", "vietnamese", "english"),
    [
        ("2026-11", "Tháng 11/2026", "November 2026"),
        ("2026-Q4", "Quý IV/2026", "Q4 2026"),
        ("2026-H2", "6 tháng cuối năm 2026", "Second half of 2026"),
        ("2026-9M", "9 tháng đầu năm 2026", "First nine months of 2026"),
        ("2026", "Năm 2026", "2026"),
        ("2026-W46", "Tuần 46/2026 (09/11 – 15/11/2026)", "Week 46, 2026 (09/11 – 15/11/2026)"),
        ("2026-10-05", "Ngày 05/10/2026", "05/10/2026"),
    ],
)
def test_every_kind_of_period_has_a_name(text: str, vietnamese: str, english: str) -> None:
    asked = period_choice.read(text, today())
    assert period_choice.name(asked, "vi") == vietnamese
    assert period_choice.name(asked, "en") == english


def test_the_periods_offered_are_right_at_the_turn_of_a_year() -> None:
    offered = [choice.text for choice in period_choice.offered(date(2027, 1, 1))]
    assert offered == ["2027-01", "2026-12", "2027-Q1", "2027"]


def test_links_carry_the_period_only_when_it_was_chosen(reader: TestClient, street: Street) -> None:
    assert 'href="/markets/cho-a"' in reader.get("/").text
    assert 'href="/markets/cho-a?period=2026"' in reader.get("/?period=2026").text
    assert 'href="/?period=2026"' in reader.get("/markets/cho-a?period=2026").text


def test_a_language_once_chosen_is_remembered_and_the_switch_keeps_the_page(reader: TestClient, street: Street) -> None:
    assert '<html lang="vi">' in reader.get("/").text
    chosen = reader.get("/markets/cho-a?period=2026&lang=en")
    assert '<html lang="en">' in chosen.text
    assert 'href="?period=2026&amp;lang=vi"' in chosen.text
    assert "HttpOnly" in chosen.headers["set-cookie"] and "SameSite=lax" in chosen.headers["set-cookie"]
    assert '<html lang="en">' in reader.get("/").text
    assert '<html lang="en">' in reader.get("/?lang=xx").text


def test_made_up_markets_are_called_so(reader: TestClient, session: Session, street: Street) -> None:
    banner = words.say("page.made_up")
    assert banner not in read(reader, "/")
    market.add(session, "cho-mau", "Chợ Mẫu", "26506", made_up=True)
    session.commit()
    assert banner in read(reader, "/")
    assert banner in read(reader, "/markets/cho-mau")
    assert banner not in read(reader, "/markets/cho-a")


def test_nothing_of_a_single_stall_is_on_any_page(reader: TestClient, busy: Street) -> None:
    for path in ("/", "/markets/cho-a", "/?period=2026", "/markets/cho-a?period=2026&lang=en"):
        html = reader.get(path).text
        found = [secret for secret in (*SECRETS, busy.token("A1"), busy.codes["A1"]["serial"]) if secret in html]
        assert found == []


def test_a_name_is_shown_as_text_whatever_it_holds(reader: TestClient, session: Session) -> None:
    market.add(session, "cho-x", "Chợ <script>alert('x')</script> & \"con\"", "26506")
    session.commit()
    for path in ("/", "/markets/cho-x"):
        html = reader.get(path).text
        assert "<script" not in html and "Chợ &lt;script&gt;" in html


@pytest.mark.parametrize(
    ("path", "status", "key", "params"),
    [
        ("/nowhere", 404, "page.not_found", {}),
        ("/markets/nowhere", 404, "market.unknown", {"code": "nowhere"}),
        ("/q/C999999.svg", 404, "code.unknown", {"serial": "C999999"}),
        ("/?period=soon", 422, "period.unknown", {"period": "soon", "first_year": 2000, "last_year": 2100}),
        ("/?period=2099", 422, "period.not_begun", {"period": "2099", "first": date(2099, 1, 1)}),
    ],
)
def test_what_is_refused_says_why_in_one_sentence_and_shows_the_way_home(
    reader: TestClient, path: str, status: int, key: str, params: dict[str, object]
) -> None:
    answer = reader.get(path)
    assert answer.status_code == status
    assert words.say(key, **params) in text_of(answer.text)
    assert '<a class="button" href="/">' in answer.text
    joined = path + ("&" if "?" in path else "?") + "lang=en"
    assert words.say(key, "en", **params) in read(reader, joined, status)


def test_every_page_forbids_scripts_and_styles_of_its_own(reader: TestClient, busy: Street) -> None:
    for path in ("/", "/markets/cho-a", "/nowhere"):
        answer = reader.get(path)
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", answer.text)


def test_a_page_and_its_sheet_weigh_little(reader: TestClient, busy: Street) -> None:
    for path in ("/", "/markets/cho-a"):
        html = reader.get(path).text
        linked = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
        answers = [reader.get(address) for address in linked]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert len(html.encode()) + sum(len(answer.content) for answer in answers) < 100_000


def test_every_word_a_template_asks_for_is_there() -> None:
    known = words.book("vi")
    for template in sorted(page.TEMPLATES.glob("*.html")):
        for key in re.findall(r"""\bt\(["']([a-z_.]+)["'][,)]""", template.read_text("utf-8")):
            assert key in known, f"{template.name}: {key}"
        for stem in re.findall(r"""\bt\(["']([a-z_.]+\.)["'] ~""", template.read_text("utf-8")):
            assert any(key.startswith(stem) for key in known), f"{template.name}: {stem}"


def test_shares_and_counts_are_written_as_each_language_writes_them() -> None:
    assert page.percent(0.3673469, "vi") == "36,7\u00a0%"
    assert page.percent(0.3673469, "en") == "36.7%"
    assert [page.percent(share, "en") for share in (0, 1, 0.99999, 0.00001)] == ["0%", "100%", "99.9%", "0.1%"]
    assert page.count(1_234_567, "vi") == "1.234.567"
    assert page.count(1_234_567, "en") == "1,234,567"
    assert page.moment(clock.read_local("2026-11-22 00:30:00")) == "22/11/2026 00:30"


def test_a_codes_images_read_back_and_are_kept_by_the_browser(reader: TestClient, street: Street) -> None:
    mine = street.codes["A1"]
    png = reader.get(f"/q/{mine['serial']}.png")
    assert (png.status_code, png.headers["content-type"]) == (200, "image/png")
    assert qr_image.read_image(png.content) == [mine["payload"]]
    svg = reader.get(f"/q/{mine['serial']}.svg")
    assert (svg.status_code, svg.headers["content-type"]) == (200, "image/svg+xml")
    assert "immutable" in svg.headers["cache-control"]
    assert png.headers["etag"] != svg.headers["etag"]
    again = reader.get(f"/q/{mine['serial']}.svg", headers={"If-None-Match": f'"x", {svg.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")


def test_a_revoked_codes_image_is_gone_from_its_day_on(reader: TestClient, session: Session, street: Street) -> None:
    gone, leaving = (street.codes[stall]["serial"] for stall in ("A1", "A2"))
    code.revoke(session, gone, reason="dán đè")
    code.revoke(session, leaving, reason="đổi tài khoản", on=today() + timedelta(days=1))
    session.commit()
    refused = reader.get(f"/q/{gone}.svg")
    assert refused.status_code == 410
    assert words.say("page.code_revoked", serial=gone, on=page.day(today())) in text_of(refused.text)
    assert reader.get(f"/q/{leaving}.png").status_code == 200


def test_no_template_counts_or_asks_the_books() -> None:
    """Arithmetic and queries belong in Python; `loop` may look ahead."""
    for template in sorted(Path(page.TEMPLATES).glob("*.html")):
        for expression in re.findall(r"{[{%](.*?)[%}]}", template.read_text("utf-8"), re.S):
            bare = re.sub(r'"[^"]*"|\'[^\']*\'|^-|-$', "", expression).replace("shares + levels", "")
            assert not re.search(r"[*/]|\s[+-]\s|session|query", bare), f"{template.name}: {expression}"


@pytest.mark.parametrize("path", ["/", "/markets/cho-a", "/healthz", "/readyz"])
def test_a_monitor_may_ask_by_head(reader: TestClient, street: Street, path: str) -> None:
    answer = reader.head(path)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/markets/%00", "/q/%00.svg", "/markets/" + "x" * 5000, "/q/C%C3%A9.png"])
def test_a_strange_address_is_not_found(reader: TestClient, path: str) -> None:
    assert reader.get(path).status_code == 404
