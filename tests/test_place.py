"""Where markets stand through the reform, with and without moves, in the units of then and of today."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ground.refusal import Refusal
from merchants import ward
from merchants.place import (
    Move,
    Stay,
    check_move,
    needs_move,
    province_for_period,
    stays,
    stays_current,
    unit_for_period,
)
from merchants.ward import Ward, ward_on, wards_with_code

DAY = timedelta(days=1)
OPENING, BEFORE, AFTER = date(2020, 1, 1), date(2025, 6, 30), date(2025, 7, 1)
TODAY = date(2026, 11, 1)
END = TODAY + DAY

UNITS = [unit for code in sorted(ward._wards()) for unit in wards_with_code(code)]
OLD, NEW = [u for u in UNITS if u.valid_to], [u for u in UNITS if not u.valid_to]
TROUBLE = [unit for unit in OLD if ward.successor(unit) is None]

LINH_TAY = "26818"  # split into Linh Xuân 26800 and Thủ Đức 26824
LINH_XUAN, THU_DUC = "26800", "26824"
PHUONG_1 = "27379"  # no recorded successor, province 79
MARKETS = {
    "Chợ Thắng Nhất": ("26533", "26536", "Phường Rạch Dừa"),
    "Chợ Vũng Tàu": ("26512", "26506", "Phường Vũng Tàu"),
    "Phố Hải sản": ("26509", "26506", "Phường Vũng Tàu"),
    "Chợ Phường 7": ("26524", "26526", "Phường Tam Thắng"),
}


def place(stay: Stay) -> tuple[date, date, str | None, str]:
    return stay.since, stay.until, stay.ward and stay.ward.code, stay.province_code


def moved(*history: tuple[date, str]) -> list[Move]:
    return [Move(since, code) for since, code in history]


@pytest.mark.parametrize("market", MARKETS)
def test_the_four_markets_follow_the_reform_by_themselves(market: str):
    old, new, name = MARKETS[market]
    history = moved((OPENING, old))
    then = stays(history, END)
    assert [place(stay) for stay in then] == [(OPENING, AFTER, old, "77"), (AFTER, END, new, "79")]
    assert then[1].ward is not None and then[1].ward.name == name
    assert [place(stay) for stay in stays_current(history, END, TODAY)] == [(OPENING, END, new, "79")]
    assert needs_move(history, TODAY) is None


def test_before_the_reform_todays_units_are_the_old_ones():
    history = moved((OPENING, "26512"))
    assert stays_current(history, AFTER, BEFORE) == stays(history, AFTER)
    assert place(stays_current(history, AFTER, BEFORE)[0]) == (OPENING, AFTER, "26512", "77")


def test_a_reused_code_is_never_taken_for_the_other_unit():
    # 26536 was Phường 10 and is Phường Rạch Dừa; the market stays in one place all the while.
    then = stays(moved((OPENING, "26536")), END)
    assert [stay.ward and stay.ward.name for stay in then] == ["Phường 10", "Phường Rạch Dừa"]
    assert check_move("26536", BEFORE).name == "Phường 10"
    assert check_move("26536", AFTER).name == "Phường Rạch Dừa"


def test_a_market_has_no_days_before_its_opening():
    history = moved((date(2026, 3, 1), "26506"))
    assert stays(history, date(2026, 3, 1)) == stays([], END) == []
    assert [place(stay) for stay in stays(history, END)] == [(date(2026, 3, 1), END, "26506", "79")]


def test_across_a_split_ward_the_market_is_in_the_province_only():
    history = moved((OPENING, LINH_TAY))
    assert [place(s) for s in stays(history, END)] == [
        (OPENING, AFTER, LINH_TAY, "79"),
        (AFTER, END, None, "79"),
    ]
    assert [place(s) for s in stays_current(history, END, TODAY)] == [(OPENING, END, None, "79")]
    assert needs_move(history, BEFORE) is None
    assert needs_move(history, AFTER) == needs_move(history, TODAY) == AFTER


def test_a_move_on_the_day_of_the_reform_says_where_in_a_split_ward_the_market_is():
    history = moved((OPENING, LINH_TAY), (AFTER, THU_DUC))
    assert [place(s) for s in stays(history, END)] == [
        (OPENING, AFTER, LINH_TAY, "79"),
        (AFTER, END, THU_DUC, "79"),
    ]
    assert [place(s) for s in stays_current(history, END, TODAY)] == [(OPENING, END, THU_DUC, "79")]
    assert needs_move(history, TODAY) is None


def test_a_later_move_names_no_earlier_day():
    later = date(2025, 7, 2)
    history = moved((OPENING, LINH_TAY), (later, THU_DUC))
    assert [place(s) for s in stays(history, END)] == [
        (OPENING, AFTER, LINH_TAY, "79"),
        (AFTER, later, None, "79"),
        (later, END, THU_DUC, "79"),
    ]
    today = stays_current(history, END, TODAY)
    assert [place(s)[:3] for s in today] == [(OPENING, later, None), (later, END, THU_DUC)]
    assert needs_move(history, TODAY) == AFTER


def test_a_ward_without_a_recorded_successor_leaves_the_province_known():
    history = moved((OPENING, PHUONG_1))
    assert [place(s) for s in stays(history, END)] == [
        (OPENING, AFTER, PHUONG_1, "79"),
        (AFTER, END, None, "79"),
    ]
    named = moved((OPENING, PHUONG_1), (AFTER, "26743"))
    assert [place(s) for s in stays_current(named, END, TODAY)] == [(OPENING, END, "26743", "79")]
    assert needs_move(history, TODAY) == AFTER and needs_move(named, TODAY) is None


def test_an_unrecorded_ward_is_in_the_province_that_took_over_its_own():
    # Xã Quế Phước of Quảng Nam (49), which became part of Đà Nẵng (48).
    assert [place(s) for s in stays(moved((OPENING, "20674")), END)] == [
        (OPENING, AFTER, "20674", "49"),
        (AFTER, END, None, "48"),
    ]
    for unit in (unit for unit in OLD if not ward.successors(unit)):
        after = stays(moved((OPENING, unit.code)), END)[-1]
        assert (after.ward, after.province_code) == (None, ward.province_successor(unit.province_code))


def test_a_move_out_of_the_province_does_not_name_an_unrecorded_ward():
    history = moved((OPENING, "20674"), (AFTER, "26506"))
    assert [place(s) for s in stays_current(history, END, TODAY)] == [
        (OPENING, AFTER, None, "48"),
        (AFTER, END, "26506", "79"),
    ]


def test_a_market_that_moved_in_2026_keeps_its_earlier_days_where_they_were():
    spring = date(2026, 3, 15)
    history = moved((OPENING, "26512"), (spring, "26536"))
    assert [place(s) for s in stays_current(history, END, TODAY)] == [
        (OPENING, spring, "26506", "79"),
        (spring, END, "26536", "79"),
    ]
    split = moved((OPENING, LINH_TAY), (AFTER, LINH_XUAN), (spring, "26506"))
    assert stays_current(split, END, TODAY)[0].ward == ward_on(LINH_XUAN, TODAY)


def test_a_market_that_left_a_split_ward_before_its_end_does_not_take_the_days_along():
    left = date(2022, 5, 1)
    history = moved((OPENING, LINH_TAY), (left, "26512"))
    assert [place(s) for s in stays_current(history, END, TODAY)] == [
        (OPENING, left, None, "79"),
        (left, END, "26506", "79"),
    ]


def test_a_move_into_the_ward_where_the_market_is_anyway_changes_nothing():
    history = moved((OPENING, "26512"), (date(2025, 8, 1), "26506"))
    assert stays(history, END) == stays(history[:1], END)


@pytest.mark.parametrize(
    ("code", "day"), [("26512", AFTER), ("26506x", AFTER), ("99999", BEFORE), ("26732", BEFORE), ("", AFTER)]
)
def test_a_code_that_is_no_unit_of_that_day_is_refused(code: str, day: date):
    with pytest.raises(Refusal) as refused:
        check_move(code, day)
    assert (refused.value.code, refused.value.status) == ("ward.unknown", 422)
    assert f"{day:%d/%m/%Y}" in refused.value.message("vi") and str(day) in refused.value.message("en")


def test_a_ward_code_means_the_unit_of_the_last_day_of_the_period():
    year = date(2025, 1, 1), date(2025, 12, 31)
    assert unit_for_period("26506", *year).name == "Phường Vũng Tàu"
    assert unit_for_period("26506", date(2025, 6, 1), BEFORE).name == "Phường 1"
    # Nothing bears 26512 at the year's end: the last unit of any of its days is meant.
    assert unit_for_period("26512", *year).name == "Phường 3"
    assert unit_for_period("26506", date(2024, 1, 1), date(2024, 1, 31), TODAY).name == "Phường Vũng Tàu"


@pytest.mark.parametrize(
    ("code", "first", "last", "current"),
    [
        ("26512", AFTER, date(2025, 7, 31), None),
        ("26512", date(2025, 1, 1), BEFORE, TODAY),
        ("26732", date(2025, 1, 1), BEFORE, None),  # Côn Đảo, a unit only since the reform
        ("abc", AFTER, AFTER, None),
    ],
)
def test_a_code_without_a_unit_in_the_period_is_refused(code: str, first: date, last: date, current: date | None):
    with pytest.raises(Refusal) as refused:
        unit_for_period(code, first, last, current)
    assert (refused.value.code, refused.value.status) == ("area.no_such_unit", 404)
    assert f"ward:{code}" in refused.value.message("vi")


def test_a_province_code_follows_the_same_rule():
    year = date(2025, 1, 1), date(2025, 12, 31)
    assert province_for_period("77", *year).name == "Tỉnh Bà Rịa - Vũng Tàu"
    assert province_for_period("79", *year).valid_from == AFTER
    assert province_for_period("79", date(2025, 1, 1), BEFORE).valid_to == BEFORE
    assert province_for_period("79", date(2025, 1, 1), BEFORE, TODAY).valid_from == AFTER
    for refused in ((AFTER, TODAY, None), (date(2025, 1, 1), BEFORE, TODAY)):
        with pytest.raises(Refusal, match="province:77"):
            province_for_period("77", *refused)


@st.composite
def histories(draw: st.DrawFn) -> list[Move]:
    """Random real wards, the split and unrecorded ones often, at times named anew on the reform's day."""
    days = draw(st.sets(st.dates(date(2024, 6, 1), date(2026, 10, 31)), min_size=1, max_size=5))
    if draw(st.booleans()):
        days.add(AFTER)
    found: list[Move] = []
    for day in sorted(days):
        choice = st.sampled_from(NEW) if day >= AFTER else st.sampled_from(TROUBLE) | st.sampled_from(OLD)
        last = ward_on(found[-1].ward_code, found[-1].since) if found else None
        if day >= AFTER and last and ward.successors(last):
            choice = st.sampled_from(ward.successors(last)) | choice
        found.append(Move(day, draw(choice).code))
    return found


