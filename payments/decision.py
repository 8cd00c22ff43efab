"""A decision on a finding: whose money it is, or that nothing is to be done; and taking it back."""

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, select

from ground import clock, record_number
from ground.audit import Act
from ground.refusal import Refusal
from merchants.market import Market
from payments import concern, finding, journal, other_half, reconciliation
from payments.finding import STEPS, Finding, Opened
from payments.journal import Position


def candidate_markets(session: Session, finding_id: int) -> list[int]:
    """The markets of the stalls that could be meant; Refusal (404) when there is no such finding."""
    among = text("SELECT s.market_id FROM finding f LEFT JOIN stall s ON s.id = ANY(f.candidates) WHERE f.id = :id")
    known = record_number.is_one(finding_id)
    found = set(session.execute(among, {"id": finding_id}).scalars()) if known else set()
    if not found:
        raise concern.unknown(None, finding_id)
    return sorted(found - {None})


def assign(
    session: Session, finding_id: int, stall_id: int, *, by: str, reason: str, market: Market | None = None
) -> Act:
    """Give a payment's money to a stall: out of suspense, or from the stall that has it to another one.

    Of a line it says whose the line is, whichever notices there are; the matching then follows, and what is paired
    with it has the same owner. market: whose board decides, None the operator, here and in what follows; what is
    not that market's business is refused (404). Returns what is to be recorded.
    """
    decided = _spoken_of(session, _to_decide(session, finding_id, "assigned", reason, market), market)
    before = _standing(session, decided)
    position = position_of(session, decided)
    if (position is None or position.amount == 0) and not decided.detail.get("pair"):
        raise Refusal("finding.no_money", id=finding_id, status=409)
    _on_the_roll(session, stall_id, decided.business_date)
    _settle_on(session, decided, stall_id, by, reason)
    own = _own_position(session, decided)
    if own is not None:
        _move(session, decided, own, journal.stall_account(stall_id), reason)
    if decided.line_id is not None:
        reconciliation.match_again(session, decided.line_id)
        other_half.carry(session, [decided.line_id])
    return _act(session, "assign", decided, before, reason)


def close(session: Session, finding_id: int, *, by: str, reason: str, market: Market | None = None) -> Act:
    """Nothing more is to be done; money in suspense stays there."""
    decided = _to_decide(session, finding_id, "closed", reason, market)
    before = _standing(session, decided)
    _decide(session, decided, "closed", by, reason)
    session.flush()
    return _act(session, "close", decided, before, reason)


def undo(session: Session, finding_id: int, *, by: str, reason: str, market: Market | None = None) -> Act:
    """Take a decision back: the finding is open again, and money that it gave to a stall lies where it first lay."""
    decided = _spoken_of(session, _to_decide(session, finding_id, "open", reason, market), market)
    if decided.status == "resolved":
        raise Refusal("finding.decided", id=finding_id, status=409)
    before = _standing(session, decided)
    was, decided.status = decided.status, "open"
    decided.decided_at = decided.decided_by = None
    decided.reason = reason.strip()
    session.add(decided)
    session.flush()
    if was == "assigned":
        _return(session, decided, reason)
    return _act(session, "undo", decided, before, reason)


def settle(session: Session, finding_id: int, seen: Opened | None, stall_id: int, market_id: int) -> None:
    """The registry has since been completed and names the owner: the money goes there by itself.

    `seen` is what remains doubtful all the same; without it the finding is resolved.
    """
    decided = session.get(Finding, finding_id)
    assert decided is not None and decided.status == "open"
    position = position_of(session, decided)
    assert position is not None and position.account.startswith("suspense:")
    _move(session, decided, position, journal.stall_account(stall_id), "registry")
    decided.stall_id, decided.market_id = stall_id, market_id
    if seen is None:
        _decide(session, decided, "resolved", finding.ITSELF, "registry")
        session.flush()
    else:
        see_anew(session, finding_id, seen)


def see_anew(session: Session, finding_id: int, seen: Opened) -> None:
    """The registry changed and the question with it: other candidates, or another kind of doubt."""
    found = session.get(Finding, finding_id)
    assert found is not None
    found.kind, found.market_id, found.stall_id = seen.kind, seen.market_id, seen.stall_id
    found.candidates, found.detail = list(seen.candidates), {**found.detail, **seen.detail}
    session.flush()


def position_of(session: Session, found: Finding) -> Position | None:
    """Where the money lies that a finding is about, a line's with its notice; None if it was never posted."""
    position = _own_position(session, found)
    if found.line_id is None or (position is not None and position.amount):
        return position
    held = journal.positions_of_notices(session, other_half.notices_of(session, found.line_id)).values()
    return max(held, key=lambda each: each.amount, default=position)


def _own_position(session: Session, found: Finding) -> Position | None:
    if found.notice_id is not None:
        return journal.positions_of_notices(session, [found.notice_id]).get(found.notice_id)
    assert found.line_id is not None
    return journal.positions_of_lines(session, [found.line_id]).get(found.line_id)


