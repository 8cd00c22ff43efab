"""A statement that doesn't add up is refused, and the refusal says where it breaks."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ground import money
from ground.refusal import Refusal
from payments.statements.balance import Chain
from payments.statements.section import choose
from tests.paper_roll import refusal
from tests.paper_statement import (
    ACCOUNT,
    OPENING,
    STORY,
    TABLES,
    Paid,
    Rows,
    at,
    balances,
    bidv,
    bidv_list,
    bilingual,
    camt,
    cashup,
    commas,
    mb,
    mt940,
    only,
    plain,
    read_bytes,
    read_rows,
    simple,
    techcombank,
)


def line_rows(rows: Rows) -> list[int]:
    """Where the lines stand, counted from 0."""
    return [
        at
        for at, row in enumerate(rows)
        if len(row) > 3 and any(isinstance(cell, str) and cell[2:10] == "/10/2026" for cell in row[:3])
    ]


def turned(rows: Rows) -> Rows:
    """Newest first."""
    places = line_rows(rows)
    found = list(rows)
    for place, other in zip(places, reversed(places), strict=True):
        found[place] = rows[other]
    return found


def changed(rows: Rows, row: int, old: str, new: str) -> Rows:
    assert old in rows[row]
    return [[new if at == row and cell == old else cell for cell in cells] for at, cells in enumerate(rows)]


RUNNING = {"vietcombank cashup": TABLES["vietcombank cashup"][1], "bidv": bidv, "mb": mb, "techcombank": techcombank}
RUNNING |= {"bidv csv": bidv_list}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("layout", RUNNING)
@pytest.mark.parametrize("broken", [1, 2])
def test_a_changed_amount_breaks_at_its_row_in_either_order(
    tmp_path: Path, layout: str, newest_first: bool, broken: int
) -> None:
    rows = RUNNING[layout](STORY, plain)
    row = line_rows(rows)[broken]
    amount = str(abs(STORY[broken].amount))
    shown = amount if amount in rows[row] else f"-{amount}"
    rows = changed(rows, row, shown, shown.replace(amount, str(int(amount) + 1000)))
    place = row if not newest_first else list(reversed(line_rows(rows)))[broken]
    refused = refusal(lambda: read_rows(tmp_path, turned(rows) if newest_first else rows))
    assert (refused.code, refused.params["row"]) == ("statement.breaks_at_row", place + 1)
    assert refused.params["told"] == money.show(balances(STORY)[broken])


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("layout", RUNNING)
def test_a_missing_row_breaks_at_the_one_that_came_after_it(tmp_path: Path, layout: str, newest_first: bool) -> None:
    rows = RUNNING[layout](STORY, plain)
    rows = turned(rows) if newest_first else rows
    missing = list(reversed(line_rows(rows)))[1] if newest_first else line_rows(rows)[1]
    del rows[missing]
    refused = refusal(lambda: read_rows(tmp_path, rows))
    after = missing - 1 if newest_first else missing
    assert (refused.code, refused.params["row"]) == ("statement.breaks_at_row", after + 1)


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_changed_balance_breaks_there_though_the_totals_hold(tmp_path: Path, newest_first: bool) -> None:
    rows = bidv(STORY, plain)
    rows = turned(rows) if newest_first else rows
    row = next(at for at in line_rows(rows) if str(balances(STORY)[1]) in rows[at])
    refused = refusal(lambda: read_rows(tmp_path, changed(rows, row, str(balances(STORY)[1]), "5")))
    assert (refused.code, refused.params["row"]) == ("statement.breaks_at_row", row + 1)


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_opening_balance_of_another_month_breaks_at_the_first_line(tmp_path: Path, newest_first: bool) -> None:
    rows = changed(bidv(STORY, plain), 6, str(OPENING), str(OPENING + 1))
    rows = turned(rows) if newest_first else rows
    first = line_rows(rows)[-1 if newest_first else 0]
    refused = refusal(lambda: read_rows(tmp_path, rows))
    assert (refused.code, refused.params["row"]) == ("statement.breaks_at_row", first + 1)


def test_a_closing_balance_that_no_line_leads_to_is_named_with_the_totals(tmp_path: Path) -> None:
    rows = bidv(STORY, plain)
    rows = changed(rows, len(rows) - 1, str(balances(STORY)[-1]), "77")
    refused = refusal(lambda: read_rows(tmp_path, rows))
    assert (refused.code, refused.params["closing"]) == ("statement.breaks_in_total", money.show(77))
    assert refused.params["expected"] == money.show(balances(STORY)[-1])


def test_without_running_balances_the_totals_are_named(tmp_path: Path) -> None:
    for content in (
        mt940(STORY).replace("35000,", "36000,", 1),
        camt(STORY).replace(">35000<", ">36000<", 1),
        camt(STORY, "052.001.02").replace(">35000<", ">36000<", 1),
    ):
        refused = refusal(lambda content=content: read_bytes(tmp_path, content))
        assert refused.code == "statement.breaks_in_total"
        assert refused.params["difference"] == money.show(-1000)


@pytest.mark.parametrize("layout", ["vietcombank", "vietcombank cashup", "bidv", "mb"])
def test_a_row_of_sums_is_checked(tmp_path: Path, layout: str) -> None:
    rows = TABLES[layout][1](STORY, plain)
    income = str(sum(paid.amount for paid in STORY if paid.amount > 0))
    row = next(at for at, cells in enumerate(rows) if income in cells)
    refused = refusal(lambda: read_rows(tmp_path, changed(rows, row, income, "1304001")))
    assert (refused.code, refused.params["row"]) == ("statement.total_differs", row + 1)
    assert refused.params["sum"] == money.show(1_304_000)


def test_sums_of_a_page_and_of_all_so_far_are_both_right(tmp_path: Path) -> None:
    rows = simple(STORY)
    first, *_, last = line_rows(rows)
    rows.insert(last, ["Cộng", None, "120,000", "70,000", None])
    rows[-3] = ["Tổng", None, "120,000", "1,304,000", None]
    assert len(only(read_rows(tmp_path, rows)).lines) == 4
    rows[-3] = ["Tổng", None, None, "1,234,000", None]
    assert len(only(read_rows(tmp_path, rows)).lines) == 4
    rows[-3] = ["Tổng", None, None, "70,000", None]
    assert refusal(lambda: read_rows(tmp_path, rows)).code == "statement.total_differs"
    assert first < last


def test_sums_told_above_the_list_are_checked_at_its_end(tmp_path: Path) -> None:
    rows: Rows = [["Tổng giá trị ghi có/ Total credits:", "1,304,000", "Tổng giá trị ghi nợ/ Total debits:", "120,000"]]
    assert only(read_rows(tmp_path, rows + bilingual(STORY))).credits == 1_304_000
    rows[0][1] = "1,304,001"
    assert refusal(lambda: read_rows(tmp_path, rows + bilingual(STORY))).code == "statement.total_differs"


def test_balances_and_sums_may_stand_below_their_labels(tmp_path: Path) -> None:
    summary: Rows = [["Số dư đầu kỳ", "Tổng ghi nợ", "Tổng ghi có", "Số dư cuối kỳ"]]
    summary += [["1,000,000", "120,000", "1,304,000", "2,184,000"]]
    for rows in (summary + bilingual(STORY), bilingual(STORY) + summary):
        section = only(read_rows(tmp_path, rows))
        assert (section.opening, section.closing, section.balanced) == (OPENING, balances(STORY)[-1], True)
    summary[1][2] = "1,304,001"
    assert refusal(lambda: read_rows(tmp_path, bilingual(STORY) + summary)).code == "statement.total_differs"


def test_balances_that_follow_make_up_for_balances_not_told(tmp_path: Path) -> None:
    section = only(read_rows(tmp_path, bidv_list(STORY)))
    assert (section.opening, section.closing, section.balanced) == (OPENING, balances(STORY)[-1], True)
    rows = bidv_list(STORY)
    rows[2][6] = rows[4][6] = None
    section = only(read_rows(tmp_path, rows))
    assert (section.opening, section.closing, section.balanced) == (OPENING, balances(STORY)[-1], True)


def test_balances_that_fit_in_both_orders_tell_no_opening_unless_the_days_differ(tmp_path: Path) -> None:
    back_and_forth = [Paid(at(5), 1_000, "FT1"), Paid(at(5), -1_000, "FT2")]
    section = only(read_rows(tmp_path, bidv_list(back_and_forth)))
    assert (section.opening, section.closing, section.balanced) == (None, None, None)
    section = only(read_rows(tmp_path, bidv_list([back_and_forth[0], replace(back_and_forth[1], when=at(6))])))
    assert (section.opening, section.closing, section.balanced) == (OPENING, OPENING, True)
    section = only(read_rows(tmp_path, bidv_list([replace(back_and_forth[0], when=at(6)), back_and_forth[1]])))
    assert (section.opening, section.closing, section.balanced) == (OPENING + 1_000, OPENING + 1_000, True)


def test_a_column_of_zeros_tells_no_balance(tmp_path: Path) -> None:
    rows = bidv_list(STORY)
    rows = [[*row[:6], "0"] if at else row for at, row in enumerate(rows)]
    section = only(read_rows(tmp_path, rows))
    assert (section.opening, section.closing, section.balanced) == (None, None, None)
    only_one = [rows[0], rows[1]]
    assert only(read_rows(tmp_path, only_one)).opening is None


def test_several_accounts_stay_apart_and_each_balances(tmp_path: Path) -> None:
    other = [replace(paid, amount=paid.amount * 2) for paid in STORY]
    found = read_rows(tmp_path, cashup({ACCOUNT: STORY, "9704 3611 1": other, "555": []}))
    assert [section.account for section in found.sections] == [ACCOUNT, "970436111", "555"]
    assert [section.closing for section in found.sections] == [OPENING + 1_184_000, OPENING + 2_368_000, OPENING]
    assert choose(found, "9704-36111").credits == 2_608_000
    assert len(choose(found, "0555").lines) == 0
    refused = refusal(lambda: choose(found, "123"))
    assert refused.code == "statement.other_account"
    assert ACCOUNT in refused.message() and "970436111" in refused.message()
    rows = cashup({ACCOUNT: STORY, "555": other}, plain)
    row = line_rows(rows)[5]
    refused = refusal(lambda: read_rows(tmp_path, changed(rows, row, "70000", "71000")))
    assert refused.params["row"] == row + 1


def test_the_same_account_on_a_later_page_goes_on(tmp_path: Path) -> None:
    rows = cashup({ACCOUNT: STORY}, plain)
    third = line_rows(rows)[2]
    page = [row for row in rows[:8] if row]
    section = only(read_rows(tmp_path, [*rows[:third], [], ["Trang 1/2"], *page, *rows[third:]]))
    assert (len(section.lines), section.closing) == (4, balances(STORY)[-1])


def test_days_that_open_where_the_day_before_closed_are_one_section(tmp_path: Path) -> None:
    text = mt940(STORY[:3]) + mt940(STORY[3:], opening=balances(STORY)[2])
    section = only(read_bytes(tmp_path, text))
    assert (len(section.lines), section.opening, section.closing) == (4, OPENING, balances(STORY)[-1])
    upside_down = mt940(STORY[3:], opening=balances(STORY)[2]) + mt940(STORY[:3])
    section = only(read_bytes(tmp_path, upside_down))
    assert (section.opening, section.closing) == (OPENING, balances(STORY)[-1])
    refused = refusal(lambda: read_bytes(tmp_path, mt940(STORY[:2]) + mt940(STORY[3:], opening=balances(STORY)[2])))
    assert (refused.code, refused.params["row"]) == ("statement.gap", 11)


def test_two_balances_for_one_moment_are_refused(tmp_path: Path) -> None:
    rows: Rows = [["Số dư đầu kỳ:", "5"], ["Số dư đầu kỳ:", "6"]]
    refused = refusal(lambda: read_rows(tmp_path, rows + bilingual(STORY)))
    assert (refused.code, refused.params["row"]) == ("statement.unclear_balance", 2)


STEPS = st.lists(st.integers(-(10**6), 10**6).filter(bool), min_size=1, max_size=15)


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, opening=st.integers(-(10**6), 10**6), upwards=st.booleans(), chance=st.randoms())
def test_any_chain_holds_in_either_order_and_with_any_balances_left_out(
    steps: list[int], opening: int, upwards: bool, chance: random.Random
) -> None:
    rows = [(number, net, opening + sum(steps[: number + 1])) for number, net in enumerate(steps)]
    chain = Chain()
    for number, net, balance in reversed(rows) if upwards else rows:
        chain.add(number, net, balance if chance.random() < 0.7 else None)
    closing = opening + sum(steps)
    assert chain.settle(opening, closing, upwards, "x") == (opening, closing)
    if chain.known and any(balance for _, _, balance in rows):
        assert chain.settle(opening, None, upwards, "x") == (opening, closing)
        assert chain.settle(None, closing, upwards, "x") == (opening, closing)


@settings(max_examples=300, deadline=None)
@given(
    steps=st.lists(st.integers(1, 10**6), min_size=3, max_size=15, unique=True),
    at=st.integers(0, 14),
    by=st.integers(1, 10**9),
    upwards=st.booleans(),
)
def test_one_wrong_balance_among_many_is_found(steps: list[int], at: int, by: int, upwards: bool) -> None:
    at %= len(steps)
    rows = [(number, net, 10**7 + sum(steps[: number + 1])) for number, net in enumerate(steps)]
    number, net, balance = rows[at]
    rows[at] = number, net, balance + by
    chain = Chain()
    for row in reversed(rows) if upwards else rows:
        chain.add(*row)
    with pytest.raises(Refusal) as refused:
        chain.settle(10**7, 10**7 + sum(steps), upwards, "x")
    assert refused.value.params["row"] == at


def test_the_smallest_break_is_a_break(tmp_path: Path) -> None:
    rows = techcombank(STORY, commas)
    assert only(read_rows(tmp_path, rows)).balanced
    last = line_rows(rows)[-1]
    rows[last][8] = "1,234,001"
    assert refusal(lambda: read_rows(tmp_path, rows)).params["difference"] == money.show(-1)
