"""What people would trip over in the rates: one small market, one story each."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from merchants import code, market
from payments import indicator
from payments.figure import Figure
from tests.shell import run
from tests.world import Street, import_roll, keep, post, told

NOVEMBER = datetime(2026, 11, 1, 2, tzinfo=UTC)
AREA = "market:cho-a"


def rated(
    session: Session, period: str = "2026-10", area: str = AREA, *, as_of: datetime = NOVEMBER, **options: Any
) -> dict[str, Figure]:
    """The figures of the whole area, nothing suppressed."""
    options.setdefault("audience", "internal")
    found = indicator.rates(session, area, period, as_of=as_of, **options)
    return {figure.indicator: figure for figure in found.whole.figures}


def take_in(books: Store, *payments: dict[str, Any]) -> None:
    keep(books, payments)
    post(books)


def test_a_vacant_stall_is_in_no_denominator(session: Session, street: Street) -> None:
    figures = rated(session)
    for name in ("onboarded", "acceptance", "active_use"):
        assert (figures[name].denominator, figures[name].N) == (6, 6)


def test_shares_are_unrounded_floats_and_levels_whole_numbers(books: Store, session: Session, street: Street) -> None:
    take_in(books, told(1, 20_001))
    figures = rated(session)
    assert (figures["onboarded"].value, figures["onboarded"].numerator) == (5 / 6, 5)
    assert type(figures["onboarded"].value) is type(figures["reconciled_share"].value) is float
    level = figures["cashless_value"]
    assert (level.value, level.low, level.high, level.numerator, level.denominator) == (*[20_001] * 4, None)
    assert type(level.value) is type(figures["cashless_count"].value) is int
    assert (level.n, level.N, level.coverage) == (5, 6, 5 / 6)


def test_a_stall_closed_in_the_middle_of_the_month_counts_in_that_month(session: Session, street: Street) -> None:
    import_roll(session, street.market, "A1;A;;;;đã đóng;15/10/2026;;;;")
    assert rated(session)["acceptance"].value == 5 / 6
    assert rated(session, "2026-10-14")["acceptance"].N == 6
    assert rated(session, "2026-10-15")["acceptance"].N == 5
    assert rated(session, "2026-11")["acceptance"].value == 4 / 5


@pytest.mark.parametrize(("revoked", "accepting"), [("2026-10-14", 4), ("2026-10-15", 5), ("2026-10-20", 5)])
def test_the_last_trading_day_decides_and_not_the_periods_last_day(
    session: Session, street: Street, revoked: str, accepting: int
) -> None:
    """A1 trades until 14 October; a code is live up to, not including, the day it is revoked on."""
    import_roll(session, street.market, "A1;A;;;;đã đóng;15/10/2026;;;;")
    code.revoke(session, street.codes["A1"]["serial"], reason="closed", on=date.fromisoformat(revoked))
    figures = rated(session)
    assert (figures["acceptance"].numerator, figures["acceptance"].N) == (accepting, 6)
    assert figures["cashless_value"].n == 5, "connected is who had a live code on any day"


def test_a_code_revoked_while_its_stall_trades_on_no_longer_accepts(session: Session, street: Street) -> None:
    code.revoke(session, street.codes["A1"]["serial"], reason="lost", on=date(2026, 10, 31))
    assert rated(session, "2026-10-30")["acceptance"].numerator == 5
    assert rated(session)["acceptance"].numerator == 4
    assert rated(session)["cashless_value"].n == 5
    assert rated(session, "2026-11")["cashless_value"].n == 4


def test_who_gives_the_account_up_is_registered_no_longer(session: Session, street: Street) -> None:
    import_roll(session, street.market, "A1;A;Rau;Cô Ba;0912000001;;10/10/2026;;;;")
    assert rated(session, "2026-10-09")["onboarded"].numerator == 5
    assert rated(session)["onboarded"].numerator == 4


def test_a_period_to_date_counts_the_days_so_far(books: Store, session: Session, street: Street) -> None:
    days = ("2026-10-01 08:00:00", "2026-10-10 23:59:59", "2026-10-11 00:00:00")
    take_in(books, *(told(number, 10_000, at=day) for number, day in enumerate(days, 1)))
    moment = datetime(2026, 10, 10, 16, 59, tzinfo=UTC)  # the last minute of the 10th at the market
    found = indicator.rates(session, AREA, "2026-10", as_of=moment, audience="internal")
    document = indicator.shown(found)
    assert (document["complete"], document["from"], document["to"]) == (False, "2026-10-01", "2026-10-31")
    figures = {figure.indicator: figure for figure in found.whole.figures}
    assert (figures["cashless_value"].value, figures["cashless_count"].value) == (20_000, 2)
    assert (figures["active_use"].k, figures["active_use"].numerator) == (2, 1)
    over = indicator.rates(session, AREA, "2026-10", as_of=NOVEMBER, audience="internal")
    assert indicator.shown(over)["complete"] is True
    assert rated(session)["active_use"].k == 5
    assert rated(session)["active_use"].numerator == 0


@pytest.mark.parametrize(
    ("period", "k"), [("2026-10-05", 1), ("2026-W40", 1), ("2026-02", 4), ("2026-Q1", 13), ("2026-9M", 39)]
)
def test_in_use_means_a_sale_a_week(session: Session, street: Street, period: str, k: int) -> None:
    figure = rated(session, period)["active_use"]
    assert (figure.k, figure.shown()["k"]) == (k, k)
    assert "k" not in rated(session, period)["acceptance"].shown()


def test_a_payment_after_the_markets_midnight_is_of_the_next_month(
    books: Store, session: Session, street: Street
) -> None:
    take_in(books, told(1, 30_000, at="2026-10-31 23:59:59"), told(2, 50_000, at="2026-11-01 00:00:00"))
    assert rated(session)["cashless_value"].value == 30_000
    assert rated(session, "2026-11-01")["cashless_value"].value == 50_000


def test_a_level_is_all_that_came_in_also_without_code_or_while_suspended(
    books: Store, session: Session, street: Street
) -> None:
    code.revoke(session, street.codes["A1"]["serial"], reason="lost", on=date(2026, 1, 1))
    import_roll(session, street.market, "A2;A;Cá;Chú Tư;;tạm nghỉ;05/10/2026;VCB;1000002;;")
    session.commit()
    take_in(books, told(1, 20_000), told(2, 30_000, account="1000002", at="2026-10-06 08:00:00"))
    figures = rated(session, "2026-10-06")
    assert (figures["cashless_value"].value, figures["active_use"].N) == (30_000, 5)
    assert rated(session)["cashless_value"].value == 50_000
    assert rated(session)["cashless_value"].n == 4


def test_reconciled_is_nothing_yet_with_sales_and_unknown_without(
    books: Store, session: Session, street: Street
) -> None:
    take_in(books, told(1, 20_000))
    figure = rated(session)["reconciled_share"]
    assert (figure.value, figure.numerator, figure.denominator, figure.n, figure.N) == (0.0, 0, 20_000, 6, 6)
    figure = rated(session, "2026-09")["reconciled_share"]
    assert (figure.value, figure.status, figure.reason) == (None, "insufficient", "figure.no_sales")


def test_money_in_suspense_is_in_no_figure(books: Store, session: Session, street: Street) -> None:
    take_in(books, told(1, 20_000, account="1000003"), told(2, 20_000, account="555"))
    assert rated(session)["cashless_value"].value == rated(session)["cashless_count"].value == 0


def test_what_is_not_known_yet_says_so(session: Session, street: Street) -> None:
    figures = rated(session)
    for name in ("verified_acceptance", "count_share", "value_share", "bill_share"):
        assert (figures[name].value, figures[name].status) == (None, "insufficient")
        assert figures[name].reason


def test_a_market_that_moved_counts_its_stalls_once_in_each_ward(
    books: Store, session: Session, street: Street
) -> None:
    market.move(session, street.market, "26536", since=date(2026, 10, 16))
    session.commit()
    take_in(books, told(1, 20_000, at="2026-10-15 20:00:00"), told(2, 50_000, at="2026-10-16 08:00:00"))
    before, after = rated(session, area="ward:26506"), rated(session, area="ward:26536")
    assert (before["acceptance"].N, after["acceptance"].N) == (6, 6)
    assert (before["cashless_value"].value, after["cashless_value"].value) == (20_000, 50_000)
    whole = rated(session, area="province:79")
    assert (whole["acceptance"].N, whole["cashless_value"].value) == (6, 70_000)


@pytest.mark.parametrize(
    ("area", "period", "status", "words"),
    [
        ("market:cho-x", "2026-10", 404, "cho-x"),
        ("ward:99999", "2026-10", 404, "ward:99999"),
        ("ward:26512", "2026-10", 404, "ward:26512"),
        ("province:77", "2026-10", 404, "province:77"),
        ("city:79", "2026-10", 404, "city:79"),
        ("", "2026-10", 404, "market:"),
        (AREA, "2026-12", 422, "2026-12"),
        (AREA, "2026-13", 422, "2026-13"),
        (AREA, "October", 422, "October"),
    ],
)
def test_what_nobody_knows_is_refused_in_words(
    session: Session, street: Street, area: str, period: str, status: int, words: str
) -> None:
    with pytest.raises(Refusal) as refused:
        rated(session, period, area)
    assert refused.value.status == status
    assert words in refused.value.message("vi")
    assert words in refused.value.message("en")


def test_an_area_without_markets_is_an_answer(session: Session, street: Street) -> None:
    found = indicator.rates(session, "ward:26536", "2026-10", as_of=NOVEMBER, audience="internal")
    assert (found.whole.area.name, found.parts) == ("Phường Rạch Dừa", ())
    figures = {figure.indicator: figure for figure in found.whole.figures}
    assert (figures["onboarded"].value, figures["onboarded"].N, figures["onboarded"].status) == (
        None,
        0,
        "insufficient",
    )
    assert (figures["cashless_value"].value, figures["cashless_value"].n, figures["cashless_value"].coverage) == (
        0,
        0,
        None,
    )


def test_a_market_has_no_stalls_before_it_opened(session: Session, street: Street) -> None:
    assert rated(session, "2025")["onboarded"].N == 0
    assert rated(session, "2025", "ward:26506")["onboarded"].N == 0
    assert rated(session, "2026-01-01")["onboarded"].N == 6


def test_the_api_says_what_the_command_says(
    books: Store, street: Street, client: TestClient, test_settings: Settings
) -> None:
    take_in(books, *(told(number, 20_000, account=f"100000{number}") for number in (1, 2)), told(3, memo="x"))
    for area, boundaries in [(AREA, "period"), ("ward:26506", "current"), ("province:79", "period")]:
        asked = {"area": area, "period": "2026-10", "boundaries": boundaries}
        answer = client.get("/api/v1/rates", params={**asked, "lang": "en"})
        assert answer.status_code == 200
        words = [word for name, value in asked.items() for word in (f"--{name}", value)]
        document = run(test_settings, "rates", *words, "--format", "json").document
        assert document.pop("as_of") >= answer.json()["as_of"]
        assert document == {name: value for name, value in answer.json().items() if name != "as_of"}
        assert document["audience"] == "public"
        assert (document["revision"], document["definitions_version"]) == (None, 1)


def test_nobody_is_internal_over_http(books: Store, street: Street, client: TestClient) -> None:
    take_in(books, told(1, 20_000))
    asked = {"area": AREA, "period": "2026-10", "audience": "internal"}
    document = client.get("/api/v1/rates", params=asked).json()
    figures = {figure["indicator"]: figure for figure in document["figures"]}
    assert (document["audience"], figures["cashless_value"]["value"]) == ("public", None)
    assert "20000" not in str(document)


def test_the_api_refuses_as_a_problem(client: TestClient, street: Street) -> None:
    known = {"area": AREA, "period": "2026-10"}
    for asked, status in [
        ({**known, "area": "ward:99999"}, 404),
        ({**known, "period": "2026-13"}, 422),
        ({**known, "period": "2099"}, 422),
        ({**known, "boundaries": "old"}, 422),
        ({"area": AREA}, 422),
        ({"period": "2026-10"}, 422),
        ({}, 422),
    ]:
        answer = client.get("/api/v1/rates", params=asked)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), asked
        assert answer.json()["status"] == status
        assert answer.json()["title"]
