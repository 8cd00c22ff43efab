"""Limits that slow a guesser and bar no honest neighbour: a market, an office and a carrier share one address."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground.refusal import Refusal
from ground.store import Store
from portal import throttle
from portal.throttle import Pace
from tests.cast import PASSWORD, VENDOR_PHONE, Browser, Cast
from tests.messages import Log, code_for, told

NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
OTHER_PHONE = "0912000002"
FEW = 2
PACE = Pace("test", 4, 10 * SECOND, 10 * MINUTE)


def from_(cast: Cast, address: str) -> Browser:
    """A browser nobody has signed in with before, behind that address."""
    return Browser(TestClient(cast.app, raise_server_exceptions=False, client=(address, 50000)))


def few(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """These paces with two free tries, then a quarter of an hour."""
    for name in names:
        before: Pace = getattr(throttle, name)
        monkeypatch.setattr(throttle, name, before._replace(free=FEW, first=15 * MINUTE, longest=15 * MINUTE))


def enter(browser: Browser, told: str = PASSWORD, name: str = "Chị Hoa") -> int:
    return browser.submit("/signin", name=name, password=told).status_code


def ask(browser: Browser, phone: str = VENDOR_PHONE, door: str = "signin") -> int:
    return browser.submit(f"/{door}", f"/{door}/phone", phone=phone).status_code


def type_in(browser: Browser, log: Log, phone: str = VENDOR_PHONE, door: str = "signin") -> int:
    return browser.submit(f"/{door}/code", code=code_for(log, phone)).status_code


def test_an_office_behind_one_address_signs_in_as_often_as_it_likes(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "ADDRESS")
    assert [enter(from_(cast, "203.0.113.7")) for _ in range(2 * FEW)] == [303] * 2 * FEW


def test_who_has_a_good_account_can_not_clear_an_address_by_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, "ADDRESS")
    attacker = "203.0.113.8"
    assert enter(from_(cast, attacker), "đoán mò", "Anh Dũng") == 422
    assert enter(from_(cast, attacker)) == 303
    assert enter(from_(cast, attacker), "đoán mò", "Minh Tổ Số") == 422
    assert enter(from_(cast, attacker), "đoán mò", "Người Vận Hành") == 429
    assert enter(from_(cast, "203.0.113.9")) == 303


def test_a_browser_its_owner_knows_comes_in_beside_a_guesser_behind_the_same_address(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "ADDRESS")
    address = "203.0.113.10"
    mine = from_(cast, address)
    assert enter(mine) == 303
    mine.submit("/account", "/signout")
    assert [enter(from_(cast, address), "đoán mò", f"Ai {n}") for n in range(FEW + 1)] == [422] * FEW + [429]
    assert enter(from_(cast, address)) == 429
    assert enter(mine) == 303
    mine.submit("/account", "/signout")
    assert enter(mine, "đoán mò", "Anh Dũng") == 429  # it is known for her account only


@pytest.mark.parametrize("door", ["signin", "apply"])
def test_a_market_behind_one_address_gets_a_code_for_each_of_its_phones(
    cast: Cast, log: Log, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    few(monkeypatch, "PHONE_ADDRESS")
    for _ in range(2 * FEW):
        vendor = from_(cast, "203.0.113.11")
        assert ask(vendor, door=door) == 303
        assert type_in(vendor, log, door=door) == 303


def test_a_code_gives_nothing_back_to_an_address_it_was_not_asked_from(
    cast: Cast, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "PHONE_ADDRESS")
    attacker = "203.0.113.12"
    assert [ask(from_(cast, attacker), f"098700000{n}") for n in range(FEW)] == [303] * FEW
    elsewhere = from_(cast, "203.0.113.13")
    assert ask(elsewhere) == 303
    moved = from_(cast, attacker)
    moved.client.cookies = elsewhere.client.cookies
    assert type_in(moved, log) == 303
    assert ask(from_(cast, attacker), OTHER_PHONE) == 429
    assert ask(from_(cast, "203.0.113.13"), OTHER_PHONE) == 303


def test_one_phone_costs_no_more_than_its_share_of_a_day_however_often_its_codes_are_entered(
    cast: Cast, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    few(monkeypatch, "PHONE_DAY")
    for number in range(FEW):
        vendor = from_(cast, f"203.0.113.{20 + number}")
        assert (ask(vendor), type_in(vendor, log)) == (303, 303)
    assert ask(vendor) == 429 and ask(from_(cast, "203.0.113.30"), door="apply") == 429
    assert len(told(log, VENDOR_PHONE)) == FEW
    assert ask(from_(cast, "203.0.113.30"), OTHER_PHONE) == 303


def test_a_stranger_alone_can_not_use_up_a_phones_day() -> None:
    """He asks as soon as he may, for a week: her own browser has room left at every moment."""
    level, rest, most = 0, timedelta(), 0
    moment, end = timedelta(), timedelta(days=7)
    while moment < end:
        level, most = level + 1, max(most, level + 1)
        wait = max(throttle.PHONE.wait(level), SECOND)
        moment, rest = moment + wait, rest + wait
        faded, rest = divmod(rest, throttle.PHONE.fades)
        level = max(level - faded, 0)
    assert throttle.PHONE.fades == throttle.PHONE_DAY.fades
    assert most + throttle.PHONE.free < throttle.PHONE_DAY.free


def test_one_address_alone_can_not_use_up_the_codes_of_a_day() -> None:
    day = timedelta(days=1)
    assert throttle.PHONE_ADDRESS.free >= 60
    assert throttle.PHONE_ADDRESS.free + day // throttle.PHONE_ADDRESS.fades < throttle.STRANGERS.free


def tries(session: Session, books: Store, whom: str, moment: datetime) -> bool:
    """Whether a try is let through at this moment."""
    with session.begin_nested() as step:
        try:
            throttle.count(session, books.vault, moment, (PACE, whom))
        except Refusal as refusal:
            assert 0 < refusal.params["wait"] <= PACE.longest.total_seconds()
            step.rollback()
            return False
    return True


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=40))
def test_good_tries_are_as_if_they_had_never_been(books: Store, steps: list[tuple[bool, int]]) -> None:
    """Two addresses get the same wrong tries, one of them good ones in between: they are open at the same moments."""
    moment = NOON
    with books.session() as session:
        session.execute(text("DELETE FROM throttle"))
        for is_wrong, seconds in steps:
            moment += timedelta(seconds=seconds)
            if is_wrong:
                assert tries(session, books, "alone", moment) == tries(session, books, "beside", moment)
            elif tries(session, books, "beside", moment):
                throttle.give_back(session, PACE, throttle.key(books.vault, PACE, "beside"), moment)


def test_a_try_found_good_late_shortens_the_wait_by_its_own_part_only(session: Session, books: Store) -> None:
    for number in range(PACE.free + 2):
        assert tries(session, books, "x", NOON + number * MINUTE)
    last = NOON + (PACE.free + 1) * MINUTE
    throttle.give_back(session, PACE, throttle.key(books.vault, PACE, "x"), NOON)
    wait = PACE.wait(PACE.free + 1)
    assert wait == 20 * SECOND
    assert not tries(session, books, "x", last + wait - SECOND) and tries(session, books, "x", last + wait)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.integers(0, 1500), min_size=1, max_size=60))
def test_wrong_tries_are_never_more_than_the_free_ones_and_one_for_each_that_faded(
    books: Store, gaps: list[int]
) -> None:
    most_at_once = next(n for n in range(60) if PACE.wait(n) >= PACE.fades)
    taken: list[datetime] = []
    moment = NOON
    with books.session() as session:
        session.execute(text("DELETE FROM throttle"))
        for gap in gaps:
            moment += timedelta(seconds=gap)
            if tries(session, books, "x", moment):
                taken.append(moment)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= most_at_once + (taken[last] - taken[first]) // PACE.fades + 1


def test_typing_errors_of_a_working_day_fade_while_the_office_works_on(books: Store) -> None:
    """Somebody mistypes every twenty minutes, all week: nobody ever waits."""
    with books.session() as session:
        for number in range(5 * 24 * 3):
            throttle.count(session, books.vault, NOON + number * 20 * MINUTE, (throttle.ADDRESS, "office"))
