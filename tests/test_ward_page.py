"""The ward's and the province's page: the API's figures, nothing of a single stall, and how far an office reaches."""

import re
from datetime import date, timedelta

import pytest
from sqlmodel import Session

from ground import money, words
from ground.clock import today
from ground.store import Store
from merchants import market
from portal import jurisdiction, page, period_choice
from portal.access import Need, may, reaches
from portal.person import Office, Person
from tests.cast import Cast
from tests.test_pages import text_of
from tests.world import three_and_one

DAY = timedelta(days=1)


@pytest.fixture
def busy(cast: Cast) -> Cast:
    """Three stalls sold in October 2026, one alone in September."""
    three_and_one(cast.books)
    return cast


def read(cast: Cast, who: str, path: str) -> str:
    answer = cast.sign_in(who).get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


@pytest.mark.parametrize(
    ("who", "path", "area"), [("ward", "/ward/26506", "ward:26506"), ("province", "/province/79", "province:79")]
)
def test_the_page_says_what_the_api_says(busy: Cast, who: str, path: str, area: str) -> None:
    said = read(busy, who, f"{path}?period=2026-10")
    asked = busy.sign_in(who).get(f"/api/v1/rates?area={area}&period=2026-10").json()
    assert asked["audience"] == "ward"
    for figure in asked["figures"]:
        assert words.say(f"indicator.{figure['indicator']}") in said
        if isinstance(figure["value"], float):
            assert page.percent(figure["value"]).replace("\u00a0", " ") in said
        elif figure["indicator"] == "cashless_value" and figure["value"] is not None:
            assert money.show(figure["value"]) in said
    assert [figure["value"] for figure in asked["figures"][:2]] == [5 / 6, 5 / 6]
    for part in asked["parts"]:
        assert part["name"] in said


def test_what_one_stall_took_is_on_neither_page_in_no_period(busy: Cast) -> None:
    for who, path in (("ward", "/ward/26506"), ("province", "/province/79")):
        for query in ("", "?period=2026-09", "?period=2026-Q3", "?period=2026-09&boundaries=current"):
            said = read(busy, who, path + query)
            assert not re.search(r"(?<![\d.])7\.770", said) and "1000001" not in said and "Cô Ba" not in said
    assert words.say("figure.suppressed") in read(busy, "ward", "/ward/26506?period=2026-09")


def test_a_province_leads_to_its_wards_and_a_ward_to_its_markets_on_the_same_period(busy: Cast) -> None:
    province = busy.sign_in("province").get("/province/79?period=2026-10&boundaries=current").text
    assert 'href="/ward/26506?period=2026-10&amp;boundaries=current"' in province
    ward = busy.sign_in("province").get("/ward/26506?period=2026-10&boundaries=current").text
    assert 'href="/markets/cho-a?period=2026-10"' in ward
    assert "cho-b" not in province


def test_earlier_periods_of_the_same_kind_stand_beneath(busy: Cast) -> None:
    html = busy.sign_in("ward").get("/ward/26506?period=2026-Q3").text
    assert [f'href="?period={text}' in html for text in ("2026-Q2", "2026-Q1", "2025-Q4", "2025-Q3")] == [True] * 4
    assert 'href="?period=2026-Q3&amp;boundaries' not in html
    assert (
        "ward_page" not in busy.sign_in("ward").get("/ward/26506?period=2026-W40").text
    )  # a week has no row of its own


@pytest.mark.parametrize(
    ("text", "count", "found"),
    [
        ("2026-02", 4, ["2026-02", "2026-01", "2025-12", "2025-11"]),
        ("2026-Q2", 4, ["2026-Q2", "2026-Q1", "2025-Q4", "2025-Q3"]),
        ("2026", 3, ["2026", "2025", "2024"]),
        ("2026-W10", 3, []),
        ("2026-H1", 3, []),
        ("2026-9M", 3, []),
        ("2026-10-05", 3, []),
    ],
)
def test_a_run_of_periods_goes_back_over_the_turn_of_the_year(text: str, count: int, found: list[str]) -> None:
    assert period_choice.run(text, count) == found


