"""A table of lines, whatever file it came from: its rows become movements, and what else stands there is heeded."""

import re
from collections.abc import Iterable, Sequence

from ground.refusal import Refusal
from merchants.grid import Cell
from merchants.spelling import fold
from payments.statements import label, layout
from payments.statements.cell import Unreadable, read_amount, show
from payments.statements.heading import Header, find_header, repeats_header
from payments.statements.line import Helper
from payments.statements.row import Columns
from payments.statements.section import Draft, Section, StatementFile, Unclear
from payments.statements.unreadable import Errors

HEADER_WITHIN = 100
MOST_LINES = 2_000_000
_ENUMERATED = re.compile(r"\(?([0-9]{1,2})\)?(?:\.0)?")

Row = Sequence[Cell]


def read_table(rows: Iterable[tuple[int, Row]], name: str, bank: str, helper: Helper | None = None) -> StatementFile:
    """Every section of the table. Refuses an unknown layout, another bank's, one with a faulty row or sum."""
    table = _Table(name, bank, helper)
    held: tuple[int, Row] | None = None
    for number, row in rows:
        if table.header is not None:
            table.take(number, row)
        elif held is None or not table.begin(held, number, row):
            held = number, row
            table.look_above(number, row)
    if table.header is None and not (held and table.begin(held, held[0], ())):
        raise table.no_header()
    return table.finish()


