"""Targets on the pages: set by the ward and the province for what is theirs, shown with bullets, asked for in vain."""

import re
from decimal import Decimal

import pytest
from httpx2 import Response

from ground import audit, clock, words
from payments import seal, target
from tests.bank_book import Stated, reconcile, state
from tests.cast import Cast
from tests.test_pages import text_of
from tests.world import keep, post, three_and_one, told

BOARD = "/ward/26506/scoreboard?period=2026-10"
SUBMIT = "/ward/26506/targets"


@pytest.fixture
def busy(cast: Cast) -> Cast:
    """Three stalls sold in October 2026, one alone in September."""
    three_and_one(cast.books)
    return cast


def send(cast: Cast, who: str = "ward", action: str = SUBMIT, **fields: str) -> Response:
    told_ = {"of": "ward:26506", "indicator": "acceptance", "period": "2026-10", "value": "80", **fields}
    page = "/province/79" if who == "province" else "/ward/26506"
    return cast.sign_in(who).submit(page, action, **told_)


def targets(cast: Cast) -> list[tuple[str, str, float | int | None]]:
    with cast.books.session() as session:
        return [(each.area, each.indicator, each.shown) for each in target.current(session, "2026-10")]


def test_a_ward_sets_its_own_targets_and_its_markets(busy: Cast) -> None:
    for fields in ({}, {"of": "market:cho-a", "value": "82,5"}, {"indicator": "cashless_value", "value": "1.500.000"}):
        answer = send(busy, **fields)
        assert answer.status_code == 303 and "done=saved" in answer.headers["location"]
    assert targets(busy) == [
        ("market:cho-a", "acceptance", 0.825),
        ("ward:26506", "acceptance", 0.8),
        ("ward:26506", "cashless_value", 1_500_000),
    ]
    said = text_of(busy.sign_in("ward").get(f"{BOARD}&done=saved").text)
    assert words.say("target.saved") in said and "3 chỉ tiêu: 2 đạt, 0 gần đạt, 0 chậm, 1 còn xa." in said
    assert "1.500.000 ₫ Thực hiện 120.000 ₫ Xếp loại còn xa 8,0 % chỉ tiêu" in said
    with busy.books.session() as session:
        (act,) = audit.latest(session, 1, "market:cho-a")
        assert (act.who, act.what) == ("staff:Anh Dũng", "target.set")


def test_an_empty_value_withdraws(busy: Cast) -> None:
    send(busy)
    answer = send(busy, value="")
    assert "done=withdrawn" in answer.headers["location"] and targets(busy) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"value": "101"}, "100 %"),
        ({"value": "0,8"}, "80 cho 80 %"),
        ({"value": "0"}, "lớn hơn 0"),
        ({"value": "tám mươi"}, "tám mươi"),
        ({"indicator": "rate"}, "rate"),
        ({"period": "soon"}, "soon"),
        ({"of": "ward:00004"}, "phường và các chợ"),
        ({"of": "market:cho-b"}, "phường và các chợ"),
        ({"of": "province:79"}, "phường và các chợ"),
        ({"of": ""}, "phường và các chợ"),
        ({"value": "", "indicator": "active_use"}, "chưa có chỉ tiêu"),
    ],
)
def test_what_cannot_be_meant_is_said_above_the_form_with_what_was_typed(
    busy: Cast, fields: dict[str, str], said: str
) -> None:
    answer = send(busy, **fields)
    assert answer.status_code == 422 and said in text_of(answer.text)
    assert 'role="alert"' in answer.text and targets(busy) == []


def test_a_province_sets_its_own_and_its_wards_but_not_a_markets(busy: Cast) -> None:
    submit = "/province/79/targets"
    assert send(busy, "province", submit, of="province:79").status_code == 303
    assert send(busy, "province", submit).status_code == 303
    assert send(busy, "province", submit, of="market:cho-a").status_code == 422
    assert send(busy, "province", of="market:cho-a").status_code == 303
    assert send(busy, "ward", submit).status_code == 404
    assert [area for area, _, _ in targets(busy)] == ["market:cho-a", "province:79", "ward:26506"]
    said = text_of(busy.sign_in("province").get("/province/79/scoreboard?period=2026-10").text)
    assert "3 chỉ tiêu: 3 đạt" in said


def test_targets_of_a_period_ahead_are_listed_and_not_judged(busy: Cast) -> None:
    ahead = f"{clock.today().year + 1}-Q1"
    send(busy, period=ahead)
    html = busy.sign_in("ward").get(f"/ward/26506/scoreboard?period={ahead}").text
    assert words.say("scoreboard.title") in html and "80,0 %" in text_of(html)
    assert words.say("scoreboard.band.met") not in text_of(html.split('<form method="post"')[1])


def test_the_wards_page_draws_the_figure_against_its_target(busy: Cast) -> None:
    with busy.books.session() as session:
        target.put(session, "ward:26506", "acceptance", "2026-10", Decimal("0.9"), by="t", at=clock.now())
        session.commit()
    html = busy.sign_in("ward").get("/ward/26506?period=2026-10").text
    (row,) = re.findall(
        r'<tr role="row">\s*<th scope="row" role="rowheader">Tỷ lệ sạp chấp nhận thanh.*?</tr>', html, re.S
    )[:1]
    assert 'role="img" aria-label="Tỷ lệ sạp chấp nhận thanh toán không dùng tiền mặt: 83,3' in row
    assert 'class="aim" d="M90.0 2v16"' in row and 'class="reached" width="83.33"' in row
    assert "gần đạt 92,5 % chỉ tiêu" in text_of(row)
    current = text_of(busy.sign_in("ward").get("/ward/26506?period=2026-10&boundaries=current").text)
    assert "gần đạt 92,5" not in current


