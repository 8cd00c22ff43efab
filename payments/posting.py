"""Posting: claim kept notices, say whose money it is, and write entry, rollup and finding in one commit."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlmodel import Session

from ground import clock
from ground.logs import log
from merchants import account
from payments import (
    attribution,
    decision,
    feed,
    feed_change,
    finding,
    other_half,
    posted_notice,
    reconciliation,
)
from payments.corroboration import SIDES
from payments.finding import HELD
from payments.receiving_account import bankless_days

BATCH = 1000
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
    while count := post_some(session, skip):
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


def post_some(session: Session, stuck: list[int], limit: int = BATCH) -> int:
    """A batch; or, where one notice of it can't be posted, the batch one by one without that one. How many."""
    try:
        return post_batch(session, limit, stuck)
    except STORE_TROUBLE:
        raise
    except Exception:
        session.rollback()
    posted = 0
    for _ in range(limit):
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


_BESIDE = text("UPDATE notice SET beside = true WHERE id = ANY(:ids)")


def _post(session: Session, notices: Sequence[Any]) -> None:
    """Those of the accounts' posting feeds; the others' are kept beside the books."""
    told = feed.of_notices(session, notices)
    near = {each.number for each in told if each.near}
    if near:
        feed.lock(session)
    beside = {each.id for each in told if each.provider != each.posting}
    if beside:
        session.execute(_BESIDE, {"ids": sorted(beside)})
    posted_notice.write(session, [row for row in notices if row.id not in beside])
    if near:
        feed_change.settle(session, near)
    reconciliation.meet(session, [row for row in notices if row.direction == "in"])


_HELD_NUMBERS = text("""
    SELECT DISTINCT n.account FROM finding f JOIN notice n ON n.id = f.notice_id
    WHERE f.status = 'open' AND f.kind = ANY(:kinds) AND f.stall_id IS NULL
""")
_WAITING = text(f"""
    SELECT f.id AS finding_id, f.kind, f.candidates, f.line_id, n.id, coalesce(n.provider, 'statement') AS provider,
        f.business_date, f.amount, coalesce(n.bank, f.detail ->> 'bank') AS bank, coalesce(n.bin, a.bin) AS bin,
        coalesce(n.account, a.number) AS account,
        coalesce(n.virtual_account, {SIDES.virtual_account}) AS virtual_account,
        coalesce(n.tokens, {SIDES.tokens}) AS tokens
    FROM finding f
    LEFT JOIN notice n ON n.id = f.notice_id
    LEFT JOIN statement_line l ON l.id = f.line_id
    LEFT JOIN account a ON a.id = l.account_id
    {SIDES.join}
    WHERE f.status = 'open' AND f.kind = ANY(:kinds) AND f.stall_id IS NULL AND NOT f.detail ? 'doubt'
    ORDER BY f.id FOR UPDATE OF f SKIP LOCKED
""")


# Their bank untold, and no line of the account that their number means now is theirs.
_MEANT_ANEW = text(f"""
    SELECT n.account, n.virtual_account, n.business_date FROM notice n
    JOIN account a ON a.number = n.account AND {bankless_days("a")} @> n.business_date
    LEFT JOIN match m ON m.notice_id = n.id AND m.undone_at IS NULL
    LEFT JOIN statement_line l ON l.id = m.line_id
    WHERE n.account = ANY(:numbers) AND n.bin IS NULL AND n.direction = 'in' AND n.handled_at IS NOT NULL
        AND l.account_id IS DISTINCT FROM a.id
""")


def _tell_banks_apart(session: Session) -> None:
    """Of numbers that two banks know, the registry may say now that another account is meant."""
    numbers = account.at_several_banks(session)
    if numbers:
        feed_change.settle(session, numbers, whole=True)
        reconciliation.meet(session, session.execute(_MEANT_ANEW, {"numbers": numbers}).all())


def resolve_waiting(session: Session) -> int:
    """Look again at money in suspense after the registry changed; returns how many payments found their owner.

    So the books do not depend on whether the roll or the payment was known first.
    """
    reconciliation.share(session)
    _tell_banks_apart(session)
    feed_change.settle(session, session.execute(_HELD_NUMBERS, {"kinds": list(HELD)}).scalars())
    waiting = session.execute(_WAITING, {"kinds": list(HELD)}).all()
    known = posted_notice.directory(session, waiting)
    resolved = 0
    for row in waiting:
        found = attribution.attribute(posted_notice.receipt(row), known)
        if found.stall_id is not None and found.market_id is not None:
            doubt = posted_notice.to_be_asked(row, found) if found.finding else None
            decision.settle(session, row.finding_id, doubt, found.stall_id, found.market_id)
            resolved += 1
        elif (found.finding, list(found.candidates)) != (row.kind, list(row.candidates)):
            decision.see_anew(session, row.finding_id, posted_notice.to_be_asked(row, found))
    other_half.carry_waiting(session, [row.id for row in waiting if row.id is not None])
    finding.keep_doubts(session)
    session.commit()
    return resolved
