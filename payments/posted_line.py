"""Lines in the books: posted where no notice told of them, taken off when one does.

What undoes a debit is the vendor's own money coming back: it is never posted, and a notice that is it is taken off.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from merchants import bank
from payments import attribution, finding, journal
from payments.attribution import Attribution, Receipt
from payments.corroboration import SIDES
from payments.finding import Opened
from payments.journal import Position
from payments.movement import OF_REFUNDS, Movement

WORLD = "world:statement"
SUSPENSE = "suspense:statement"

Off = tuple[int, int | None]
"""How much debits took back, and the last of them."""
Taken = Mapping[int, Off]
"""By line or notice."""

SETTLED = """
    EXISTS (SELECT FROM match m WHERE m.line_id = l.id AND m.undone_at IS NULL)
    OR EXISTS (SELECT FROM finding d WHERE d.line_id = l.id AND d.kind = 'ambiguous' AND d.status IN ('open', 'closed')
        AND d.detail ? 'pair')
""".strip()
"""SQL: whether a line `l` is paired or tied, by what was found last."""

# Lines that are not in the books as they should be: alone but not posted in full, or paired or tied and posted. A
# line that a person has given to a stall is looked at each time.
_LINES = text(f"""
    WITH posted AS (
        SELECT e.line_id, sum(CASE WHEN e.debit LIKE 'world:%' THEN e.amount
            WHEN e.credit LIKE 'world:%' THEN -e.amount ELSE 0 END) AS amount
        FROM (SELECT id FROM stated UNION SELECT unnest(CAST(:taken AS bigint[]))) AS line
        JOIN entry e ON e.line_id = line.id AND e.kind NOT IN {OF_REFUNDS} GROUP BY 1
    ), facts AS (
        SELECT s.id, s.amount, s.decided, p.notice_id IS NOT NULL OR s.returned AS paired,
            t.line_id IS NOT NULL AS tied, t.notices, t.doubt
        FROM stated s LEFT JOIN pair p ON p.line_id = s.id LEFT JOIN tie t ON t.line_id = s.id
        WHERE p.line_id IS NULL OR t.line_id IS NOT NULL OR s.id = ANY(:taken) OR s.id IN (SELECT line_id FROM posted)
    ), wrong AS (
        SELECT f.id FROM facts f LEFT JOIN posted d ON d.line_id = f.id
        WHERE CASE WHEN f.tied THEN true WHEN f.paired THEN d.amount > 0
            ELSE d.amount IS DISTINCT FROM f.amount OR f.decided IS NOT NULL OR f.id = ANY(:corroborated) END
    )
    SELECT DISTINCT ON (l.id) l.id, l.business_date, l.occurred_at, l.amount,
        {SIDES.virtual_account} AS virtual_account, {SIDES.tokens} AS tokens, l.id = ANY(:corroborated) AS corroborated,
        a.number AS account, a.bin, l.reversal OR coalesce(f.paired OR f.tied, {SETTLED}) AS off,
        coalesce(f.tied, false) AS tied, f.notices, f.doubt, g.stall_id AS decided
    FROM statement_line l
    JOIN account a ON a.id = l.account_id
    {SIDES.join}
    LEFT JOIN facts f ON f.id = l.id
    LEFT JOIN finding g ON g.line_id = l.id AND g.status = 'assigned'
    WHERE l.id = ANY(ARRAY(SELECT id FROM wrong) || CAST(:taken AS bigint[]))
    ORDER BY l.id
