"""A decision on a finding: whose money it is, or that nothing is to be done; and taking it back."""

from datetime import date

from sqlalchemy import text
from sqlmodel import Session, select

from ground import clock
from ground.refusal import Refusal
from payments import finding, journal, other_half, reconciliation
from payments.finding import STEPS, Finding, Opened
from payments.journal import Position


def candidate_markets(session: Session, finding_id: int) -> list[int]:
    """The markets of the stalls that could be meant; Refusal (404) when there is no such finding."""
    among = text("SELECT s.market_id FROM finding f LEFT JOIN stall s ON s.id = ANY(f.candidates) WHERE f.id = :id")
    found = set(session.execute(among, {"id": finding_id}).scalars()) if finding_id < 2**63 else set()
    if not found:
        raise Refusal("finding.unknown", id=finding_id, status=404)
    return sorted(found - {None})


def assign(session: Session, finding_id: int, stall_id: int, *, by: str, reason: str) -> None:
    """Give a payment's money to a stall: out of suspense, or from the stall that has it to another one.

    Of a line it says whose the line is, whichever notices there are; the matching then follows, and what is paired
    with it has the same owner.
    """
    decided = _spoken_of(session, _to_decide(session, finding_id, "assigned", reason))
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


def close(session: Session, finding_id: int, *, by: str, reason: str) -> None:
    """Nothing more is to be done; money in suspense stays there."""
    decided = _to_decide(session, finding_id, "closed", reason)
    _decide(session, decided, "closed", by, reason)
    session.flush()


def undo(session: Session, finding_id: int, *, by: str, reason: str) -> None:
    """Take a decision back: the finding is open again, and money that it gave to a stall lies where it first lay."""
    decided = _spoken_of(session, _to_decide(session, finding_id, "open", reason))
    if decided.status == "resolved":
        raise Refusal("finding.decided", id=finding_id, status=409)
    was, decided.status = decided.status, "open"
    decided.decided_at = decided.decided_by = None
    decided.reason = reason.strip()
    session.add(decided)
    session.flush()
    if was == "assigned":
        _return(session, decided, reason)


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


def _spoken_of(session: Session, found: Finding) -> Finding:
    """Of a notice that only has what was decided of its line, the finding about that."""
    line_id = found.detail.get("carried")
    if found.notice_id is None or line_id is None:
        return found
    of_line = session.exec(select(Finding).where(Finding.line_id == line_id).with_for_update()).one_or_none()
    return found if of_line is None or of_line.status != "assigned" else of_line


def _to_decide(session: Session, finding_id: int, status: str, reason: str) -> Finding:
    """Postings and matchings are kept out meanwhile, so that they and the decision know of each other."""
    if not reason.strip():
        raise Refusal("finding.no_reason")
    reconciliation.hold(session)
    known = finding_id < 2**63  # a BIGINT's end
    found = session.get(Finding, finding_id, with_for_update=True, populate_existing=True) if known else None
    if found is None:
        raise Refusal("finding.unknown", id=finding_id, status=404)
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