def test_thirteen_months_are_drawn_and_hidden_ones_are_named(busy: Cast) -> None:
    html = busy.sign_in("ward").get("/ward/26506?period=2026-10").text
    assert html.count('class="trend"') == html.count("<figcaption id=") == 6  # four shares, two levels
    rows = re.findall(r'<tr role="row"><th scope="row" role="rowheader"><a href="\?period=(\d{4}-\d\d)', html)
    assert rows == [*(f"2026-{month:02}" for month in range(10, 0, -1)), "2025-12", "2025-11", "2025-10"]
    assert "Tháng 10/2025 – Tháng 9/2026: được ẩn" in html  # fewer than three sold


@pytest.mark.parametrize("path", ["/ward/26506?period=2026-10", BOARD, "/province/79", "/province/79/scoreboard"])
def test_a_page_that_has_not_changed_is_not_sent_again(busy: Cast, path: str) -> None:
    browser = busy.sign_in("province")
    answer = browser.get(path)
    tag = answer.headers["etag"]
    assert answer.headers["cache-control"] == "private, no-cache"
    again = browser.client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert busy.sign_in("operator").client.get(path, headers={"If-None-Match": tag}).status_code == 200
    assert busy.stranger().client.get(path, headers={"If-None-Match": tag}).status_code == 404
    send(busy, value="77")
    assert browser.client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_the_wards_page_weighs_little(busy: Cast) -> None:
    answer = busy.sign_in("ward").client.get("/ward/26506?period=2026-10", headers={"Accept-Encoding": "gzip"})
    assert int(answer.headers["content-length"]) < 30_000


def test_what_moved_with_the_last_seal_and_since_is_said_with_its_reason(busy: Cast) -> None:
    seal.seal(busy.books, "ward:26506", "2026-10", by="test")
    page = "/ward/26506?period=2026-10"
    assert words.say("ward_page.unchanged") in text_of(busy.sign_in("ward").get(page).text)
    keep(busy.books, [told(9, 60_000, account="1000002", at="2026-10-05 09:00:00")])
    post(busy.books)
    said = text_of(busy.sign_in("ward").get(page).text)
    assert words.say("ward_page.due") in said and "120.000 ₫ → 180.000 ₫" in said
    assert "Doanh số không dùng tiền mặt 120.000 ₫" in said  # what was sealed stays on the page
    seal.seal(busy.books, "ward:26506", "2026-10", by="test")
    said = text_of(busy.sign_in("ward").get(page).text)
    assert f"120.000 ₫ → 180.000 ₫ ({words.say('seal.late_notice')})" in said
    assert words.say("ward_page.due") not in said


def test_a_figure_that_became_final_is_told_though_its_value_stayed(busy: Cast) -> None:
    seal.seal(busy.books, "ward:26506", "2026-10", by="test")
    at = "2026-10-05 08:00:00"
    state(busy.books, [Stated(at, 40_000)])
    state(busy.books, [Stated(at, 30_000)], number="1000002")
    state(busy.books, [Stated(at, 50_000, virtual="VA0005")], number="1000005", bin="970418")
    reconcile(busy.books)
    seal.seal(busy.books, "ward:26506", "2026-10", by="test")
    said = text_of(busy.sign_in("ward").get("/ward/26506?period=2026-10").text)
    became = f"{words.say('page.status.provisional')} → {words.say('page.status.final')}"
    why = f"({words.say('seal.late_statement')})"
    assert f"{words.say('indicator.cashless_value')} : {became} {why}" in said
    assert f"{words.say('indicator.reconciled_share')} : 0 % → 100 % · {became} {why}" in said
    assert f"{words.say('indicator.acceptance')} :" not in said  # was final before, and is
    assert words.say("ward_page.due") not in said


def test_a_target_is_judged_by_the_sealed_figure(busy: Cast) -> None:
    send(busy, indicator="cashless_value", value="150.000")
    seal.seal(busy.books, "ward:26506", "2026-10", by="test")
    keep(busy.books, [told(9, 60_000, account="1000002", at="2026-10-05 09:00:00")])
    post(busy.books)
    assert "gần đạt 80,0 % chỉ tiêu" in text_of(busy.sign_in("ward").get(BOARD).text)
    seal.seal(busy.books, "ward:26506", "2026-10", by="test")
    assert "đạt 120,0 % chỉ tiêu" in text_of(busy.sign_in("ward").get(BOARD).text)
    series = busy.sign_in("ward").get("/api/v1/series?area=ward:26506&indicator=cashless_value&from=2026-09&to=2026-11")
    assert [(row["revision"], row["value"]) for row in series.json()["series"]][1] == (2, 180_000)


@pytest.mark.parametrize("path", ["/ward/26506", "/province/79", "/ward/26506/scoreboard", "/province/79/scoreboard"])
def test_the_pages_speak_english_too(busy: Cast, path: str) -> None:
    send(busy)
    seal.seal(busy.books, "ward:26506", "2026-10", by="test")
    said = text_of(busy.sign_in("province").get(f"{path}?period=2026-10&lang=en").text)
    assert "80.0%" in said or "province" in path
    for name in ("Phường Vũng Tàu", "Thành phố Hồ Chí Minh", "Chợ cho-a", "đồng"):
        said = said.replace(name, "")
    assert not re.search("[ạảấầậắặẹẻếềệỉịọỏốồộớờợụủứừựỳỵ]", said.split("Sign out")[1])
