"""Whether a statement's lines lead from its opening balance to its closing one, and where they first don't."""

from typing import NamedTuple

from ground import money
from ground.refusal import Refusal
from payments.statements.cell import show


class Break(NamedTuple):
    """A row whose balance doesn't follow: what the file says there, and what the row before makes it."""

    row: int
    told: int
    expected: int


class Run:
    """Running balances in one file order. `closing` follows from the last one told, `opening` from the first."""

    __slots__ = ("breaks", "closing", "opening", "worst")

    def __init__(self) -> None:
        self.opening = self.closing = self.breaks = 0
        self.worst: tuple[int, int, int] | None = None  # a Break's; nearly every row has one against the order

    def fits(self, opening: int | None, closing: int | None) -> bool:
        return not self.breaks and opening in (None, self.opening) and closing in (None, self.closing)


class Chain:
    """The balances of one block of lines, followed in both orders at once: many banks put the newest line first."""

    def __init__(self) -> None:
        self.net = self.known = 0
        self._down, self._up = Run(), Run()  # the file's order, and against it
        self._row = self._balance = self._step = self._since = 0
        self._first: tuple[int, int] = (0, 0)  # row and balance of the first row that tells one
        self._only_zeros = True

    def add(self, row: int, net: int, balance: int | None) -> None:
        """A row that moves `net` đồng; `balance` after it, None where the row doesn't tell."""
        self.net += net
        if balance is None:
            self._since += net
            return
        if self.known:
            last, since = self._balance, self._since
            if balance != last + since + net:
                down = self._down
                down.breaks += 1
                down.worst = down.worst or (row, balance, last + since + net)
            # Against the file's order the row above comes after this one: its balance has to follow from here.
            if last != balance + self._step + since:
                up = self._up
                up.breaks += 1
                up.worst = (self._row, last, balance + self._step + since)
        else:
            self._first = row, balance
            self._down.opening = balance - self._since - net
            self._up.closing = balance + self._since
        self.known += 1
        self._row, self._balance, self._step, self._since = row, balance, net, 0
        if balance:
            self._only_zeros = False

    def settle(
        self, opening: int | None, closing: int | None, newest_first: bool | None, name: str
    ) -> tuple[int | None, int | None]:
        """The block's opening and closing balance, told or following from running ones; refused where it breaks.

        `newest_first`: what the days say of the order, None where they are all one. Where balances fit in both
        orders, and differently, and nothing decides, none is told.
        """
        if self.known:
            self._down.closing = self._balance + self._since
            self._up.opening = self._balance - self._step - self._since
            runs = (self._up, self._down) if newest_first else (self._down, self._up)
            found = [(run.opening, run.closing) for run in runs if self._fits(run, opening, closing)]
            if found:
                return found[0] if newest_first is not None or len(set(found)) == 1 else (None, None)
            if not self._only_zeros:
                raise self._refusal(opening, closing, runs, name)
        if opening is not None and closing is not None and opening + self.net != closing:
            raise _totals(name, opening, closing, self.net)
        return opening, closing

    def _fits(self, run: Run, opening: int | None, closing: int | None) -> bool:
        """Some exports fill the balance column with zeros: that tells nothing, and would open below zero."""
        return run.fits(opening, closing) and not (self._only_zeros and opening is None and run.opening < 0)

    def _refusal(self, opening: int | None, closing: int | None, likely: tuple[Run, Run], name: str) -> Refusal:
        """Told for the order that breaks less often, and there for the row that is first in time."""
        run = min(likely, key=lambda run: (run.breaks, not run.fits(opening, None)))
        if opening is not None and opening != run.opening:
            row, told = self._first if run is self._down else (self._row, self._balance)
            return _at_row(name, Break(row, told, told + opening - run.opening))
        if run.worst is not None:
            return _at_row(name, Break(*run.worst))
        assert closing is not None
        return _totals(name, run.opening, closing, self.net)


def _at_row(name: str, broken: Break) -> Refusal:
    return Refusal(
        "statement.breaks_at_row",
        name=name,
        row=broken.row,
        told=money.show(broken.told),
        expected=money.show(broken.expected),
        difference=money.show(broken.told - broken.expected),
    )


def _totals(name: str, opening: int, closing: int, net: int) -> Refusal:
    return Refusal(
        "statement.breaks_in_total",
        name=name,
        opening=money.show(opening),
        net=money.show(net),
        closing=money.show(closing),
        expected=money.show(opening + net),
        difference=money.show(closing - opening - net),
    )


class Totals:
    """A totals row's sums against the lines': of the page, of what came so far, or of all."""

    def __init__(self) -> None:
        self.sums: dict[str, int] = {}
        self._page: dict[str, int] = {}
        self._unmet: list[tuple[int, str, int]] = []

    def add(self, column: str, amount: int) -> None:
        self.sums[column] = self.sums.get(column, 0) + amount

    def tell(self, row: int, told: dict[str, int]) -> None:
        """A row of sums by column; whatever it doesn't meet now it has to meet at the end."""
        for column, amount in told.items():
            total = self.sums.get(column, 0)
            page = total - self._page.get(column, 0)
            if abs(amount) not in (abs(total), abs(page)):
                self._unmet.append((row, column, amount))
        self._page = dict(self.sums)

    def check(self, name: str, headings: dict[str, str], credits: int, debits: int) -> None:
        """Sums told of all credits or debits may count fees in."""
        every = {"credit": credits, "debit": debits}
        for row, column, amount in self._unmet:
            total = self.sums.get(column, every.get(column, 0))
            if abs(amount) not in (abs(total), every.get(column, abs(total))):
                raise Refusal(
                    "statement.total_differs",
                    name=name,
                    row=row,
                    column=show(headings.get(column, column)),
                    told=money.show(abs(amount)),
                    sum=money.show(abs(total)),
                )