""")


def bring(session: Session, taken: Taken, corroborated: Sequence[int]) -> tuple[int, int, int]:
    """Post the lines that stand alone and take off those that no longer do; of the `corroborated`, notices beside the
    books say something else than before.

    Returns how many were posted, how many findings that opened, and how many of those need nobody.
    """
    rows = session.execute(_LINES, {"taken": list(taken), "corroborated": list(corroborated)}).all()
    positions = journal.positions_of_lines(session, [row.id for row in rows])
    known = _directory(session, rows)
    movements: list[Movement] = []
    opened: list[Opened] = []
    posted = 0
    for row in rows:
        found = attribution.attribute(_receipt(row), known)
        position = positions.get(row.id)
        moved = _movements(row, found, position, taken.get(row.id, (0, None)))
        movements += moved
        if row.tied:
            opened.append(_tied(session, row))
        elif not row.off and any(each.debit == WORLD and each.sales for each in moved):
            posted += 1
            opened.append(_opened(row, found))
        elif not row.off and row.corroborated:
            opened.append(_opened(row, found))
    journal.write(session, movements)
    return posted, *finding.open_all(session, opened)


def _movements(row: Any, found: Attribution, position: Position | None, off: Off) -> list[Movement]:
    amount_off, debit_id = off
    target = _target(row, found)
    movements = []
    if position is None:
        if row.off:
            return []
        kind = "held" if target == SUSPENSE else "sale"
        day, moment = row.business_date, row.occurred_at
        movements.append(Movement(kind, WORLD, target, row.amount, day, moment, None, "statement", row.id))
        position = Position(target, day, row.amount, moment)
    elif position.amount == 0:
        position = position._replace(account=target)  # as the registry and the decisions say now
    elif (row.decided or row.corroborated) and not row.off and not journal.lies_there(position, target):
        reason = "decision" if row.decided else "feed"
        movements.append(journal.move(position, target, reason, line_id=row.id))
        position = position._replace(account=target)
    wanted = 0 if row.off else row.amount - amount_off
    return movements + journal.right(position, wanted, WORLD, by=debit_id, taken=debit_id is not None, line_id=row.id)


def _target(row: Any, found: Attribution) -> str:
    stall_id = row.decided or found.stall_id
    return SUSPENSE if stall_id is None else journal.stall_account(stall_id)


_ALONE = text(f"""
    SELECT l.id, l.business_date, {SIDES.virtual_account} AS virtual_account, {SIDES.tokens} AS tokens,
        a.number AS account, a.bin, s.decided
    FROM stated s JOIN statement_line l ON l.id = s.id JOIN account a ON a.id = l.account_id {SIDES.join}
    WHERE s.id = ANY(:ids) AND s.id NOT IN (SELECT line_id FROM pair) AND s.id NOT IN (SELECT line_id FROM tie)
""")


def owners(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """On which account those of the lines will be posted that are not yet and will be."""
    rows = session.execute(_ALONE, {"ids": list(ids)}).all()
    known = _directory(session, rows)
    return {row.id: _target(row, attribution.attribute(_receipt(row), known)) for row in rows}


def _opened(row: Any, found: Attribution) -> Opened:
    """A posted line: nobody's yet, or of a stall and needing nobody."""
    kind, resolved = found.finding, None
    if kind is None:
        kind, resolved = "not_notified", "statement"
    detail = _detail(row) | {"tokens": list(found.foreign)}
    candidates = found.candidates if found.finding else ()
    facts = (row.business_date, row.amount, found.market_id, found.stall_id, candidates, detail)
    return Opened(kind, None, *facts, row.id, resolved)


_STALLS = text("""
    SELECT DISTINCT s.id, s.market_id FROM entry e JOIN stall s ON 'stall:' || s.id = e.credit
    WHERE e.notice_id = ANY(:notices) AND e.kind = 'sale' ORDER BY s.id
""")


def _tied(session: Session, row: Any) -> Opened:
    stalls = session.execute(_STALLS, {"notices": row.notices}).all()
    markets = {stall.market_id for stall in stalls}
    detail = _detail(row) | {"doubt": row.doubt, "pair": True, "notices": list(row.notices)}
    market_id = markets.pop() if len(markets) == 1 else None
    candidates = [stall.id for stall in stalls]
    return Opened("ambiguous", None, row.business_date, row.amount, market_id, None, candidates, detail, row.id)


def report_unclear(session: Session, debits: Sequence[Any]) -> int:
    """Debits that take something back, without telling what; returns the new findings."""
    opened = []
    for row in debits:
        number = session.execute(text("SELECT number, bin FROM account WHERE id = :id"), {"id": row.account_id}).one()
        detail = {"account": number[0], "bank": bank.short_name(number[1]), "doubt": "takes_back"}
        opened.append(Opened("ambiguous", None, row.day, row.amount, None, None, (), detail, row.id))
    return finding.open_all(session, opened)[0]


_CLEAR = """
    UPDATE finding f SET status = 'resolved', decided_at = now(), decided_by = :itself, reason = 'statement'
    WHERE line_id = ANY(:debits) AND status IN ('open', 'closed') AND detail ->> 'doubt' = 'takes_back'
"""


def end_unclear(session: Session, debits: Sequence[int]) -> int:
    """Debits of which it has turned out what they take back; returns how many somebody was asked about."""
    return finding.end_all(session, _CLEAR, {"debits": list(debits)})


def _detail(row: Any) -> dict[str, Any]:
    return {"account": row.account, "bank": bank.short_name(row.bin)}


def _directory(session: Session, rows: Sequence[Any]) -> attribution.Directory:
    numbers = [number for row in rows for number in (row.account, row.virtual_account) if number]
    return attribution.directory(session, numbers, [token for row in rows for token in row.tokens])


def _receipt(row: Any) -> Receipt:
    return Receipt(row.account, row.virtual_account, row.bin, row.business_date, row.tokens)
