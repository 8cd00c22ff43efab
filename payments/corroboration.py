"""Corroboration: which statement line a notice that was kept beside the books tells of.

Each of the other providers' notices are matched with all the lines by the rules of `matching`, as if they were the
only ones. Where a line stands alone, what they tell of whose it is counts as if the line told it.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, text
from sqlmodel import Field, Session, SQLModel

from payments import matching
from payments.matching import Scope

REACH = timedelta(days=matching.REACH_DAYS)


class Corroboration(SQLModel, table=True):
    """The other providers' notice and its line, as the matching found last."""

    notice_id: int = Field(sa_type=BigInteger, primary_key=True)
    line_id: int = Field(sa_type=BigInteger)


class Sides(NamedTuple):
    """SQL: what a line `l` of an account `a` tells of whose it is, with what corroborates it."""

    join: str
    virtual_account: str
    tokens: str


SIDES = Sides(
    """
    LEFT JOIN LATERAL (
        SELECT min(coalesce(o.virtual_account, nullif(o.account, a.number))) AS virtual_account,
            coalesce(array_agg(t.token ORDER BY t.token) FILTER (WHERE t.token IS NOT NULL), '{}') AS tokens
        FROM corroboration c JOIN notice o ON o.id = c.notice_id AND o.beside
        LEFT JOIN LATERAL unnest(o.tokens) AS t(token) ON true WHERE c.line_id = l.id
    ) AS beside ON true
    """,
    "coalesce(l.virtual_account, beside.virtual_account)",
    "CASE WHEN l.tokens = '{}' THEN beside.tokens ELSE l.tokens END",
)

# One look-up in an index for each provider, however many notices there are.
_PROVIDERS = text("""
    WITH RECURSIVE other AS (
        (SELECT provider FROM notice WHERE beside ORDER BY provider LIMIT 1)
        UNION ALL
        SELECT (SELECT n.provider FROM notice n WHERE n.beside AND n.provider > o.provider ORDER BY 1 LIMIT 1)
        FROM other o WHERE o.provider IS NOT NULL
    )
    SELECT provider FROM other o WHERE provider IS NOT NULL AND EXISTS (
        SELECT FROM notice n WHERE n.beside AND n.provider = o.provider AND n.business_date BETWEEN :first AND :last)
    ORDER BY provider
""")
_HINT = "CREATE TEMPORARY TABLE hint (notice_id bigint, line_id bigint) ON COMMIT DROP"
_GATHER = "INSERT INTO hint SELECT notice_id, line_id FROM pair"
_SCOPE = "SELECT account_id, first, last FROM scope ORDER BY account_id"


def pair_up(session: Session, scopes: Sequence[Scope], through: date) -> list[int]:
    """`matching.pair_up`, on days that hold whatever corroborates as well; returns the lines of which other notices
    than before speak now."""
    first = min(scope.first for scope in scopes) - REACH
    last = max(scope.last for scope in scopes) + REACH
    providers = session.execute(_PROVIDERS, {"first": first, "last": last}).scalars().all()
    session.execute(text("DROP TABLE IF EXISTS hint"))
    session.execute(text(_HINT))
    days = list(scopes)
    while True:
        session.execute(text("TRUNCATE hint"))
        wider = days
        for provider in providers:
            wider = _match(session, wider, through, provider)
            session.execute(text(_GATHER))
        wider = _match(session, wider, through, None)
        if not providers or wider == days:
            return _record(session)
        days = wider


def _match(session: Session, scopes: Sequence[Scope], through: date, beside: str | None) -> list[Scope]:
    matching.pair_up(session, scopes, through, beside)
    return [Scope(*row) for row in session.execute(text(_SCOPE))]


_CHANGED = text("""
    WITH was AS (
        SELECT notice_id, line_id FROM corroboration
        WHERE line_id IN (SELECT id FROM stated) OR notice_id IN (SELECT notice_id FROM hint)
    ), gone AS (
        DELETE FROM corroboration c USING was w
        WHERE c.notice_id = w.notice_id AND NOT EXISTS (
            SELECT FROM hint h WHERE (h.notice_id, h.line_id) = (w.notice_id, w.line_id))
        RETURNING c.line_id
    ) SELECT line_id FROM gone
    UNION SELECT h.line_id FROM hint h
    WHERE NOT EXISTS (SELECT FROM was w WHERE (h.notice_id, h.line_id) = (w.notice_id, w.line_id))
""")
_NEW = text("INSERT INTO corroboration SELECT notice_id, line_id FROM hint ON CONFLICT DO NOTHING")


def _record(session: Session) -> list[int]:
    changed = list(session.execute(_CHANGED).scalars())
    if changed:
        session.execute(_NEW)
    return changed


_LIST = text("""
    SELECT o.provider, o.external_id, o.business_date, o.account, o.amount, l.business_date AS line_day,
        n.provider AS of_provider, n.external_id AS of_id
    FROM notice o
    LEFT JOIN corroboration c ON c.notice_id = o.id
    LEFT JOIN statement_line l ON l.id = c.line_id
    LEFT JOIN match m ON m.line_id = l.id AND m.undone_at IS NULL
    LEFT JOIN notice n ON n.id = m.notice_id
    WHERE o.beside AND o.business_date BETWEEN :first AND :last
    ORDER BY o.business_date, o.id, n.id
""")


def every(session: Session, first: date, last: date) -> list[dict[str, Any]]:
    """The notices kept beside the books, each with the line it tells of and the posted notices that are that line."""
    return [
        {
            **each._mapping,
            "business_date": each.business_date.isoformat(),
            "line_day": each.line_day and each.line_day.isoformat(),
        }
        for each in session.execute(_LIST, {"first": first, "last": last})
    ]
