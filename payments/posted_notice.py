"""Notices in the books: posted the first time, or again after they were taken off."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from ground.money import DONG_MAX
from payments import attribution, card, finding, journal
from payments.attribution import Attribution, Directory, Receipt
from payments.finding import Opened
from payments.movement import Movement

AHEAD_MAX = timedelta(hours=24)
VIETQR_BEGINS = date(2021, 6, 1)  # nobody paid by it earlier


def write(session: Session, notices: Sequence[Any]) -> None:
    """Entries and findings of notices that were never posted."""
    known = directory(session, notices)
    movements: list[Movement] = []
    opened: list[Opened] = []
    for row in notices:
        found = attribution.attribute(receipt(row), known)
        doubt = _doubt(row, known)
        if doubt is not None:
            opened.append(to_be_asked(row, found._replace(finding=doubt, market_id=_market_of(row, known))))
        elif row.direction == "in":
            movements.append(_movement(row, found))
            if found.finding is not None:
                opened.append(to_be_asked(row, found))
    journal.write(session, movements)
    finding.open_all(session, opened)


def restore(session: Session, notices: Sequence[Any]) -> None:
    """What was taken off the books, on them again: where a person said (`decided`), else as the registry says now."""
    known = directory(session, notices)
    positions = journal.positions_of_notices(session, [row.id for row in notices])
    movements: list[Movement] = []
    opened: list[Opened] = []
    for row in notices:
        found = attribution.attribute(receipt(row), known)
        position = positions[row.id]
        if not row.decided:
            position = position._replace(account=_movement(row, found).credit)
        movements += journal.right(
            position, row.amount, f"world:{row.provider}", by=None, taken=False, notice_id=row.id
        )
        if found.finding is not None:
            opened.append(to_be_asked(row, found))
    journal.write(session, [each._replace(reason="feed") for each in movements])
    finding.open_all(session, opened)


def _doubt(row: Any, known: Directory) -> str | None:
    """What is kept but not posted: a known id told otherwise, and incoming money that can't be believed.

    "Before the market" is before every market that the receiving account has ever served; an account of nobody
    has no market yet, so that only what is older than VietQR itself is out of the question.
    """
    if row.repeat_of is not None:
        return "repeated"
    if row.direction != "in":
        return None
    numbers = (row.account, row.virtual_account)
    openings = [service.opening for number in numbers for service in known.services.get(number, ())]
    early = row.business_date < min(openings, default=VIETQR_BEGINS)
    ahead = row.occurred_at > row.received_at + AHEAD_MAX
    return "implausible" if early or ahead or row.amount > DONG_MAX else None


def _market_of(row: Any, known: Directory) -> int | None:
    """The market whose stalls the receiving account has served, whenever, so that its board sees the finding."""
    markets = {service.market_id for service in known.services.get(row.account, ())}
    return markets.pop() if len(markets) == 1 else None


def _movement(row: Any, found: Attribution) -> Movement:
    kind, owner = "held", f"suspense:{row.provider}"
    if found.stall_id is not None:
        kind, owner = "sale", journal.stall_account(found.stall_id)
    return Movement(kind, f"world:{row.provider}", owner, row.amount, row.business_date, row.occurred_at, row.id)


def to_be_asked(row: Any, found: Attribution) -> Opened:
    """The finding about a notice, or about a line in its place."""
    assert found.finding is not None
    detail = {"account": row.account, "bank": row.bank, "tokens": list(found.foreign)}
    return Opened(
        found.finding,
        row.id,
        row.business_date,
        row.amount,
        found.market_id,
        found.stall_id,
        found.candidates,
        detail,
    )


def directory(session: Session, rows: Sequence[Any]) -> Directory:
    """What the registry says of all that these notices name."""
    return attribution.directory(
        session,
        [number for row in rows for number in (row.account, row.virtual_account) if number],
        [token for row in rows for token in row.tokens],
        [row.virtual_account for row in rows if row.provider == card.PROVIDER],
    )


def receipt(row: Any) -> Receipt:
    """What may be looked at of a notice."""
    serial = row.virtual_account if row.provider == card.PROVIDER else None
    return Receipt(row.account, row.virtual_account, row.bin, row.business_date, row.tokens, serial)
