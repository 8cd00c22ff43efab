"""What follows from the pairs: matches recorded or undone, lines posted or taken off, amounts corrected.

The books are brought to what the facts say now, whatever they said before, by entries: a paired notice stands with
the statement's amount, a line that no notice told of stands by itself, a line that is paired or tied does not, and
what a debit takes back is taken off.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from payments import finding, journal, other_half, own_effect, pair_finding, posted_line, reversal, stall_day
from payments.movement import Movement
from payments.posted_line import Taken


class Outcome(NamedTuple):
    """How many pairs were confirmed, lines posted, findings opened and findings resolved by themselves."""

    confirmed: int = 0
    posted: int = 0
    opened: int = 0
    resolved: int = 0

    def plus(self, other: "Outcome") -> "Outcome":
        return Outcome(*(one + more for one, more in zip(self, other, strict=True)))


# Live matches of the facts that were looked at, each found by its own index: OFFSET 0 keeps the planner, which knows
# nothing yet of a table that grows portion by portion, from going through all of them.
_LIVE = " UNION ".join(
    f"""
    SELECT m.* FROM {side} f CROSS JOIN LATERAL (
        SELECT * FROM match WHERE {column} = f.id AND undone_at IS NULL {which} OFFSET 0) AS m {only}
    """
    for side, column, which, only in (
        ("told", "notice_id", "", ""),
        ("stated", "line_id", "AND rule <> 'batch'", ""),
        ("stated", "line_id", "AND rule = 'batch'", "WHERE EXISTS (SELECT FROM match WHERE rule = 'batch')"),
    )
)
_CHANGES = (
    f"CREATE TEMPORARY TABLE live ON COMMIT DROP AS {_LIVE}",
    """
    CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
    SELECT m.id, m.notice_id, m.line_id FROM live m
    WHERE NOT EXISTS (SELECT FROM pair p WHERE (p.notice_id, p.line_id, p.rule) = (m.notice_id, m.line_id, m.rule))
    """,
    """
    CREATE TEMPORARY TABLE made ON COMMIT DROP AS
    SELECT p.notice_id, p.line_id, p.rule, p.rule <> 'batch' AND n.amount <> l.amount AS differs, l.returned
    FROM pair p JOIN told n ON n.id = p.notice_id JOIN stated l ON l.id = p.line_id
    WHERE (p.notice_id, p.line_id, p.rule) NOT IN (SELECT notice_id, line_id, rule FROM live)
    """,
    "ANALYZE gone (notice_id)",
    "ANALYZE made (notice_id, line_id, differs, returned)",
)
_UNDO = text("UPDATE match SET undone_at = :now FROM gone g WHERE match.id = g.id")
_RECORD = text("""
    INSERT INTO match (line_id, notice_id, rule, matched_at)
    SELECT line_id, notice_id, rule, :now FROM made ORDER BY notice_id
""")


def draw(session: Session, through: date, corroborated: Sequence[int] = ()) -> Outcome:
    """Bring the books to what `matching.pair_up` found, in the caller's transaction.

    corroborated: the lines of which notices beside the books say something else than before.
    """
    session.execute(text("DROP TABLE IF EXISTS live, gone, made"))
    for statement in _CHANGES:
        session.execute(text(statement))
    if session.execute(text("SELECT FROM gone LIMIT 1")).first() is not None:
        stall_day.confirm(session, "gone", -1)
        session.execute(_UNDO, {"now": clock.now()})
        other_half.give_back(session)
    taken = reversal.find(session, through)
    journal.write(session, _right_notices(session, taken.notices))
    posted, opened, needless = posted_line.bring(session, taken.lines, corroborated)
    opened += posted_line.report_unclear(session, taken.unclear)
    clear = posted_line.end_unclear(session, [each.debit_id for each in taken.found])
    differing, resolved = pair_finding.settle(session)
    session.execute(_RECORD, {"now": clock.now()})
    stall_day.confirm(session, "made", 1)
    other_half.carry_made(session)
    spoken = own_effect.pairs(session)
    journal.follow(session, [notice_id for notice_id, _ in spoken], [line_id for _, line_id in spoken])
    confirmed = session.execute(text("SELECT count(*) FROM made")).scalar_one()
    finding.keep_doubts(session)
    return Outcome(confirmed, posted, opened + differing, resolved + needless + clear)


# Notices whose money may have to change: newly paired with another amount, unpaired, corrected or taken back before,
# or of debits that are looked at. They are few, and looked up one by one.
_CONCERNED = text("""
    SELECT notice_id FROM gone
    UNION SELECT notice_id FROM made WHERE differs OR returned
    UNION SELECT e.notice_id FROM entry e JOIN told t ON t.id = e.notice_id
        WHERE e.kind IN ('corrected', 'reversal', 'restored')
    UNION SELECT unnest(CAST(:taken AS bigint[]))
""")
# Pairs of a batch say nothing of the single amount; one of days that are not looked at now stands as it is.
_NOTICES = text("""
    SELECT n.id, n.provider, n.amount, n.beside, l.amount AS stated, l.id AS line_id,
        coalesce(l.reversal, false) AS returned
    FROM notice n
    LEFT JOIN pair p ON p.notice_id = n.id AND p.rule <> 'batch'
    LEFT JOIN match m ON m.notice_id = n.id AND m.undone_at IS NULL AND m.rule <> 'batch'
    LEFT JOIN statement_line l ON l.id = coalesce(p.line_id, m.line_id)
    WHERE n.id = ANY(:ids) ORDER BY n.id
""")


def _right_notices(session: Session, taken: Taken) -> list[Movement]:
    concerned = session.execute(_CONCERNED, {"taken": list(taken)}).scalars().all()
    rows = session.execute(_NOTICES, {"ids": list(concerned)}).all() if concerned else []
    positions = journal.positions_of_notices(session, [row.id for row in rows])
    movements = []
    for row in rows:
        position = positions.get(row.id)
        if position is None:
            continue  # kept beside the books: it is out of the question
        reversed_, debit_id = taken.get(row.id, (0, None))
        stands = row.amount if row.stated is None else row.stated
        world = f"world:{row.provider}"
        cause = debit_id or row.line_id
        wanted = 0 if row.beside or row.returned else stands - reversed_
        movements += journal.right(position, wanted, world, by=cause, taken=debit_id is not None, notice_id=row.id)
    return movements
