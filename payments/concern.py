"""Whose business a finding is: the market's at whose stall its money stands; what nobody has, all those it may be for.

The operator's is everything. A board may neither see nor decide what is another market's, even where one of its own
stalls was once meant, nor a stall's payment that needed nobody. List, page, workbook and decision ask this one rule.
"""

from sqlalchemy import text
from sqlmodel import Session

from ground.refusal import Refusal
from merchants.market import Market
from payments import finding

# A payment's entries by two indexes: what posted it, and what moved its money on (`journal.positions_of_…`).
_ENTRIES = """
    SELECT id, debit, credit, amount FROM entry WHERE {column} = {subject} AND kind IN ('sale', 'held')
    UNION ALL
    SELECT id, debit, credit, amount FROM entry
    WHERE {column} = {subject} AND kind NOT IN ('sale', 'held', 'refund', 'reinstated')
"""
_PLACE = """
    SELECT (array_agg(CASE WHEN credit LIKE 'world:%' THEN debit ELSE credit END ORDER BY id DESC))[1] AS account
    FROM ({entries}) AS e
    HAVING sum(CASE WHEN debit LIKE 'world:%' THEN amount WHEN credit LIKE 'world:%' THEN -amount ELSE 0 END) > 0
"""


def _place(column: str, subject: str) -> str:
    return _PLACE.format(entries=_ENTRIES.format(column=column, subject=subject))


# What a finding says of its stall may be older than what was decided of its other half: the journal knows.
_HELD_ELSEWHERE = f"""
    EXISTS (
        SELECT FROM (
            {_place("notice_id", "f.notice_id")}
            UNION ALL
            {_place("line_id", "f.line_id")}
            UNION ALL
            SELECT place.account FROM match m CROSS JOIN LATERAL ({_place("notice_id", "m.notice_id")}) AS place
            WHERE m.line_id = f.line_id AND m.undone_at IS NULL
        ) AS place
        JOIN stall holder ON holder.id = CASE WHEN place.account NOT LIKE 'suspense:%'
            THEN CAST(split_part(place.account, ':', 2) AS bigint) END
        WHERE holder.market_id <> :market)
"""
_MEANT_HERE = """
    (CASE WHEN f.stall_id IS NULL
        THEN f.market_id = :market OR EXISTS (
            SELECT FROM stall c WHERE c.id = ANY(f.candidates) AND c.market_id = :market)
        ELSE EXISTS (SELECT FROM stall s WHERE s.id = f.stall_id AND s.market_id = :market) END)
"""
# A stall's payment that needed nobody: these together would tell a board every payment of the stall.
_ROUTINE = f"(f.stall_id IS NOT NULL AND f.status = 'resolved' AND f.decided_by = '{finding.ITSELF}')"
OF_MARKET = f"(CAST(:market AS bigint) IS NULL OR NOT {_ROUTINE} AND {_MEANT_HERE} AND NOT {_HELD_ELSEWHERE})"
"""The rule, of a row `finding f`; :market is a market's id, NULL for the operator."""
ONLY_MARKET = "(SELECT min(market_id) FROM stall WHERE id = ANY(f.candidates) HAVING min(market_id) = max(market_id))"
"""The market of all the stalls that a finding's money may be for, if it is one."""

_ASKED = text(f"SELECT 1 FROM finding f WHERE f.id = :id AND {OF_MARKET}")


def is_of(session: Session, market: Market | None, finding_id: int) -> bool:
    """Whether it is this market's business as it stands now. market None: the operator's, who has them all."""
    asked = {"id": finding_id, "market": None if market is None else market.key}
    return session.execute(_ASKED, asked).first() is not None


def check(session: Session, market: Market | None, finding_id: int) -> None:
    """Refusal (404) when it is not this market's business; whether there is one at all is not told either."""
    if not is_of(session, market, finding_id):
        raise unknown(market, finding_id)


def unknown(market: Market | None, finding_id: int) -> Refusal:
    code = "finding.unknown" if market is None else "finding.not_here"
    return Refusal(code, id=finding_id, status=404)
