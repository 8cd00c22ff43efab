"""The other half of a pair: what a line tells, or a person has decided of it, holds for its notice while they are one.

Whoever gives a line to a stall speaks of the payment, so its notice's money goes there too, whichever came first. And
a token that only the bank kept says whose the notice is. Both end with the pair.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, text
from sqlmodel import Session

from payments import attribution, finding, journal
from payments.attribution import Receipt
from payments.concern import ONLY_MARKET
from payments.finding import HELD

# Pairs whose line a person has decided, and pairs whose notice waits while the line tells more of whose it is.
_TELLING = """
    SELECT m.line_id, d.id IS NOT NULL AS decided FROM {pairs} m
    LEFT JOIN finding d ON d.line_id = m.line_id AND d.status = 'assigned'
    LEFT JOIN finding f ON f.notice_id = m.notice_id AND f.status = 'open' AND f.kind = ANY(:held)
        AND f.stall_id IS NULL
    WHERE d.id IS NOT NULL OR f.id IS NOT NULL AND (
        SELECT l.tokens <> '{{}}' OR l.virtual_account IS NOT NULL FROM statement_line l WHERE l.id = m.line_id)
"""
_OF_MADE = text(_TELLING.format(pairs="made"))
_OF_NOTICES = text(_TELLING.format(pairs="(SELECT * FROM match WHERE notice_id = ANY(:notices) AND undone_at IS NULL)"))
# One that a person has decided keeps what was said of itself.
_DECIDED = text("""
    UPDATE finding f SET status = 'assigned', stall_id = d.stall_id, market_id = d.market_id,
        decided_at = d.decided_at, decided_by = d.decided_by, reason = d.reason,
        detail = f.detail || jsonb_build_object('carried', m.line_id)
    FROM match m JOIN finding d ON d.line_id = m.line_id AND d.status = 'assigned'
    WHERE m.line_id = ANY(:lines) AND m.undone_at IS NULL AND f.notice_id = m.notice_id AND f.kind = ANY(:held)
        AND (f.status = 'open' OR f.detail -> 'carried' = to_jsonb(m.line_id))
""")
_GIVEN = text("""
    SELECT m.notice_id, m.line_id, d.stall_id FROM match m JOIN finding d ON d.line_id = m.line_id
    LEFT JOIN finding f ON f.notice_id = m.notice_id
    WHERE m.line_id = ANY(:lines) AND m.undone_at IS NULL AND d.status = 'assigned'
        AND (f.status IS DISTINCT FROM 'assigned' OR f.detail ? 'carried')
""")
_WAITING = text("""
    SELECT f.id AS finding_id, m.notice_id, m.line_id, n.account, n.bin, n.business_date,
        coalesce(n.virtual_account, l.virtual_account) AS virtual_account, n.tokens || l.tokens AS tokens
    FROM match m JOIN notice n ON n.id = m.notice_id JOIN statement_line l ON l.id = m.line_id
    JOIN finding f ON f.notice_id = n.id AND f.status = 'open' AND f.kind = ANY(:held) AND f.stall_id IS NULL
    WHERE m.line_id = ANY(:lines) AND m.undone_at IS NULL AND m.rule <> 'batch'
""")
_TOLD = text("""
    UPDATE finding SET kind = coalesce(:doubt, kind), status = CASE WHEN :doubt IS NULL THEN 'resolved' ELSE 'open' END,
        stall_id = :stall, market_id = :market, decided_at = CASE WHEN :doubt IS NULL THEN now() END,
        decided_by = CASE WHEN :doubt IS NULL THEN :itself END, reason = 'statement',
        detail = detail || jsonb_build_object('carried', CAST(:line AS bigint))
    WHERE id = :finding