class _Table:
    def __init__(self, name: str, bank: str, helper: Helper | None) -> None:
        self.header: Header | None = None
        self._columns: Columns
        self._account_at: int | None = None
        self._name, self._asked, self._bank, self._helper = name, bank, bank, helper
        self._draft = Draft(None, 1, helper)
        self._drafts: list[Draft] = [self._draft]
        self._errors = Errors()
        self._above: list[str] = []
        self._seen = 0
        self._fullest: tuple[int, Row] = (1, ())
        self._loose: list[int] = []
        self._labels: dict[int, str] = {}
        self._count = 0

    def look_above(self, number: int, row: Row) -> None:
        """A row before the headings; after a hundred of them there will be none."""
        self._seen += any(cell not in (None, "") for cell in row)
        if self._seen > HEADER_WITHIN:
            raise self.no_header()
        if sum(isinstance(cell, str) and bool(cell) for cell in row) > len(self._fullest[1]):
            self._fullest = number, [cell for cell in row if isinstance(cell, str) and cell]
        self._above += [fold(cell[:300]) for cell in row if isinstance(cell, str) and cell]
        self._heed(number, row)

    def begin(self, held: tuple[int, Row], number: int, row: Row) -> bool:
        """Whether the headings stand in the row held back, alone or with this one; then the list begins."""
        header = find_header(held[1], row, self._name, held[0])
        if header is None:
            return False
        self._set_header(header)
        self._bank = layout.recognise_layout(" | ".join(self._above), header)
        layout.check_bank(self._asked, self._bank, self._name)
        if row and find_header(held[1], (), self._name, held[0]) == header:  # not merged with the row below it
            self.take(number, row)
        return True

    def take(self, number: int, row: Row) -> None:
        """A row below the headings: a line, or whatever else stands between lines."""
        try:
            if self._account_at is not None and self._account_at < len(row):
                account = label.read_account(row[self._account_at])
                if account:
                    self._open(account, number)
            taken = self._columns.take(number, row, self._draft)
        except Unreadable as failure:
            self._other(number, row, failure)
            return
        if not taken:
            self._other(number, row, None)
            return
        if self._loose:
            self._refuse_loose()
        self._count += 1
        if self._count > MOST_LINES:
            raise Refusal("statement.too_many_lines", status=413, name=self._name, most=MOST_LINES)

    def finish(self) -> StatementFile:
        self._errors.check(self._name)
        assert self.header is not None
        sections: list[Section] = []
        for draft in self._drafts:
            if len(draft.lines) or draft.period or draft.block.opening is not None:
                sections.append(draft.finish(self._name, self.header.headings))
        if not sections:
            raise Refusal("statement.no_lines", name=self._name)
        return StatementFile(self._bank, tuple(sections))

    def no_header(self) -> Refusal:
        number, row = self._fullest
        found = ", ".join(f"“{show(cell)[:30]}”" for cell in row[:12]) or "–"
        return Refusal("statement.no_header", name=self._name, row=number, found=found)

    def _set_header(self, header: Header) -> None:
        self.header = header
        self._columns, self._account_at = Columns(header), header.account

    def _other(self, number: int, row: Row, failure: Unreadable | None) -> None:
        """No line: a label, the headings again, sums, text; or a line that can't be read, which is an error."""
        if all(cell is None or cell == "" for cell in row):
            return
        if self._repeats(number, row) or _is_enumeration(row) or self._heed(number, row):
            self._loose = []
            return
        if label.is_total(row):
            self._tell_total(number, row)
        elif failure or self._columns.has_amount(row):
            self._judge(number, row, failure)
        elif self._columns.has_only_memo(row):
            self._loose.append(number)

    def _judge(self, number: int, row: Row, failure: Unreadable | None) -> None:
        """A row with an amount, or with a day and something beside it, ought to be a line."""
        column = str(failure.params.pop("column", "")) if failure else ""
        if self._columns.has_amount(row) or (column and self._columns.says_more(row)):
            failure = failure or Unreadable("statement.no_date")
            self._errors.add(number, column or self._columns.day_heading, failure)

    def _refuse_loose(self) -> None:
        """Text alone between two lines belongs to one of them, and nothing tells to which."""
        for number in self._loose:
            self._errors.add(number, self._columns.memo_heading, Unreadable("statement.loose_text"))
        self._loose = []

    def _repeats(self, number: int, row: Row) -> bool:
        if not repeats_header(row):
            return False
        header = find_header(row, (), self._name, number)
        if header is not None and header.places.keys() == self._columns.places.keys():
            self._set_header(header)
        return True

    def _tell_total(self, number: int, row: Row) -> None:
        self._loose = []
        try:
            told = {column: read_amount(cell) for column, cell in self._columns.sums(row) if column != "amount"}
        except Unreadable as failure:
            self._errors.add(number, show(next(cell for cell in row if isinstance(cell, str) and cell)), failure)
            return
        self._draft.totals.tell(number, {column: amount for column, amount in told.items() if amount is not None})

    def _heed(self, number: int, row: Row) -> bool:
        """Takes what the row says of account, balances, period and currency; whether it said any."""
        text = " ".join(cell for cell in row if isinstance(cell, str) and cell)[:1000]
        currency = label.read_currency(text)
        if currency:
            raise Refusal("statement.foreign", name=self._name, currency=currency)
        heeded = self._heed_below(number, row)
        for kind, value in () if heeded else label.read_labels(row):
            if kind == "account":
                account = label.read_account(value)
                heeded = heeded or account is not None
                if account:
                    self._open(account, number)
            else:
                heeded = self._heed_amount(number, kind, self._balance_cell(row, value)) or heeded
        period = label.read_period(text)
        if period and not len(self._draft.lines):  # what is said of days below the lines is of something else
            self._draft.cover(*period)
        return heeded

    def _heed_below(self, number: int, row: Row) -> bool:
        """Values right below a row of nothing but labels."""
        labels, self._labels = self._labels, label.list_labels(row)
        values = {at: cell for at, cell in enumerate(row) if cell not in (None, "")}
        if not values or not values.keys() <= labels.keys():
            return bool(self._labels)
        told = [self._heed_amount(number, labels[at], cell) for at, cell in values.items() if labels[at] != "account"]
        return any(told)

    def _heed_amount(self, number: int, kind: str, value: Cell) -> bool:
        try:
            amount = label.read_balance(value)
        except Unreadable as failure:
            self._errors.add(number, show(value), failure)
            return True
        if amount is None:
            return kind == "carried"
        try:
            if kind == "opening":
                self._draft.tell_opening(number, amount)
            elif kind == "closing":
                self._draft.tell_closing(number, amount)
            elif kind != "carried":
                self._draft.totals.tell(number, {kind: amount})
        except Unclear as unclear:
            raise Refusal("statement.unclear_balance", name=self._name, row=unclear.row) from unclear
        return True

    def _balance_cell(self, row: Row, value: Cell) -> Cell:
        """Within the list a balance stands in the column of balances, whatever zeros stand before it."""
        if self.header is None or not value:
            return value
        at = self.header.places.get("balance")
        return row[at] if at is not None and at < len(row) and row[at] not in (None, "") else value

    def _open(self, account: str, number: int) -> None:
        """Another account's section begins, or goes on; the first number told names the section so far."""
        if self._draft.account is None:
            self._draft.account = account
        if self._draft.account != account:
            known = [draft for draft in self._drafts if draft.account == account]
            self._draft = known[0] if known else Draft(account, number, self._helper)
            if not known:
                self._drafts.append(self._draft)


def _is_enumeration(row: Row) -> bool:
    """`(1) (2) (3) …` below the headings, as on official forms: at least three, each one higher."""
    matches = [_ENUMERATED.fullmatch(str(cell).strip()) for cell in row if cell not in (None, "")]
    numbers = [int(match[1]) for match in matches if match]
    return len(matches) == len(numbers) >= 3 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
