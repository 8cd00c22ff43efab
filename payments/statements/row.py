"""One row of a statement's list: its cells by their columns become movements on the account."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from merchants.grid import Cell
from merchants.spelling import fold
from payments.statements.cell import Unreadable, read_amount, read_memo, read_text, read_whole, show
from payments.statements.heading import Header
from payments.statements.label import read_currency
from payments.statements.line import Movement
from payments.statements.moment import When, at_clock, read_clock, read_when
from payments.statements.reversal import is_reversal, references_of_debit
from payments.statements.section import Draft

Pieces = list[tuple[str, int]]

_AMOUNTS = ("debit", "credit", "amount", "fee", "vat")
_STACKED = re.compile(r"\s*(?P<day>\S+(?:\s+[0-9]{1,2}:[0-9:]+)?)\s+(?P<reference>\S.*)", re.S)
_IN = ("+", "c", "cr", "co", "credit", "ghi co")
_OUT = ("-", "−", "–", "d", "dr", "no", "debit", "ghi no")


class Columns:
    """Reads rows by the places of a header."""

    def __init__(self, header: Header) -> None:
        self.places = header.places
        self.day_heading = header.headings[header.day]
        self.memo_heading = header.headings.get("memo", self.day_heading)
        self._headings = header.headings
        self._width = max(header.places.values()) + 1
        self._stacked = header.stacked
        place = header.places.get
        self._day, self._memo, self._balance = header.places[header.day], place("memo"), place("balance")
        self._reference = None if header.stacked else place("reference")
        self._debit, self._credit, self._amount = place("debit"), place("credit"), place("amount")
        self._sign, self._number, self._virtual = place("sign"), place("number"), place("virtual_account")
        self._payer = header.payer
        self._extra = [(column, header.places[column]) for column in ("fee", "vat") if column in header.places]
        self._clocks = [header.places[column] for column in ("time", "requested") if column in header.places]
        self._kind, self._currency = place("kind"), place("currency")
        if header.day == "requested":
            self._clocks = []

    def take(self, number: int, row: Sequence[Cell], draft: Draft) -> bool:
        """Adds the row's movements to the draft; False where it has no day, so that it is no line."""
        if len(row) < self._width:
            row = [*row, *[None] * (self._width - len(row))]
        cell, reference = row[self._day], None
        if cell is None or cell == "":
            return False
        if self._stacked and type(cell) is str:
            cell, reference = _unstack(cell)
        column = "day"
        try:
            when = read_when(cell)
            if when is None:
                return False
            column = "amount"
            pieces = self._pieces(row)
            if pieces is None:
                raise Unreadable("statement.no_amount")
            column = "balance"
            balance = None if self._balance is None else read_amount(row[self._balance])
            column = "memo"
            memo = "" if self._memo is None else read_memo(row[self._memo])
            if self._reference is not None:
                column = "reference"
                reference = read_text(row[self._reference])
            column = "time"
            if self._clocks and when.second is None:
                when = self._timed(when, row)
        except Unreadable as failure:
            failure.params["column"] = self._headings.get(column) or self._failed(column, failure)
            raise
        net = 0
        for kind, amount in pieces:
            net += amount
            draft.totals.add(kind, amount)
            if amount > 0:
                draft.receive(self._income(number, when, amount, reference, memo, balance, row), amount)
            else:
                draft.add(self._outgo(number, when, amount, reference, memo, balance, row, kind))
        draft.follow(number, when[0], net, balance)
        return True

    def has_amount(self, row: Sequence[Cell]) -> bool:
        """Whether anything with a digit stands where amounts do."""
        return any(
            cell not in (None, "", 0) and any(sign in "123456789" for sign in str(cell)) for _, cell in self.sums(row)
        )

    def has_only_memo(self, row: Sequence[Cell]) -> bool:
        filled = [at for at, cell in enumerate(row) if cell not in (None, "")]
        return filled == [self._memo]

    def says_more(self, row: Sequence[Cell]) -> bool:
        """Whether text or a balance stands beside the day."""
        places = (self._memo, self._reference, self._balance)
        return any(at is not None and at < len(row) and row[at] not in (None, "") for at in places)

    def sums(self, row: Sequence[Cell]) -> Iterator[tuple[str, Cell]]:
        """The cells in the columns of amounts."""
        for column in _AMOUNTS:
            at = self.places.get(column)
            if at is not None and at < len(row):
                yield column, row[at]

    def _pieces(self, row: Sequence[Cell]) -> Pieces | None:
        """Amounts by column, negative for money going out: one of debit and credit, and a fee or tax beside it.

        None where no amount is told, empty where it is told as zero: nothing moved.
        """
        if self._currency is not None and read_currency(f"currency: {row[self._currency] or 'VND'}"):
            raise Unreadable("statement.foreign_amount", text=show(row[self._currency]))
        pieces = self._either(row) if self._amount is None else self._signed(row, read_amount(row[self._amount]))
        if not self._extra:
            return pieces
        for column, at in self._extra:
            amount = read_amount(row[at])
            if amount:
                pieces = [*(pieces or ()), (column, amount)]
        return pieces

    def _either(self, row: Sequence[Cell]) -> Pieces | None:
        assert self._debit is not None and self._credit is not None
        debit, credit = read_amount(row[self._debit]), read_amount(row[self._credit])
        if credit:
            if debit:
                raise Unreadable("statement.both_amounts")
            return [("credit", credit)]
        if debit:
            return [("debit", -abs(debit))]
        return None if debit is None and credit is None else []

    def _signed(self, row: Sequence[Cell], amount: int | None) -> Pieces | None:
        """Vietcombank's older form: the sign in a column of its own; else the amount's own sign."""
        if not amount:
            return None if amount is None else []
        sign = read_text(row[self._sign]) if self._sign is not None else None
        if sign is None:
            if self._sign is not None and amount > 0:
                raise Unreadable("statement.no_sign")
            return [("amount", amount)]
        word = sign if sign in (*_IN, *_OUT) else fold(sign)
        if word not in (*_IN, *_OUT):
            raise Unreadable("statement.bad_sign", text=show(sign))
        return [("amount", abs(amount) if word in _IN else -abs(amount))]

    def _timed(self, when: When, row: Sequence[Cell]) -> When:
        """The time of day from another column, if that is of the same day."""
        for at in self._clocks:
            cell = row[at]
            if at == self.places.get("time"):
                seconds = read_clock(cell)
                return when if seconds is None else at_clock(when.day, seconds)
            other = read_when(cell)
            if other is not None and other.day == when.day:
                return other
        return when

    def _income(
        self,
        number: int,
        when: When,
        amount: int,
        reference: str | None,
        memo: str,
        balance: int | None,
        row: Sequence[Cell],
    ) -> tuple[Any, ...]:
        """A `Movement`'s fields."""
        line = None if self._number is None else read_whole(row[self._number])
        payer = (" ".join(filter(None, (read_text(row[at]) for at in self._payer))) or None) if self._payer else None
        virtual = None if self._virtual is None else read_text(row[self._virtual])
        undoes = self._kind is not None and is_reversal("", read_text(row[self._kind]))
        day, second = when
        return number, second, day, amount, reference, memo, payer, virtual, balance, undoes, line, ()

    def _outgo(
        self,
        number: int,
        when: When,
        amount: int,
        reference: str | None,
        memo: str,
        balance: int | None,
        row: Sequence[Cell],
        column: str,
    ) -> Movement:
        line = None if self._number is None else read_whole(row[self._number])
        kind = None if self._kind is None else read_text(row[self._kind])
        said = column in ("debit", "amount") and is_reversal(memo, kind)
        undoes = said or column == "credit"  # a credit below zero
        reference, names = references_of_debit(memo, reference, said)
        return Movement(
            number, when.second, when.day, amount, reference, memo, None, None, balance, undoes, line, names
        )

    def _failed(self, column: str, failure: Unreadable) -> str:
        """The heading that an error names: of amounts the ones there are."""
        if column == "day":
            return self.day_heading
        headings = [self._headings[name] for name in _AMOUNTS if name in self._headings]
        return " / ".join(headings[:2]) if column == "amount" else ""


def _unstack(cell: str) -> tuple[str, str | None]:
    """A day over a transaction's number in one cell."""
    match = _STACKED.fullmatch(cell)
    if match is None:
        return cell, None
    return match["day"], " ".join(match["reference"].split())
