"""Posting: claim kept notices, say whose money it is, and write entry, rollup and finding in one commit."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlmodel import Session

from ground import clock
from ground.logs import log
from ground.money import DONG_MAX
from payments import attribution, card, decision, finding, journal, other_half, reconciliation
from payments.attribution import Attribution, Directory, Receipt
from payments.finding import HELD, Opened
from payments.journal import Movement

BATCH = 1000
AHEAD_MAX = timedelta(hours=24)
VIETQR_BEGINS = date(2021, 6, 1)  # nobody paid by it earlier
# These say nothing of a notice: the store is away, read-only, or being restarted.
STORE_TROUBLE = (OperationalError, InternalError, InterfaceError)
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
    reconciliation.share(session)
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
    except STORE_TROUBLE:
        raise
    except Exception:
        session.rollback()
    posted = 0
    for _ in range(BATCH):
        try:
            count = post_batch(session, 1, stuck)
        except STORE_TROUBLE:
            raise
        except Exception as error:
            session.rollback()
            _put_aside(session, stuck, error)
            continue
        if count == 0:
            break
        posted += count
    return posted


def _put_aside(session: Session, stuck: list[int], error: Exception) -> None:
    waiting = text("SELECT min(id) FROM notice WHERE handled_at IS NULL AND NOT id = ANY(:skip)")
    first: int | None = session.execute(waiting, {"skip": stuck}).scalar_one()
    if first is None:  # another process posted it meanwhile, so it was not the notice's fault
        raise error
    stuck.append(first)
    _LOG.error("a notice can't be posted", notice=first, reason=repr(error))


def _post(session: Session, notices: Sequence[Any]) -> None:
    known = _directory(session, notices)
    movements: list[Movement] = []
    opened: list[Opened] = []
    for row in notices:
        found = attribution.attribute(_receipt(row), known)
        doubt = _doubt(row, known)
        if doubt is not None:
            opened.append(_opened(row, found._replace(finding=doubt, market_id=_market_of(row, known))))
        elif row.direction == "in":
            movements.append(_movement(row, found))
            if found.finding is not None:
                opened.append(_opened(row, found))
    journal.write(session, movements)
    finding.open_all(session, opened)
    reconciliation.meet(session, [row for row in notices if row.direction == "in"])


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
    SELECT f.id AS finding_id, f.kind, f.candidates, f.line_id, n.id, coalesce(n.provider, 'statement') AS provider,
        f.business_date, f.amount, coalesce(n.bank, f.detail ->> 'bank') AS bank, coalesce(n.bin, a.bin) AS bin,
        coalesce(n.account, a.number) AS account, coalesce(n.virtual_account, l.virtual_account) AS virtual_account,
        coalesce(n.tokens, l.tokens) AS tokens
    FROM finding f
    LEFT JOIN notice n ON n.id = f.notice_id
    LEFT JOIN statement_line l ON l.id = f.line_id
    LEFT JOIN account a ON a.id = l.account_id
    WHERE f.status = 'open' AND f.kind = ANY(:kinds) AND f.stall_id IS NULL AND NOT f.detail ? 'doubt'
    ORDER BY f.id FOR UPDATE OF f SKIP LOCKED
""")


def resolve_waiting(session: Session) -> int:
    """Look again at money in suspense after the registry changed; returns how many payments found their owner.

    So the books do not depend on whether the roll or the payment was known first.
    """
    reconciliation.share(session)
    waiting = session.execute(_WAITING, {"kinds": list(HELD)}).all()
    known = _directory(session, waiting)
    resolved = 0
    for row in waiting:
        found = attribution.attribute(_receipt(row), known)
        if found.stall_id is not None and found.market_id is not None:
            doubt = _opened(row, found) if found.finding else None
            decision.settle(session, row.finding_id, doubt, found.stall_id, found.market_id)
            resolved += 1
        elif (found.finding, list(found.candidates)) != (row.kind, list(row.candidates)):
            decision.see_anew(session, row.finding_id, _opened(row, found))
    other_half.carry_waiting(session, [row.id for row in waiting if row.id is not None])
    finding.keep_doubts(session)
    session.commit()
    return resolved


def _directory(session: Session, rows: Sequence[Any]) -> Directory:
    return attribution.directory(
        session,
        [number for row in rows for number in (row.account, row.virtual_account) if number],
        [token for row in rows for token in row.tokens],
        [row.virtual_account for row in rows if row.provider == card.PROVIDER],
    )


def _receipt(row: Any) -> Receipt:
    serial = row.virtual_account if row.provider == card.PROVIDER else None
    return Receipt(row.account, row.virtual_account, row.bin, row.business_date, row.tokens, serial)