def by_day(found: list[Stay]) -> dict[date, Stay]:
    days: dict[date, Stay] = {}
    for stay in found:
        assert stay.since < stay.until
        for number in range((stay.until - stay.since).days):
            assert stay.since + number * DAY not in days
            days[stay.since + number * DAY] = stay
    return days


def ward_by_moves(history: list[Move], day: date) -> tuple[Ward | None, str]:
    """The same question for one day, answered with nothing carried along."""
    last = max((move for move in history if move.since <= day), key=lambda move: move.since)
    start = ward_on(last.ward_code, last.since)
    assert start is not None
    if start.holds_on(day):
        return start, start.province_code
    return ward.successor(start), ward.province_successor(start.province_code)


def ward_of_today(history: list[Move], day: date) -> Ward | None:
    """Where the place of a day before the reform lies now: in the one successor, or where the market says."""
    then, _ = ward_by_moves(history, day)
    assert then is not None
    whole, (own, _) = ward.successor(then), ward_by_moves(history, AFTER)
    possible = ward.successors(then) or [unit for unit in NEW if unit.province_code == ward.province_after(then)]
    return whole or (own if own in possible else None)


@settings(max_examples=150, deadline=None)
@given(histories(), st.dates(date(2024, 6, 1), END))
def test_every_market_day_is_in_one_place_by_either_boundaries(history: list[Move], until: date):
    then, now = stays(history, until), stays_current(history, until, TODAY)
    for found in (then, now):
        for one, two in pairwise(found):
            # By unit, not by code: a stay in old 00004 may well be followed by one in new 00004.
            assert one.until == two.since
            assert (one.ward, one.province_code) != (two.ward, two.province_code)
    old, new = by_day(then), by_day(now)
    count = max(0, (until - history[0].since).days)
    assert list(old) == list(new) == [history[0].since + number * DAY for number in range(count)]
    unknown = next((day for day, stay in old.items() if stay.ward is None), None)
    assert needs_move(history, until - DAY) == unknown
    for day, stay in old.items():
        assert (stay.ward, stay.province_code) == ward_by_moves(history, day)
        assert stay.ward is None or stay.ward.holds_on(day)
        assert new[day].ward is None or new[day].ward.holds_on(TODAY)
        assert ward.province_name(stay.province_code, day)
        assert ward.province_name(new[day].province_code, TODAY)


@settings(max_examples=150, deadline=None)
@given(histories())
def test_the_days_before_the_reform_are_where_todays_unit_holds_their_place(history: list[Move]):
    old, new = by_day(stays(history, END)), by_day(stays_current(history, END, TODAY))
    turns = {move.since for move in history} | {BEFORE, AFTER, TODAY}
    for day in turns & set(old):
        if day >= AFTER:
            assert (new[day].ward, new[day].province_code) == (old[day].ward, old[day].province_code)
        else:
            assert new[day].ward == ward_of_today(history, day)
            assert new[day].province_code == ward.province_successor(old[day].province_code)