def _act(session: Session, verb: str, decided: Finding, before: dict[str, Any], reason: str) -> Act:
    after = _standing(session, decided) | {"reason": reason.strip()}
    return Act(f"finding.{verb}", before, after, f"finding:{decided.id}")


def _standing(session: Session, found: Finding) -> dict[str, Any]:
    """The finding's status, and the stall that has its money or has been told to be its owner."""
    position = position_of(session, found)
    stall_id = None if position is None else journal.stall_of(position.account)
    name = text("SELECT m.code || '/' || s.number FROM stall s JOIN market m ON m.id = s.market_id WHERE s.id = :id")
    return {"status": found.status, "stall": session.execute(name, {"id": stall_id or found.stall_id}).scalar()}


def _spoken_of(session: Session, found: Finding, market: Market | None) -> Finding:
    """Of a notice that only has what was decided of its line, the finding about that."""
    line_id = found.detail.get("carried")
    if found.notice_id is None or line_id is None:
        return found
    of_line = session.exec(select(Finding).where(Finding.line_id == line_id).with_for_update()).one_or_none()
    if of_line is None or of_line.status != "assigned":
        return found
    assert of_line.id is not None
    concern.check(session, market, of_line.id)
    return of_line


def _to_decide(session: Session, finding_id: int, status: str, reason: str, market: Market | None) -> Finding:
    """Postings, matchings and others' decisions are kept out meanwhile, so that all know of each other."""
    if not reason.strip():
        raise Refusal("finding.no_reason")
    reconciliation.hold(session)
    known = record_number.is_one(finding_id)
    found = session.get(Finding, finding_id, with_for_update=True, populate_existing=True) if known else None
    if found is None:
        raise concern.unknown(market, finding_id)
    concern.check(session, market, finding_id)
    if status not in STEPS[found.status]:
        raise Refusal("finding.decided", id=finding_id, status=409)
    return found


def _settle_on(session: Session, decided: Finding, stall_id: int, by: str, reason: str) -> None:
    _decide(session, decided, "assigned", by, reason)
    decided.stall_id = stall_id
    decided.detail = {name: fact for name, fact in decided.detail.items() if name != "carried"}
    owner = session.execute(text("SELECT market_id FROM stall WHERE id = :id"), {"id": stall_id})
    decided.market_id = owner.scalar_one()
    session.flush()


def _decide(session: Session, decided: Finding, status: str, by: str, reason: str) -> None:
    decided.status, decided.decided_at, decided.decided_by, decided.reason = status, clock.now(), by, reason.strip()
    session.add(decided)


def _move(session: Session, decided: Finding, position: Position, target: str, reason: str) -> None:
    """On the day the money came, whenever it is decided."""
    if journal.lies_there(position, target) or position.amount == 0:
        return
    subject = {"notice_id": decided.notice_id, "line_id": decided.line_id}
    journal.write(session, [journal.move(position, target, reason, **subject)])


def _return(session: Session, decided: Finding, reason: str) -> None:
    own = _own_position(session, decided)
    decided.stall_id = None
    if own is not None:
        came_to = _came_to(session, decided)
        decided.stall_id = journal.stall_of(came_to)
        _move(session, decided, own, came_to, reason)
    session.flush()
    line_id = decided.line_id
    if line_id is not None:
        other_half.take_back(session, line_id, reason)
        reconciliation.match_again(session, line_id)
        other_half.end(session, line_id)
    else:
        assert decided.notice_id is not None
        line_id = other_half.line_of(session, decided.notice_id)
    if line_id is not None:
        other_half.carry(session, [line_id])
    decided.market_id = _market_of(session, decided)
    session.flush()


def _market_of(session: Session, found: Finding) -> int | None:
    """Of a finding that is open again: the market whose stall has the money, or whose stalls alone could be meant."""
    position = position_of(session, found)
    stall_id = found.stall_id or (None if position is None else journal.stall_of(position.account))
    asked = text(
        f"SELECT coalesce((SELECT market_id FROM stall WHERE id = :stall), {concern.ONLY_MARKET})"
        " FROM finding f WHERE f.id = :id"
    )
    market_id: int | None = session.execute(asked, {"stall": stall_id, "id": found.id}).scalar_one()
    return market_id


def _came_to(session: Session, decided: Finding) -> str:
    first = text("""
        SELECT credit FROM entry WHERE kind IN ('sale', 'held')
            AND (notice_id = :notice OR line_id = :line) ORDER BY id LIMIT 1
    """)
    found = session.execute(first, {"notice": decided.notice_id, "line": decided.line_id})
    return str(found.scalar_one())


def _on_the_roll(session: Session, stall_id: int, day: date) -> None:
    held = text(
        "SELECT 1 FROM stall_state WHERE stall_id = :stall AND superseded_at IS NULL AND merchant_id IS NOT NULL"
        " AND since <= :day AND (until IS NULL OR :day < until)"
    )
    if session.execute(held, {"stall": stall_id, "day": day}).first() is None:
        raise Refusal("finding.nobody_traded_there", day=day)
