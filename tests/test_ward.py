"""Units and provinces of before and after 1 July 2025, against the shipped tables read another way."""

import csv
from collections import defaultdict
from datetime import date

import pytest

from merchants import ward
from merchants.ward import (
    Ward,
    province_after,
    province_name,
    province_successor,
    provinces_with_code,
    successor,
    successors,
    ward_on,
    wards_with_code,
)

BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)


def rows(name: str) -> list[dict[str, str]]:
    with (ward.REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def units(day: date) -> list[Ward]:
    found = (ward_on(row["code"], day) for row in rows("wards.csv"))
    return list({unit.code: unit for unit in found if unit is not None}.values())


def found_on(code: str, day: date) -> Ward:
    unit = ward_on(code, day)
    assert unit is not None
    return unit


def test_every_row_of_the_table_is_found_on_its_days_and_on_no_other():
    for row in rows("wards.csv"):
        day, other = (BEFORE, AFTER) if row["valid_to"] else (AFTER, BEFORE)
        unit = found_on(row["code"], day)
        assert (unit.name, unit.kind, unit.province_code, unit.province_name) == (
            row["name"],
            row["kind"],
            row["province_code"],
            row["province_name"],
        )
        assert unit.holds_on(day) and not unit.holds_on(other)
        assert ward_on(row["code"], other) != unit


def test_a_code_is_borne_by_one_unit_at_a_time():
    for code in {row["code"] for row in rows("wards.csv")}:
        bearers = wards_with_code(code)
        assert all(sum(unit.holds_on(day) for unit in bearers) <= 1 for day in (BEFORE, AFTER))
        assert list(bearers) == sorted(bearers, key=lambda unit: unit.valid_from or date.min)


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("26506", "Phường 1", "Phường Vũng Tàu"),
        ("26526", "Phường Nguyễn An Ninh", "Phường Tam Thắng"),
        ("26536", "Phường 10", "Phường Rạch Dừa"),
        ("26542", "Phường 12", "Phường Phước Thắng"),
    ],
)
def test_a_reused_code_is_another_unit_after_the_reform(code: str, before: str, after: str):
    assert found_on(code, date(1999, 1, 1)).name == found_on(code, BEFORE).name == before
    assert found_on(code, AFTER).name == found_on(code, date(2099, 1, 1)).name == after
    assert [unit.name for unit in wards_with_code(code)] == [before, after]


@pytest.mark.parametrize("code", ["", "99999", "26506 ", "2650", "２６５０６", "79"])
def test_a_code_nobody_bears_names_no_ward(code: str):
    assert ward_on(code, AFTER) is None
    assert wards_with_code(code) == ()


def test_successions_are_those_of_the_table():
    expected: dict[str, set[str]] = defaultdict(set)
    split: set[str] = set()
    for row in rows("ward_successions.csv"):
        expected[row["old_code"]].add(row["new_code"])
        if row["split"] == "1":
            split.add(row["old_code"])
    old = units(BEFORE)
    for unit in old:
        after = successors(unit)
        assert {new.code for new in after} == expected[unit.code]
        assert all(new.valid_from == AFTER for new in after)
        whole = len(after) == 1 and unit.code not in split
        assert successor(unit) == (after[0] if whole else None)
    assert sum(len(successors(unit)) > 1 for unit in old) == 440
    assert sum(not successors(unit) for unit in old) == 28


def test_a_standing_ward_has_no_successor():
    unit = found_on("26506", AFTER)
    assert successors(unit) == [] and successor(unit) is None


def test_every_old_province_went_whole_into_one():
    went: dict[str, set[str]] = defaultdict(set)
    old = units(BEFORE)
    for unit in old:
        went[unit.province_code].update(new.province_code for new in successors(unit))
    assert (len(went), len(set.union(*went.values()))) == (63, 34)
    for code, after in went.items():
        assert {province_successor(code)} == after
    for unit in old:
        assert {province_after(unit)} == went[unit.province_code]


def test_vung_tau_and_binh_duong_became_part_of_ho_chi_minh_city():
    assert [province_successor(code) for code in ("77", "74", "79")] == ["79", "79", "79"]
    with pytest.raises(KeyError):
        province_successor("00")


def test_a_province_has_the_name_of_its_day():
    assert province_name("77", BEFORE) == "Tỉnh Bà Rịa - Vũng Tàu"
    assert province_name("77", AFTER) is None
    assert province_name("79", BEFORE) == province_name("79", AFTER) == "Thành phố Hồ Chí Minh"
    assert [province.holds_on(AFTER) for province in provinces_with_code("79")] == [False, True]
    assert provinces_with_code("00") == ()


def test_each_unit_lies_in_a_province_of_its_own_days():
    for day in (BEFORE, AFTER):
        assert all(province_name(unit.province_code, day) == unit.province_name for unit in units(day))
