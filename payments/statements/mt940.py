"""SWIFT MT940 statements, read by the `mt-940` library a stretch at a time, with the line each one stands on."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from mt940 import Options
from mt940.models import Amount, Balance, SumAmount, Transactions

from ground.refusal import Refusal
from merchants.spelling import clean
from payments.statements.cell import AMOUNT_MAX, Unreadable, read_memo
from payments.statements.line import Helper, Movement
from payments.statements.reversal import named
from payments.statements.section import Block, Draft, StatementFile, normal
from payments.statements.table import MOST_LINES
from payments.statements.unreadable import Errors

# Lines given to the library at once: it holds some 2 kB for each.
_STRETCH = 500
_OPTIONS = Options.all()
# What the library makes of German structured details is no use here; memos are kept as they stand.
_PLAIN: dict[str, list[Any]] = {"post_transaction_details": []}
_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS):")
_ENVELOPE = re.compile(r"\{[1235]:[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
_SUBFIELD = re.compile(r"\?[0-9]{2}")
_ABSENT = ("", "NONREF", "NOTPROVIDED")
_IN = ("C", "RD")


@dataclass
class _Message:
    """One statement: the tags before its lines, the lines since the last stretch, the tags after them."""

    number: int
    head: list[str] = field(default_factory=list)
    entries: list[tuple[int, list[str]]] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    draft: Draft | None = None


def read_mt940(lines: Iterable[tuple[int, str]], name: str, helper: Helper | None = None) -> StatementFile:
    """Every message in the file; those of one account follow each other as one section."""
    reading = _Reading(name, helper)
    for number, line in _bare(lines):
        reading.take(number, line)
    return reading.finish()


class _Reading:
    def __init__(self, name: str, helper: Helper | None) -> None:
        self._name, self._helper = name, helper
        self._errors = Errors()
        self._drafts: dict[str, Draft] = {}
        self._message: _Message | None = None
        self._count = 0

    def take(self, number: int, line: str) -> None:
        tag = _TAG.match(line)
        if tag and tag[1] == "20":
            self._close()
            self._message = _Message(number)
        message = self._message
        if message is None:
            return
        if tag and tag[1] == "61":
            if len(message.entries) >= _STRETCH:
                self._flush(message)
            message.entries.append((number, [line]))
        elif message.tail or (tag and message.entries and tag[1] not in ("86", "NS")):
            message.tail.append(line)
        elif message.entries:
            message.entries[-1][1].append(line)
        elif tag and tag[1].startswith("62"):
            message.tail.append(line)
        else:
            message.head.append(line)

    def finish(self) -> StatementFile:
        self._close()
        self._errors.check(self._name)
        if not self._drafts:
            raise Refusal("statement.no_message", name=self._name)
        return StatementFile("mt940", tuple(draft.finish(self._name) for draft in self._drafts.values()))

    def _close(self) -> None:
        message = self._message
        if message is None:
            return
        self._flush(message)
        assert message.draft is not None
        told = self._parse(message, message.head + message.tail)
        if told is None:
            return
        self._tell_balances(message, message.draft, told.data)

    def _flush(self, message: _Message) -> None:
        """Gives the library the lines read so far; one it can't read is looked for one by one."""
        if message.draft is None:
            message.draft = self._begin(message)
        texts = [line for _, entry in message.entries for line in entry]
        told = self._parse(message, message.head + texts, quiet=True) if texts else None
        if told is not None and len(told.transactions) == len(message.entries):
            for (number, _), transaction in zip(message.entries, told.transactions, strict=True):
                self._add(message.draft, number, transaction.data)
        else:
            for number, entry in message.entries:
                alone = self._parse(message, message.head + entry, quiet=True)
                if alone is not None and len(alone.transactions) == 1:
                    self._add(message.draft, number, alone.transactions[0].data)
                else:
                    self._errors.add(number, ":61:", Unreadable("statement.bad_tag"))
        message.entries = []

    def _begin(self, message: _Message) -> Draft:
        """The account's draft, with a new block for this message."""
        told = self._parse(message, message.head)
        data = told.data if told is not None else {}
        account = _account(str(data.get("account_identification") or ""))
        if account is None and told is not None:
            raise Refusal("statement.no_account", name=self._name, row=message.number)
        currency = told.currency if told is not None else None
        if currency not in (None, "VND"):
            raise Refusal("statement.foreign", name=self._name, currency=currency)
        known = self._drafts.get(account or "")
        draft = known or self._drafts.setdefault(account or "", Draft(account, message.number, self._helper))
        if known:
            draft.blocks.append(Block(message.number))
        return draft

    def _parse(self, message: _Message, lines: list[str], quiet: bool = False) -> Transactions | None:
        read = Transactions(_PLAIN, options=_OPTIONS)
        try:
            read.parse("\n".join(lines))
        except (RuntimeError, ValueError, ArithmeticError):
            if not quiet:
                self._errors.add(message.number, ":20:", Unreadable("statement.bad_tag"))
            return None
        return read

    def _add(self, draft: Draft, number: int, data: dict[str, Any]) -> None:
        try:
            movement = _movement(number, data)
        except Unreadable as failure:
            self._errors.add(number, ":61:", failure)
            return
        draft.add(movement)
        draft.totals.add("credit" if movement.amount > 0 else "debit", movement.amount)
        draft.follow(number, movement.day, movement.amount, None)
        self._count += 1
        if self._count > MOST_LINES:
            raise Refusal("statement.too_many_lines", status=413, name=self._name, most=MOST_LINES)

    def _tell_balances(self, message: _Message, draft: Draft, data: dict[str, Any]) -> None:
        opening, closing = _balance(data, "opening"), _balance(data, "closing")
        for balance in (opening, closing):
            if balance and balance.currency not in (None, "VND"):
                raise Refusal("statement.foreign", name=self._name, currency=balance.currency)
        try:
            if opening:
                draft.block.opening = _signed(opening.amount)
            if closing:
                draft.block.closing = _signed(closing.amount)
            self._check_sums(message, draft, data)
        except Unreadable as failure:
            self._errors.add(message.number, ":60: / :62:", failure)
        if opening and closing and opening.date and closing.date:
            draft.cover(_first_day(opening.date, closing.date, draft.block), closing.date)

    def _check_sums(self, message: _Message, draft: Draft, data: dict[str, Any]) -> None:
        """:90C: and :90D: against the lines since the message before."""
        sums: dict[str, int] = {}
        for column, key in (("credit", "sum_credit_entries"), ("debit", "sum_debit_entries")):
            told = data.get(key)
            if isinstance(told, SumAmount):
                sums[column] = _signed(told.amount)
        draft.totals.tell(message.number, sums)