""").bindparams(bindparam("doubt", type_=Text))


class Gift(NamedTuple):
    """A notice whose money is to lie at a stall, because of its line."""

    notice_id: int
    line_id: int
    stall_id: int


def carry_made(session: Session) -> None:
    """For the pairs in `made`, when they are recorded."""
    _bring(session, session.execute(_OF_MADE, {"held": list(HELD)}).all())


def carry_waiting(session: Session, notices: Sequence[int]) -> None:
    """For notices that wait for their owner, after the registry changed."""
    _bring(session, session.execute(_OF_NOTICES, {"held": list(HELD), "notices": list(notices)}).all())


def _bring(session: Session, rows: Sequence[Any]) -> None:
    by_decision: dict[bool, list[int]] = {True: [], False: []}
    for row in rows:
        by_decision[row.decided].append(row.line_id)
    _carry(session, by_decision[True], by_decision[False])


def carry(session: Session, lines: Sequence[int]) -> None:
    """Bring the notices of these lines to what was decided or is told of the lines."""
    _carry(session, lines, lines)


def _carry(session: Session, decided: Sequence[int], telling: Sequence[int]) -> None:
    held = list(HELD)
    if decided:
        session.execute(_DECIDED, {"lines": list(decided), "held": held})
        _give(session, [Gift(*row) for row in session.execute(_GIVEN, {"lines": list(decided)})], "decision")
    if telling:
        waiting = session.execute(_WAITING, {"lines": list(telling), "held": held}).all()
        _give(session, _told(session, waiting), "statement")


def _told(session: Session, rows: Sequence[Any]) -> list[Gift]:
    """What notice and line together say of whose it is, where the notice alone did not."""
    numbers = [number for row in rows for number in (row.account, row.virtual_account) if number]
    known = attribution.directory(session, numbers, [token for row in rows for token in row.tokens])
    gifts = []
    for row in rows:
        receipt = Receipt(row.account, row.virtual_account, row.bin, row.business_date, sorted(set(row.tokens)))
        found = attribution.attribute(receipt, known)
        if found.stall_id is not None:
            owner = {"stall": found.stall_id, "market": found.market_id, "doubt": found.finding}
            told = {"finding": row.finding_id, "line": row.line_id, "itself": finding.ITSELF}
            session.execute(_TOLD, owner | told)
            gifts.append(Gift(row.notice_id, row.line_id, found.stall_id))
    return gifts


def _give(session: Session, gifts: Sequence[Gift], reason: str) -> None:
    targets = {gift.notice_id: (journal.stall_account(gift.stall_id), gift.line_id) for gift in gifts}
    _move(session, targets, reason)


def _move(session: Session, targets: dict[int, tuple[str, int]], reason: str) -> None:
    """The notices' money to an account, because of a line."""
    positions = journal.positions_of_notices(session, targets)
    movements = []
    for notice_id, (account, line_id) in targets.items():
        position = positions.get(notice_id)
        if position is not None and position.amount and not journal.lies_there(position, account):
            moved = journal.move(position, account, reason, notice_id=notice_id)
            movements.append(moved._replace(by_line_id=line_id))
    journal.write(session, movements)


# Where a notice's money would lie without the line: where the last entry that is not the line's doing put it.
_HOMES = """
    SELECT DISTINCT ON (e.notice_id) e.notice_id, g.line_id, e.credit FROM {pairs} g
    JOIN entry e ON e.notice_id = g.notice_id AND e.by_line_id IS DISTINCT FROM g.line_id
        AND e.kind IN ('sale', 'held', 'attributed', 'moved', 'returned')
    LEFT JOIN finding f ON f.notice_id = g.notice_id
    WHERE EXISTS (SELECT FROM entry b WHERE b.notice_id = g.notice_id AND b.by_line_id = g.line_id
            AND b.kind IN ('attributed', 'moved'))
        AND (f.status IS DISTINCT FROM 'assigned' OR f.detail -> 'carried' = to_jsonb(g.line_id))
    ORDER BY e.notice_id, e.id DESC
"""
_FORGOTTEN = f"""
    UPDATE finding f SET status = 'open', stall_id = NULL, market_id = {ONLY_MARKET},
        decided_at = NULL, decided_by = NULL, detail = f.detail - 'carried'
    FROM {{pairs}} g WHERE f.notice_id = g.notice_id AND f.detail -> 'carried' = to_jsonb(g.line_id)
"""
_PAIRED = "(SELECT notice_id, line_id FROM match WHERE line_id = :line AND undone_at IS NULL)"


def give_back(session: Session) -> None:
    """After `gone`: what held because of the line does not hold of the notice any more."""
    _give_back(session, "gone", {}, "statement")


def take_back(session: Session, line_id: int, reason: str) -> None:
    """What was decided of the line is taken back; its notices' money goes where it lay without that."""
    _give_back(session, _PAIRED, {"line": line_id}, reason)


def _give_back(session: Session, pairs: str, which: dict[str, int], reason: str) -> None:
    rows = session.execute(text(_HOMES.format(pairs=pairs)), which).all()
    session.execute(text(_FORGOTTEN.format(pairs=pairs)), which)
    _move(session, {row.notice_id: (row.credit, row.line_id) for row in rows}, reason)


_NOTICES = text("SELECT notice_id FROM match WHERE line_id = :id AND undone_at IS NULL ORDER BY 1")
_LINE = text("SELECT line_id FROM match WHERE notice_id = :id AND undone_at IS NULL")
_NEEDS_NOBODY = text("""
    UPDATE finding f SET status = 'resolved', decided_at = now(), decided_by = :itself, reason = 'notice'
    FROM match m WHERE f.line_id = :line AND m.line_id = f.line_id AND m.undone_at IS NULL AND f.status = 'open'
        AND f.kind <> 'amount_differs'
""")


def notices_of(session: Session, line_id: int) -> list[int]:
    """The notices that a line is paired with: one, or a batch."""
    return list(session.execute(_NOTICES, {"id": line_id}).scalars())


def line_of(session: Session, notice_id: int) -> int | None:
    found: int | None = session.execute(_LINE, {"id": notice_id}).scalar()
    return found


def end(session: Session, line_id: int) -> None:
    """An open finding about a line that is paired needs nobody: what is open is its notice's."""
    session.execute(_NEEDS_NOBODY, {"line": line_id, "itself": finding.ITSELF})
    finding.keep_doubts(session)