def test_a_bad_choice_of_boundaries_or_period_is_said(cast: Cast) -> None:
    browser = cast.sign_in("ward")
    assert browser.get("/ward/26506?boundaries=moon").status_code == 422
    assert browser.get("/ward/26506?period=soon").status_code == 422


def test_the_api_gives_each_caller_the_audience_of_her_office_and_never_the_internal_one(busy: Cast) -> None:
    def audience(who: str, area: str) -> str:
        answer = busy.sign_in(who).get(f"/api/v1/rates?area={area}&period=2026-11&audience=internal")
        return str(answer.json()["audience"])

    assert [audience(who, "market:cho-a") for who in ("stranger", "vendor", "helper")] == ["public"] * 3
    assert audience("board", "market:cho-a") == "board"
    assert audience("board", "market:cho-b") == audience("board", "ward:26506") == "public"
    assert [audience(who, "market:cho-a") for who in ("ward", "province", "operator")] == ["ward"] * 3
    assert audience("other_ward", "market:cho-a") == audience("ward", "province:79") == "public"


# --- how far an office reaches


def official(role: str, area: str | None) -> Person:
    return Person(1, "Ai đó", staff_id=1, offices=(Office(role, area),))


def test_a_wards_office_reaches_the_markets_that_stand_there_today(session: Session) -> None:
    moved = market.add(session, "cho-di", "Chợ dời", "26506", since=date(2026, 1, 1))
    market.add(session, "cho-mai", "Chợ mai mở", "26506", since=today() + DAY)
    here, there = official("ward", "ward:26506"), official("ward", "ward:26526")
    assert reaches(session, here, "ward", market="cho-di") and not reaches(session, there, "ward", market="cho-di")
    market.move(session, moved, "26526", since=today() + DAY)
    assert reaches(session, here, "ward", market="cho-di")
    market.move(session, moved, "26526", since=today())
    assert not reaches(session, here, "ward", market="cho-di") and reaches(session, there, "ward", market="cho-di")
    assert not reaches(session, here, "ward", market="cho-mai")
    for nobodys in ("nowhere", "", "\x00", "cho-di'"):
        assert not reaches(session, here, "ward", market=nobodys)


def test_a_market_of_a_split_ward_is_its_provinces_only(session: Session) -> None:
    market.add(session, "cho-tach", "Chợ Tách", "27379", since=date(2025, 1, 1))  # split in July 2025
    stay = jurisdiction.stands(session, "cho-tach", today())
    assert stay is not None and stay.ward is None
    assert reaches(session, official("province", "province:79"), "province", market="cho-tach")
    assert not reaches(session, official("ward", "ward:27379"), "ward", market="cho-tach")


def test_a_province_reaches_the_wards_of_today(session: Session) -> None:
    lan = official("province", "province:79")
    assert reaches(session, lan, "ward", "province", ward="26506")  # Bà Rịa - Vũng Tàu until the reform
    assert not reaches(session, lan, "ward", "province", ward="00004")
    assert not reaches(session, lan, "ward", "province", ward="99999")
    assert not reaches(session, official("province", "province:77"), "province", ward="26506")


def test_an_office_reaches_only_where_its_role_is_asked_for(session: Session, books: Store) -> None:
    market.add(session, "cho-a", "Chợ A", "26506", since=date(2026, 1, 1))
    hoa = official("board", "market:cho-a")
    assert reaches(session, hoa, "board", market="cho-a")
    assert not reaches(session, hoa, "helper", market="cho-a")
    assert not reaches(session, hoa, "ward", ward="26506")
    two = Person(1, "Hai việc", staff_id=1, offices=(Office("board", "market:cho-b"), Office("helper", "market:cho-a")))
    assert not reaches(session, two, "board", market="cho-a") and reaches(session, two, "helper", market="cho-a")


def test_nobody_of_the_staff_has_a_vendors_page_and_no_vendor_a_staffs() -> None:
    vendor = Person(1, "…0001", vendor_id=1, phone="0912000001")
    assert may(vendor, Need(frozenset({"vendor"}))) and not may(vendor, Need(frozenset({"board", "operator", "staff"})))
    assert not may(official("operator", None), Need(frozenset({"vendor"})))
