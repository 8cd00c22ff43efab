"""What a statement file says of each account: its lines, its balances, the days it covers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from ground import money
from ground.refusal import Refusal
from payments.statements.balance import Chain, Totals
from payments.statements.cell import AMOUNT_MAX
from payments.statements.line import Helper, Lines, Movement


@dataclass(frozen=True)
class Section:
    """One account. `balanced`: opening + credits − debits = closing; None, like these, where no balance is told.

    first and last: the period the file tells, else that of its lines; None without either.
    """

    account: str | None
    lines: Lines
    opening: int | None
    closing: int | None
    balanced: bool | None
    first: date | None
    last: date | None
    credits: int
    debits: int


@dataclass(frozen=True)
class StatementFile:
    """`bank`: the layout it was read in."""

    bank: str
    sections: tuple[Section, ...]


@dataclass
class Block:
    """A stretch of lines with its own opening and closing balance: a message, a page, a day."""

    row: int
    opening: int | None = None
    closing: int | None = None
    chain: Chain = field(default_factory=Chain)
    first: int = 0
    last: int = 0


class Draft:
    """A section while it is read."""

    def __init__(self, account: str | None, row: int, helper: Helper | None = None) -> None:
        self.account = account
        self.blocks = [Block(row)]
        self.lines = Lines(helper)
        self.totals = Totals()
        self.credits = self.debits = 0
        self.period: tuple[date, date] | None = None
        self.earliest, self.latest = date.max.toordinal(), 0

    @property
    def block(self) -> Block:
        return self.blocks[-1]

    def add(self, movement: Movement) -> None:
        if movement.amount > 0:
            self.credits += movement.amount
        else:
            self.debits -= movement.amount
        self.lines.add(movement)

    def receive(self, movement: tuple[Any, ...], amount: int) -> None:
        """As `add`, for money coming in told as a bare tuple of a `Movement`'s fields."""
        self.credits += amount
        self.lines.add_packed(movement)

    def follow(self, row: int, day: int, net: int, balance: int | None) -> None:
        """A row's effect on the balance, after its movements were added."""
        block = self.blocks[-1]
        block.chain.add(row, net, balance)
        if day != block.last:
            block.last = day
            block.first = block.first or day
            self.earliest, self.latest = min(day, self.earliest), max(day, self.latest)

    def tell_opening(self, row: int, amount: int) -> None:
        """The same again is a page's heading; another one after lines opens a new block."""
        block = self.block
        if block.opening is None:
            block.opening = amount
        elif block.opening != amount and (block.first or block.closing is not None):
            self.blocks.append(Block(row, opening=amount))
        elif block.opening != amount:
            raise Unclear(row)

    def tell_closing(self, row: int, amount: int) -> None:
        if self.block.closing not in (None, amount):
            raise Unclear(row)
        self.block.closing = amount

    def cover(self, first: date, last: date) -> None:
        if first <= last:
            known = self.period or (first, last)
            self.period = min(first, known[0]), max(last, known[1])

    def finish(self, name: str, headings: dict[str, str] | None = None) -> Section:
        """Refuses what does not balance, saying where it breaks."""
        settled = []
        for block in self.blocks:
            newest_first = None if block.first == block.last else block.first > block.last
            opening, closing = block.chain.settle(block.opening, block.closing, newest_first, name)
            settled.append((block.row, opening, closing))
        self.totals.check(name, headings or {}, self.credits, self.debits)
        if max(self.credits, self.debits) >= AMOUNT_MAX:
            raise Refusal("statement.sums_too_huge", name=name)
        opening, closing = _join(settled, name)
        known = opening is not None and closing is not None
        first, last = self._span()
        return Section(
            account=self.account,
            lines=self.lines,
            opening=opening,
            closing=closing,
            balanced=True if known else None,
            first=first,
            last=last,
            credits=self.credits,
            debits=self.debits,
        )

    def _span(self) -> tuple[date | None, date | None]:
        if self.period:
            return self.period
        if not self.latest:
            return None, None
        return date.fromordinal(self.earliest), date.fromordinal(self.latest)


class Unclear(Exception):
    """Two different balances are told for one and the same moment."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def choose(read: StatementFile, account: str) -> Section:
    """The section of that account, however it is spaced; of a file that names none, its only section.

    Excel drops leading zeros and banks hide digits behind stars, so both are allowed for where exactly one fits.
    """
    wanted = normal(account)
    exact = [section for section in read.sections if section.account == wanted]
    alike = exact or [section for section in read.sections if section.account and _alike(section.account, wanted)]
    if len(alike) == 1:
        return alike[0]
    if len(read.sections) == 1 and read.sections[0].account is None:
        return read.sections[0]
    named = ", ".join(section.account or "–" for section in read.sections)
    raise Refusal("statement.other_account", account=wanted, accounts=named)


def normal(account: str) -> str:
    """Letters, digits and stars; separators are only for the eye."""
    return "".join(sign for sign in account.upper() if sign.isascii() and (sign.isalnum() or sign == "*"))


def _alike(told: str, wanted: str) -> bool:
    if "*" not in told:
        return told.lstrip("0") == wanted.lstrip("0")
    return len(told) == len(wanted) and all(sign in ("*", other) for sign, other in zip(told, wanted, strict=True))


def _join(settled: Sequence[tuple[int, int | None, int | None]], name: str) -> tuple[int | None, int | None]:
    """Opening of the earliest block, closing of the latest: each opens where the one before it closed."""
    if len(settled) == 1:
        return settled[0][1:]
    if any(None in block for block in settled):
        return None, None
    gaps = []
    for order in (settled, settled[::-1]):
        gap = next((pair for pair in pairwise(order) if pair[0][2] != pair[1][1]), None)
        if gap is None:
            return order[0][1], order[-1][2]
        gaps.append(gap)
    (_, _, closed), (row, opened, _) = gaps[0]
    assert closed is not None and opened is not None
    raise Refusal("statement.gap", name=name, row=row, closed=money.show(closed), opened=money.show(opened))
