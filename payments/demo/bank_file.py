"""What the banks say in the demo: a file for each account of one market, brought in and reconciled as any other is."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from random import Random

from sqlalchemy import Row, text
from sqlmodel import Session

from ground import clock
from ground.store import Store
from payments import reconciliation, statement
from payments.reconciliation import Reconciled
from payments.statements import reading

MARKET = "pho-hai-san"
BY = "demo"
LACKING, UNTOLD = 0.002, 0.004  # of the notices: without a line; of the lines: without a notice
_HEADINGS = ("Ngày giao dịch / Transaction date", "Số tham chiếu / Reference", "Nội dung / Description")
_AMOUNTS = ("Ghi nợ / Debit", "Ghi có / Credit")
# What the vendors' own accounts were told of; the payment's memo is in no clear column, its token is.
_NOTICES = text("""
    SELECT a.id AS account_id, a.bin, a.number, n.occurred_at, n.direction, n.amount, n.reference, n.tokens
    FROM notice n JOIN account a ON a.number = n.account AND (n.bin IS NULL OR a.bin = n.bin)
    WHERE n.repeat_of IS NULL AND n.business_date BETWEEN :first AND :last AND a.id IN (
        SELECT state.account_id FROM stall_state state JOIN stall s ON s.id = state.stall_id
        JOIN market m ON m.id = s.market_id WHERE m.code = :market)
    ORDER BY a.id, n.occurred_at, n.id
""")


def reconcile(books: Store, folder: Path, first: date, last: date) -> Reconciled:
    """The files of these days stand in `folder` for whoever wants to try one."""
    folder.mkdir(parents=True, exist_ok=True)
    random = Random(f"{last}/bank")
    with books.session() as session:
        rows: dict[int, list[Row[tuple[object, ...]]]] = {}
        for row in session.execute(_NOTICES, {"market": MARKET, "first": first, "last": last}):
            rows.setdefault(row.account_id, []).append(row)
        for account_id, told in rows.items():
            file = folder / f"{told[0].bin}-{told[0].number}.csv"
            _write(file, list(_lines(random, told)))
            _take_in(books, session, account_id, file)
        session.commit()
    return reconciliation.reconcile(books, last)


def _lines(random: Random, told: Sequence[Row[tuple[object, ...]]]) -> Iterator[tuple[str, str, str, str, str]]:
    for row in told:
        if random.random() < LACKING:
            continue
        when = row.occurred_at.astimezone(clock.ZONE)
        debit, credit = ("", str(row.amount)) if row.direction == "in" else (str(row.amount), "")
        yield f"{when:%d/%m/%Y %H:%M:%S}", row.reference or "", " ".join(row.tokens), debit, credit
        if row.direction == "in" and random.random() < UNTOLD:
            amount = 1000 * random.randint(20, 400)
            yield f"{when:%d/%m/%Y %H:%M}:59", f"{row.reference}9", " ".join(row.tokens), "", str(amount)


def _write(file: Path, lines: Sequence[tuple[str, ...]]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        csv.writer(opened).writerows([(*_HEADINGS, *_AMOUNTS), *lines])


def _take_in(books: Store, session: Session, account_id: int, file: Path) -> None:
    read = reading.read(file, bank="csv")
    (section,) = read.sections
    statement.take_in(session, books.vault, account_id, section, bank=read.bank, by=BY)
