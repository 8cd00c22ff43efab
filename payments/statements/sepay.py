"""SePay's transactions of an account as a statement's section, as if the bank had given them in a file.

A line is the same as a file's (`statement._alike`) where day and time, direction, amount, reference and memo are the
same; the balance after it, where SePay tells it, tells such lines apart. SePay writes 0 where it doesn't know it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from ground import money
from ground.refusal import Refusal
from merchants import bank
from payments.providers.sepay_api import Row, moment_of
from payments.statements.cell import Unreadable, read_amount, read_memo
from payments.statements.line import Movement
from payments.statements.moment import When, read_when
from payments.statements.reversal import is_reversal, references_of_debit
from payments.statements.section import Draft, Section
from payments.statements.unreadable import Errors

NAME = "SePay"
BANK = "sepay"
_TEXTS = ("transaction_content", "reference_number", "sub_account")


class Told(NamedTuple):
    """A transaction; `net` is below 0 for money going out."""

    id: int
    moment: str
    when: When
    net: int
    balance: int | None
    row: Row


def read_stretch(rows: Sequence[Row], bin: str, number: str, first: date, last: date) -> Section:
    """The section of the days from `first` to `last`, for which `rows` are complete.

    Refuses a row that can't be read, and balances that do not follow from one another: then SePay lacks a line.
    """
    told = _arrange(_read_all([row for row in rows if _is_of(row, bin)]))
    draft = Draft(number, 1)
    draft.cover(first, last)
    for place, each in enumerate(told, 1):
        draft.add(_movement(place, each, number))
        draft.follow(place, each.when.day, each.net, each.balance)
    try:
        return draft.finish(NAME)
    except Refusal as refusal:
        raise _broken(refusal, told) from refusal


def _is_of(row: Row, bin: str) -> bool:
    """Two banks may have an account of the same number."""
    found = bank.find(str(row.get("bank_brand_name") or ""))
    return found is None or found.bin == bin


def _read_all(rows: Sequence[Row]) -> list[Told]:
    errors, found = Errors(), []
    for row in rows:
        column = ""
        try:
            column = "transaction_date"
            when = read_when(moment_of(row))
            column = "amount_in / amount_out"
            net = _net(row)
            column = "accumulated"
            balance = read_amount(row.get("accumulated")) or None
            for column in _TEXTS:
                row[column] = read_memo(row.get(column))
        except Unreadable as failure:
            errors.add(int(row["id"]), column, failure)
            continue
        assert when is not None, "the API's answer was checked"
        if net:
            found.append(Told(int(row["id"]), moment_of(row), when, net, balance, row))
    errors.check(NAME)
    return found


def _net(row: Row) -> int:
    income, outgo = read_amount(row.get("amount_in")), read_amount(row.get("amount_out"))
    if income is None and outgo is None:
        raise Unreadable("statement.no_amount")
    if income and outgo:
        raise Unreadable("statement.both_amounts")
    if min(income or 0, outgo or 0) < 0:
        raise Unreadable("statement.bad_amount", text=str(min(income or 0, outgo or 0)))
    return (income or 0) - (outgo or 0)


def _movement(place: int, told: Told, number: str) -> Movement:
    memo, reference, virtual = (told.row[column] or None for column in _TEXTS)
    day, second = told.when
    if told.net < 0:
        undoes = is_reversal(memo or "")
        undone, names = references_of_debit(memo or "", reference, undoes)
        return Movement(place, second, day, told.net, undone, "", None, None, told.balance, undoes, told.id, names)
    virtual = virtual if virtual != number else None
    return Movement(place, second, day, told.net, reference, memo or "", None, virtual, told.balance, False, told.id)


def _arrange(told: list[Told]) -> list[Told]:
    """By time, then as SePay counted them; within one moment as the balances lead from one to the next."""
    arranged: list[Told] = []
    ordered = sorted(told, key=lambda each: (each.moment, each.id))
    for _, same in groupby(ordered, key=lambda each: each.moment):
        group = list(same)
        if len(group) > 1 and all(each.balance is not None for each in group):
            group = _follow(group, arranged[-1].balance if arranged else None)
        arranged += group
    return arranged


def _follow(group: list[Told], before: int | None) -> list[Told]:
    """An order in which each balance follows from the one before it, beginning at `before` where one does.

    Each line leads from a balance to a balance: a walk over all of them is found as Hierholzer did (1873).
    """
    leaving: dict[int, list[Told]] = {}
    for each in reversed(group):
        leaving.setdefault((each.balance or 0) - each.net, []).append(each)
    starts = Counter(dict.fromkeys(leaving, 0))
    starts.update({balance: len(several) for balance, several in leaving.items()})
    starts.subtract(each.balance or 0 for each in group)
    begin = before if before in leaving else next((balance for balance, more in starts.items() if more > 0), None)
    walk: list[Told] = []
    way: list[tuple[int, Told | None]] = [(begin if begin is not None else next(reversed(leaving)), None)]
    while way:
        balance, taken = way[-1]
        if leaving.get(balance):
            step = leaving[balance].pop()
            way.append((step.balance or 0, step))
        else:
            way.pop()
            if taken is not None:
                walk.append(taken)
    return walk[::-1] if len(walk) == len(group) else group


def _broken(refusal: Refusal, told: Sequence[Told]) -> Refusal:
    """Where it breaks, as SePay counts its transactions."""
    place = refusal.params.get("row")
    if refusal.code != "statement.breaks_at_row" or not isinstance(place, int):
        return refusal
    at, params = told[place - 1], refusal.params
    return Refusal(
        "fetch.breaks",
        id=at.id,
        moment=at.moment,
        told=params["told"],
        expected=params["expected"],
        difference=params["difference"],
    )


def check_gap(closing: int | None, section: Section) -> None:
    """Refuses a section that does not open where the one before it closed: between them lines are missing."""
    if closing is not None and section.opening is not None and closing != section.opening:
        assert section.first is not None
        raise Refusal("fetch.gap", day=section.first, closed=money.show(closing), opened=money.show(section.opening))