def _bare(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Without the envelope of a SWIFT message."""
    for number, line in lines:
        if line[:1] in ("{", "-", "}"):
            line = _ENVELOPE.sub("", line).removeprefix("{4:").strip()
            if line in ("", "-", "-}", "}") or line.startswith("-}"):
                continue
        if line.strip():
            yield number, line.rstrip()


def _movement(number: int, data: dict[str, Any]) -> Movement:
    """`:61:` with its `:86:`. The value date is the transaction's; RC and RD undo a credit and a debit."""
    mark = str(data["status"]).upper()
    amount = abs(_signed(data["amount"].amount))
    if not 0 < amount < AMOUNT_MAX:
        raise Unreadable("statement.huge" if amount else "statement.no_amount", text=str(amount))
    memo = read_memo(_details(data))
    bank, own = (_reference(data.get(key)) for key in ("bank_reference", "customer_reference"))
    undoes, day = mark.startswith("R"), data["date"].toordinal()
    references = [reference for reference in ((own, bank) if undoes else (bank, own)) if reference]
    others = (*references[1:], *(named(memo) if mark not in _IN else ()))
    return Movement(
        number,
        None,
        day,
        amount if mark in _IN else -amount,
        references[0] if references else None,
        memo,
        reversal=undoes,
        named=others,
    )


def _details(data: dict[str, Any]) -> str:
    """`:86:` in one line; without it what stands below `:61:`."""
    text = str(data.get("transaction_details") or data.get("extra_details") or "")
    return clean(_SUBFIELD.sub(" ", text) if re.match(r"[0-9]{3}\?", text) else text)


def _reference(text: object) -> str | None:
    bare = clean(str(text or ""))
    return None if bare.upper() in _ABSENT else bare


def _account(told: str) -> str | None:
    """`:25:` may put the bank's code before the number, and the currency behind it."""
    number = told.strip().rpartition("/")[2]
    return normal(re.sub(r"\s*VND$", "", number)) or None


class _Told(NamedTuple):
    """A balance."""

    amount: Decimal
    currency: str | None
    date: date | None


def _balance(data: dict[str, Any], which: str) -> _Told | None:
    for kind in ("final", "intermediate", ""):
        balance = data.get(f"{kind}_{which}_balance".lstrip("_"))
        if isinstance(balance, Balance) and isinstance(balance.amount, Amount):
            return _Told(balance.amount.amount, balance.amount.currency, balance.date)
    return None


def _signed(amount: Decimal) -> int:
    if amount != int(amount):
        raise Unreadable("statement.fraction", text=str(amount))
    return int(amount)


def _first_day(opened: date, closed: date, block: Block) -> date:
    """An opening balance is dated on the day itself or on the day before; only a line on that day tells."""
    lines = min(block.first, block.last) if block.first else closed.toordinal()
    return min(opened + timedelta(days=1), closed, max(opened, date.fromordinal(lines)))
