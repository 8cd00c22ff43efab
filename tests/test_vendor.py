"""The vendor's page through its door: her sums, her cash, her month and her book, and nobody else's."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from ground import clock
from payments.demo import lead
from tests.cast import VENDOR_PHONE, Cast
from tests.world import keep, post, told

DAY = "2026-10-05"


def tell(cast: Cast, *payments: dict[str, Any]) -> None:
    keep(cast.books, payments)
    post(cast.books)


def declare(cast: Cast, amount: str, stall: int = 1, day: str = DAY) -> int:
    answer = cast.sign_in("vendor").submit("/stall", "/stall/cash", stall=str(stall), day=day, amount=amount)
    return int(answer.status_code)


def ask(cast: Cast, query: str) -> list[tuple[Any, ...]]:
    with cast.books.session() as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_a_day_shows_her_stalls_with_their_sums_and_nobody_elses(cast: Cast) -> None:
    tell(cast, told(1, 20_000), told(2, 30_000, account="1000002"), told(3, 44_000, at="2026-10-06 08:00:00"))
    with cast.books.session() as session:
        session.execute(text(f"UPDATE merchant SET phone = '{VENDOR_PHONE}' WHERE name = 'Chú Tư'"))
        session.commit()
    html = cast.sign_in("vendor").get(f"/stall?day={DAY}").text
    for shown in ("50.000", "20.000", "30.000", "Sạp A1, Chợ cho-a", "Sạp A2, Chợ cho-a"):
        assert shown in html, shown
    assert "44.000" not in html
    with cast.books.session() as session:  # another's since the 5th: what came then is the other's
        session.execute(text("UPDATE stall_state SET since = '2026-10-06' WHERE stall_id = 2"))
        session.commit()
    html = cast.sign_in("vendor").get(f"/stall?day={DAY}").text
    assert "30.000" not in html and "20.000" in html
    assert "44.000" in cast.sign_in("vendor").get("/stall?day=2026-10-06").text
    for odd in ("2099-01-01", "x", "0001-01-01"):
        assert cast.sign_in("vendor").get(f"/stall?day={odd}").status_code == 200


def test_the_days_cash_is_one_number_and_the_later_one_counts(cast: Cast) -> None:
    assert declare(cast, "300.000") == 303
    assert declare(cast, "350000") == 303
    assert declare(cast, "350,000") == 303, "the same again is no record"
    assert ask(cast, "SELECT source, amount FROM cash_report ORDER BY id") == [
        ("declared", 300_000),
        ("declared", 350_000),
    ]
    reports = [{"day": DAY, "report": number} for (number,) in ask(cast, "SELECT id FROM cash_report ORDER BY id")]
    told_ = ask(cast, "SELECT before, after FROM audit WHERE what = 'cash.declare' ORDER BY number")
    assert told_ == [(None, reports[0]), (reports[0], reports[1])]  # by its number, never the sum
    assert "Đã ghi 350.000" in cast.sign_in("vendor").get(f"/stall?day={DAY}").text.replace("\u00a0", " ")
    assert declare(cast, "1", stall=2) == 404
    assert declare(cast, "1", day="2025-12-31") == 404
    assert [declare(cast, wrong) for wrong in ("", "-1", "abc", "9" * 20)] == [422] * 4


@pytest.mark.parametrize("day", ["2099-01-01", "x", "", "2026-13-01"])
def test_a_day_to_come_or_none_is_refused_and_leaves_todays_cash(cast: Cast, day: str) -> None:
    today = clock.today().isoformat()
    assert declare(cast, "300.000", day=today) == 303
    assert declare(cast, "1.000", day=day) == 422
    assert ask(cast, "SELECT business_date::text, amount FROM cash_report") == [(today, 300_000)]
    answer = cast.sign_in("vendor").submit("/stall", "/stall/cash", stall="1", day="2099-01-01", amount="1")
    assert "Ngày 01/01/2099 chưa đến" in answer.text and "300.000" in answer.text


def test_a_slip_of_three_zeros_is_asked_about_at_once_mended_with_a_tap_and_counted_for_the_operator(
    cast: Cast,
) -> None:
    today = clock.today()
    for ago in (3, 2, 1):
        assert declare(cast, "300.000", day=str(today - timedelta(days=ago))) == 303
    vendor = cast.sign_in("vendor")
    sent = vendor.submit("/stall", "/stall/cash", stall="1", day=str(today), amount="310.000.000")
    page = vendor.get(sent.headers["location"]).text.replace("\u00a0", " ")
    assert "gấp 1.033 lần" in page and "có đúng không?" in page and "Sửa thành 310.000 ₫" in page
    assert 'name="amount" value="310000"' in page

    operator = cast.sign_in("operator")
    assert "/operator/cash" in operator.get("/operator").text
    told = re.sub(r'name="token" value="[0-9a-f]+"', "", operator.get("/operator/cash").text)
    assert "Chợ cho-a" in told and "<td>1</td>" in told and "310" not in told, "a count, no takings"

    assert declare(cast, "310000", day=str(today)) == 303
    assert "có đúng không?" not in vendor.get("/stall").text
    assert "Chợ cho-a" not in operator.get("/operator/cash").text
    assert declare(cast, "29.000.000", day=str(today)) == 303
    assert "có đúng không?" not in vendor.get("/stall").text, "a good day is no slip"


def test_the_month_and_the_book_say_the_same(cast: Cast) -> None:
    tell(cast, told(1, 20_000), told(2, 30_000, at="2026-10-07 08:00:00"), told(3, 70_000))
    vendor = cast.sign_in("vendor")
    for payment, kind in (("n3", "not_sale"), ("n2", "returned")):
        sent = {"payment": payment, "kind": kind, "sent_id": f"6f1b7a4e-2f60-4b0e-9a0e-00000000000{payment[1]}"}
        assert vendor.submit("/stall", "/stall/words", day=DAY, **sent).status_code == 303
    assert declare(cast, "100.000") == 303
    html = vendor.get("/stall/month?month=2026-10").text.replace("\u00a0", " ")
    for shown in ("150.000 ₫", "50.000 ₫", "100.000 ₫", "month=2026-09", "month=2026-11"):
        assert shown in html, shown
    answer = vendor.get("/stall/book.xlsx?month=2026-10")
    assert 'filename="S1a-HKD_cho-a_A1_2026-10.xlsx"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"
    sheet = CalamineWorkbook.from_filelike(BytesIO(answer.content)).get_sheet_by_index(0)
    amounts = [row[2] for row in sheet.to_python()]
    assert {20_000, 30_000, 100_000} <= set(amounts) and 70_000 not in amounts
    assert vendor.get("/stall/book.pdf?month=2026-10").content.startswith(b"%PDF")
    this_month = clock.today().strftime("%Y-%m")
    for odd in ("", "2026-Q3", "2099-01", "x"):
        assert (
            f"month={(clock.today().replace(day=1) - timedelta(days=1)):%Y-%m}"
            in vendor.get(f"/stall/month?month={odd}").text
        ), (odd, this_month)
    for path in ("/stall/month?stall=2", "/stall/book.pdf?stall=2", "/stall/book.exe"):
        assert vendor.get(path).status_code == 404, path


def test_who_lost_her_stall_sees_that_there_is_none(cast: Cast) -> None:
    vendor = cast.sign_in("vendor")
    with cast.books.session() as session:
        session.execute(text("UPDATE merchant SET phone = NULL"))
        session.commit()
    assert "không có sạp nào" in vendor.get("/stall").text
    assert vendor.get("/stall/month").status_code == 404


def test_the_page_can_be_installed_and_leaves_with_the_visit(cast: Cast) -> None:
    vendor = cast.sign_in("vendor")
    manifest = cast.stranger().get("/stall/manifest.webmanifest").json()
    assert manifest["start_url"] == manifest["scope"] == "/stall" and manifest["lang"] == "vi"
    for icon in manifest["icons"]:
        assert vendor.get(icon["src"]).headers["content-type"] == "image/png"
    assert vendor.get("/stall/worker.js").headers["service-worker-allowed"] == "/stall"
    page = vendor.get("/stall")
    assert page.headers["cache-control"] == "no-store" and len(page.content) < 100_000
    assert vendor.submit("/stall", "/signout").headers["clear-site-data"] == '"storage"'


@pytest.mark.parametrize("made_up", [True, False])
def test_the_demos_lead_is_who_sold_most_before_today(cast: Cast, made_up: bool) -> None:
    today = clock.today()
    yesterday = f"{today - timedelta(days=1)} 08:00:00"
    with cast.books.session() as session:
        session.execute(text("UPDATE market SET made_up = :it WHERE code = 'cho-a'"), {"it": made_up})
        session.execute(text("UPDATE installation SET demo_day = :day"), {"day": today})
        session.commit()
    others = [told(id, 1_000, account="1000002", at=f"{today} 00:00:0{id}") for id in (2, 3)]
    tell(cast, told(1, 1_000, at=yesterday), *others)
    with cast.books.session() as session:
        found = lead.find(session, today)
    assert (found.phone if found else None) == (VENDOR_PHONE if made_up else None)
