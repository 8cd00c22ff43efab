"""Series and scoreboards at the API: complete and stable page by page, and what can't be meant is said."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock
from ground.clock import today
from ground.refusal import Refusal
from ground.store import Store
from merchants import market
from payments import indicator, period, period_run, target
from portal import app as portal
from tests.world import Street, keep, post, told


@pytest.fixture
def api(books: Store, street: Street) -> Iterator[TestClient]:
    """Three stalls sold in October 2026."""
    keep(books, [told(number, account=f"100000{number}") for number in (1, 2)])
    keep(books, [told(3, account="1000005", gateway="BIDV", virtual="VA0005")])
    post(books)
    with TestClient(portal.create(books, lambda: True)) as opened:
        yield opened


def ask(api: TestClient, path: str, status: int = 200) -> Any:
    answer = api.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.text
    return answer.json()


def walk(api: TestClient, path: str, rows: str) -> tuple[list[Any], list[int]]:
    """All rows by following the links, and how many stood on each page."""
    found: list[Any] = []
    sizes = []
    address: str | None = f"/api/v1/{path}"
    while address is not None:
        answer = api.get(address)
        document = answer.json()
        found += document[rows]
        sizes.append(len(document[rows]))
        link = answer.headers.get("link")
        assert (link is None) == (document["next"] is None)
        address = link and link.split(">")[0].removeprefix("<")
    return found, sizes


# --- series


def test_a_series_says_of_each_period_what_the_rates_say(api: TestClient, session: Session) -> None:
    for name in ("acceptance", "cashless_value", "value_share"):
        told_ = ask(api, f"series?area=ward:26506&indicator={name}&from=2025-11&to=2026-11&limit=100")
        assert [row["period"] for row in told_["series"]] == [
            *("2025-11", "2025-12"),
            *(f"2026-{month:02}" for month in range(1, 12)),
        ]
        for row in told_["series"]:
            rates = ask(api, f"rates?area=ward:26506&period={row['period']}")
            (figure,) = (each for each in rates["figures"] if each["indicator"] == name)
            assert {key: row[key] for key in figure} == figure
            assert {key: row[key] for key in ("from", "to", "complete", "revision")} == {
                key: rates[key] for key in ("from", "to", "complete", "revision")
            }


@pytest.mark.parametrize("limit", [1, 2, 5, 12, 13, 100])
def test_pages_of_a_series_are_complete_whatever_their_size(api: TestClient, limit: int) -> None:
    query = "series?area=market:cho-a&indicator=acceptance&from=2025-11&to=2026-11"
    whole = ask(api, f"{query}&limit=100")["series"]
    rows, sizes = walk(api, f"{query}&limit={limit}", "series")
    assert rows == whole and len(whole) == 13
    assert all(size == limit for size in sizes[:-1]) and sizes[-1] in range(1, limit + 1)


def test_periods_not_begun_are_left_out_and_a_first_one_is_refused(api: TestClient) -> None:
    query = "series?area=market:cho-a&indicator=acceptance"
    rows = ask(api, f"{query}&from=2026-10&to=2099-12&limit=100")["series"]
    assert rows[-1]["period"] == f"{today():%Y-%m}" and not rows[-1]["complete"]
    assert ask(api, f"{query}&from=2099-01&to=2099-12", 422)["code"] == "period.not_begun"


def test_a_ward_that_is_no_more_has_a_series_and_one_that_was_not_yet_says_so(api: TestClient) -> None:
    old = ask(api, "series?area=ward:26512&indicator=acceptance&from=2025-05&to=2025-08")["series"]
    assert [row["reason"] == "khi đó không có đơn vị nào mang mã này" for row in old] == [False, False, True, True]
    assert [row["value"] for row in old] == [None] * 4


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("area=market:none&indicator=acceptance&from=2026-01&to=2026-02", 404, "market.unknown"),
        ("area=ward:99999&indicator=acceptance&from=2026-01&to=2026-02", 404, "area.unknown"),
        ("area=country&indicator=acceptance&from=2026-01&to=2026-02", 404, "area.unknown"),
        ("area=market:cho-a&indicator=rate&from=2026-01&to=2026-02", 422, "target.unknown_indicator"),
        ("area=market:cho-a&indicator=acceptance&from=2026-01&to=2026-Q2", 422, "series.two_kinds"),
        ("area=market:cho-a&indicator=acceptance&from=2026-03&to=2026-02", 422, "series.backwards"),
        ("area=market:cho-a&indicator=acceptance&from=soon&to=2026-02", 422, "period.unknown"),
        ("area=market:cho-a&indicator=acceptance&from=2026-01&to=2026-02&cursor=2026-09", 422, "series.unknown_cursor"),
        ("area=market:cho-a&indicator=acceptance&from=2026-01&to=2026-02&limit=0", 422, "page.invalid"),
        ("area=market:cho-a&indicator=acceptance&from=2026-01&to=2026-02&limit=101", 422, "page.invalid"),
        ("area=market:cho-a&indicator=acceptance&from=2026&to=2026&boundaries=moon", 422, "area.unknown_boundaries"),
        ("area=market:cho-a&indicator=acceptance&from=2026-01", 422, "page.invalid"),
    ],
)  # fmt: skip
def test_a_series_that_cannot_be_meant_is_refused(api: TestClient, query: str, status: int, code: str) -> None:
    assert ask(api, f"series?{query}", status)["code"] == code


DAYS = st.dates(date(2000, 1, 10), date(2100, 11, 20))
KINDS = ("day", "week", "month", "quarter", "half", "nine", "year")


@settings(max_examples=300, deadline=None)
@given(DAYS, st.sampled_from(KINDS), st.integers(1, 30))
def test_a_run_of_periods_leaves_no_day_out_and_takes_none_twice(day: date, kind: str, count: int) -> None:
    last = period_run.at(day, kind)
    assert kind == period_run.kind(last) and (kind == "nine" or last.first <= day <= last.last)
    run = period_run.back(last, count)
    assert list(period_run.between(run[0].text, last.text)) == run
    for one, after in pairwise(run):
        assert kind == "nine" or after.first == one.last + timedelta(days=1)
        assert one.first < after.first
    assert run == [period.parse(each.text) for each in run]


def test_a_run_ends_where_the_calendar_of_periods_does() -> None:
    assert [each.text for each in period_run.back(period.parse("2001"), 9)] == ["2000", "2001"]
    assert len(list(period_run.between("2099-11", "2100-12"))) == 14
    with pytest.raises(Refusal):
        period_run.between("2026-01", "2026-01-05")


# --- the scoreboard


def test_pages_of_a_scoreboard_are_complete_and_count_all(api: TestClient, session: Session) -> None:
    moment = clock.now()
    for number in range(4):
        market.add(session, f"cho-{number}", f"Chợ {number}", "26506", since=date(2026, 1, 1))
    for number in range(4):
        for name in indicator.INDICATORS[:3]:
            target.put(session, f"market:cho-{number}", name.__name__, "2026-10", Decimal("0.5"), by="t", at=moment)
    target.put(session, "market:cho-a", "acceptance", "2026-10", Decimal("0.5"), by="t", at=moment)
    session.commit()
    query = "scoreboard?area=province:79&period=2026-10"
    whole = ask(api, query)
    assert len(whole["targets"]) == 13 and whole["counts"]["met"] == 1 and whole["counts"]["insufficient"] == 12
    for limit in (1, 4, 13):
        rows, sizes = walk(api, f"{query}&limit={limit}", "targets")
        assert rows == whole["targets"] and all(size == limit for size in sizes[:-1])
    assert ask(api, f"{query}&limit=1")["counts"] == whole["counts"]
    assert ask(api, "scoreboard?area=province:79&period=2099-Q1", 422)["code"] == "period.not_begun"
    assert ask(api, "scoreboard?area=province:00&period=2026-10", 404)["code"] == "area.no_such_unit"
