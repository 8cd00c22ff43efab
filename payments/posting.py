"""Posting: claim kept notices, say whose money it is, and write entry, rollup and finding in one commit."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from ground import clock
from ground.logs import log
from ground.money import DONG_MAX
from payments import attribution, finding, journal
from payments.attribution import Attribution, Directory, Receipt
from payments.finding import HELD, Opened
from payments.journal import Movement

BATCH = 1000
AHEAD_MAX = timedelta(hours=24)
VIETQR_BEGINS = date(2021, 6, 1)  # no market pays by it earlier; the floor while no market is known
_LOG = log("posting")

_CLAIM = text("""
    UPDATE notice SET handled_at = :now
    WHERE id IN (SELECT id FROM notice WHERE handled_at IS NULL AND NOT id = ANY(:skip)
                 ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING id, provider, repeat_of, received_at, occurred_at, business_date, direction, amount, bank, bin,
        account, virtual_account, tokens
""")


def post_all(session: Session, stuck: list[int] | None = None) -> int:
    """Post until nothing waits; returns how many. `stuck` gathers the ids that can't be posted (our bug)."""
    skip = [] if stuck is None else stuck
    posted = 0
    while count := _post_some(session, skip):
        posted += count
    return posted


def post_batch(session: Session, limit: int = BATCH, skip: Sequence[int] = ()) -> int:
    """Claim and post in one commit; returns how many. Several processes may do so at once."""
    claimed = session.execute(_CLAIM, {"now": clock.now(), "limit": limit, "skip": list(skip)}).all()
    notices = sorted(claimed, key=lambda row: int(row.id))
    if notices:
        _post(session, notices)
    session.commit()
    return len(notices)


def _post_some(session: Session, stuck: list[int]) -> int:
    """A batch; or, where one notice of it can't be posted, the batch one by one without that one."""
    try:
        return post_batch(session, skip=stuck)
    except OperationalError:
        raise
    except Exception:
        session.rollback()
    posted = 0
    for _ in range(BATCH):
        try:
            count = post_batch(session, 1, stuck)
        except OperationalError:
            raise
        except Exception as error:
            session.rollback()
            stuck.append(_first_waiting(session, stuck))
            _LOG.error("a notice can't be posted", notice=stuck[-1], reason=repr(error))
            continue
        if count == 0:
            break
        posted += count
    return posted


def _first_waiting(session: Session, stuck: Sequence[int]) -> int:
    waiting = text("SELECT min(id) FROM notice WHERE handled_at IS NULL AND NOT id = ANY(:skip)")
    return int(session.execute(waiting, {"skip": list(stuck)}).scalar_one())


def _post(session: Session, notices: Sequence[Any]) -> None:
    incoming = [row for row in notices if row.direction == "in"]
    known = _directory(session, incoming)
    floor = _first_market(session)
    movements: list[Movement] = []
    opened: list[Opened] = []
    for row in incoming:
        doubt = _doubt(row, known, floor)
        if doubt is not None:
            opened.append(_opened(row, Attribution(None, None, doubt)))
            continue
        found = attribution.attribute(_receipt(row), known)
        movements.append(_movement(row, found))
        if found.finding is not None:
            opened.append(_opened(row, found))
    journal.write(session, movements)
    finding.open_all(session, opened)


def _doubt(row: Any, known: Directory, floor: date) -> str | None:
    """What is kept but not posted: a known id told otherwise, and what can't be believed."""
    if row.repeat_of is not None:
        return "repeated"
    openings = [service.opening for service in known.services.get(row.account, ())]
    early = row.business_date < min(openings, default=floor)
    ahead = row.occurred_at > row.received_at + AHEAD_MAX
    return "implausible" if early or ahead or row.amount > DONG_MAX else None


def _movement(row: Any, found: Attribution) -> Movement:
    kind, owner = "held", f"suspense:{row.provider}"
    if found.stall_id is not None:
        kind, owner = "sale", journal.stall_account(found.stall_id)
    return Movement(kind, f"world:{row.provider}", owner, row.amount, row.business_date, row.occurred_at, row.id)


def _opened(row: Any, found: Attribution) -> Opened:
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


_WAITING = text("""
    SELECT f.id AS finding_id, f.kind, f.candidates, n.*
    FROM finding f JOIN notice n ON n.id = f.notice_id
    WHERE f.status = 'open' AND f.kind = ANY(:kinds) AND f.stall_id IS NULL
    ORDER BY f.id FOR UPDATE OF f SKIP LOCKED
""")


def resolve_waiting(session: Session) -> int:
    """Look again at money in suspense after the registry changed; returns how many payments found their owner.

    So the books do not depend on whether the roll or the payment was known first.
    """
    waiting = session.execute(_WAITING, {"kinds": list(HELD)}).all()
    known = _directory(session, waiting)
    resolved = 0
    for row in waiting:
        found = attribution.attribute(_receipt(row), known)
        if found.stall_id is not None and found.market_id is not None:
            doubt = _opened(row, found) if found.finding else None
            finding.settle(session, row.finding_id, doubt, found.stall_id, found.market_id)
            resolved += 1
        elif (found.finding, list(found.candidates)) != (row.kind, list(row.candidates)):
            finding.see_anew(session, row.finding_id, _opened(row, found))
    session.commit()
    return resolved


def _directory(session: Session, rows: Sequence[Any]) -> Directory:
    return attribution.directory(
        session,
        [number for row in rows for number in (row.account, row.virtual_account) if number],
        [token for row in rows for token in row.tokens],
    )


def _receipt(row: Any) -> Receipt:
    return Receipt(row.account, row.virtual_account, row.bin, row.business_date, row.tokens)


def _first_market(session: Session) -> date:
    opening: date | None = session.execute(text("SELECT min(since) FROM market")).scalar_one()
    return opening or VIETQR_BEGINS
