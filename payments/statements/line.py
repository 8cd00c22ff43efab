"""A statement's line: one movement on an account, and how a million of them are held at once."""

import marshal
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple

Direction = Literal["in", "out"]
Watcher = Callable[[int], None]
"""Hears now and then how many lines are done."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 2048
_DAY = 2  # where a line tells it


def nobody(count: int) -> None:
    """Watches."""


class Line(NamedTuple):
    """One movement. Of money going out neither memo nor payee is told: whom a vendor pays is hers.

    row: the file's row, line or (camt) entry. second: since 1970 in UTC, None where only the day is told. day: as
    `date.toordinal` counts, the transaction's, not the posting's. net: whole đồng, below 0 for money going out.
    reference: the bank's own; of a reversal the one it reverses. balance: the account's after this line. reversal: the
    bank marks it as undoing an earlier line. number: the layout's own line number. named: further references it
    carries; of a debit all of them, only to be compared or hashed, never to be kept or shown.
    """

    row: int
    second: int | None
    day: int
    net: int
    reference: str | None
    memo: str
    payer: str | None
    virtual_account: str | None
    balance: int | None
    reversal: bool
    number: int | None
    named: tuple[str, ...]

    @property
    def occurred_at(self) -> datetime | None:
        return None if self.second is None else _EPOCH + timedelta(seconds=self.second)

    @property
    def business_date(self) -> date:
        return date.fromordinal(self.day)

    @property
    def direction(self) -> Direction:
        return "in" if self.net > 0 else "out"

    @property
    def amount(self) -> int:
        """Above 0."""
        return abs(self.net)


class Movement(NamedTuple):
    """A line as a layout tells it, before what is nobody's business is left out. `second`: since 1970 in UTC."""

    row: int
    second: int | None
    day: int
    amount: int
    reference: str | None = None
    memo: str = ""
    payer: str | None = None
    virtual_account: str | None = None
    balance: int | None = None
    reversal: bool = False
    number: int | None = None
    named: tuple[str, ...] = ()


class Lines:
    """Lines in the file's order, to be gone through any number of times; packed, a million take some 50 MB.

    full: those packed so far, `_CHUNK` each; `helper` hears when there is one more.
    """

    def __init__(self, helper: "Helper | None" = None) -> None:
        self.full: list[bytes] = []
        self._helper = helper
        self._open: list[tuple[Any, ...]] = []
        self._first, self._last = date.max.toordinal(), 1  # of the days of those packed

    def add(self, movement: Movement) -> None:
        """`movement.amount` is negative for money going out."""
        self.add_packed(tuple(movement) if movement.amount > 0 else _outgoing(movement))

    def add_packed(self, movement: tuple[Any, ...]) -> None:
        """Money that came in, as a bare tuple: a file has a million of them."""
        self._open.append(movement)
        if len(self._open) == _CHUNK:
            self._first, self._last = (day.toordinal() for day in self.days())
            self.full.append(_pack(self._open))
            self._open = []
            if self._helper:
                self._helper(self)

    def __len__(self) -> int:
        return len(self.full) * _CHUNK + len(self._open)

    def __iter__(self) -> Iterator[Line]:
        for packed in self.packed():
            yield from unpack(packed)

    def packed(self) -> Iterator[bytes]:
        """For `unpack`, some thousands of lines at a time."""
        yield from self.full
        if self._open:
            yield _pack(self._open)

    def days(self) -> tuple[date, date]:
        """The first and the last day of any line, if there is one."""
        days = [line[_DAY] for line in self._open]
        first, last = min([self._first, *days]), max([self._last, *days])
        return date.fromordinal(first), date.fromordinal(last)


Helper = Callable[[Lines], None]


def _pack(lines: list[tuple[Any, ...]]) -> bytes:
    return zlib.compress(marshal.dumps(lines), 1)


def unpack(packed: bytes) -> list[Line]:
    return list(map(Line._make, marshal.loads(zlib.decompress(packed))))


def _outgoing(movement: Movement) -> tuple[Any, ...]:
    """Without memo and payee; a reversal says what it reverses. References move to `named`, for comparing."""
    reference = movement.reference if movement.reversal else None
    named = dict.fromkeys((movement.reference, *movement.named))
    kept = tuple(name for name in named if name and name != reference)
    bare = movement._replace(reference=reference, memo="", payer=None, virtual_account=None, named=kept)
    return tuple(bare)
