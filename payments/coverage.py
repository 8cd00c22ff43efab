"""Coverage: which days an account's statements tell of, and which notices they should have had a line for."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Date, bindparam, text
from sqlmodel import Session

from payments import bank_day, finding, journal, statement
from payments.finding import HELD, Opened
from payments.matching import REACH_DAYS
from payments.receiving_account import bankless_days

# A statement with lines that are not taken to the books yet tells nothing of their days.
_MISSING = text(f"""
    WITH told AS (
        SELECT s.account_id, s.first_day, least({statement.COVERED_THROUGH},
            CASE WHEN s.new_lines = 0 THEN :through ELSE s.reconciled_through END) AS last_day
        FROM statement s WHERE s.new_lines = 0 OR s.reconciled_through IS NOT NULL
    ), covered AS (
        SELECT account_id, range_agg(daterange(first_day, last_day, '[]')) AS days
        FROM told WHERE first_day <= last_day GROUP BY account_id
    ), reach AS (
        SELECT c.account_id, c.days, a.number, a.bin, NULL::daterange AS held, {bankless_days("a")} AS bankless
        FROM covered c JOIN account a ON a.id = c.account_id
        UNION
        SELECT c.account_id, c.days, v.number, v.bin, daterange(s.since, s.until), {bankless_days("v")}
        FROM covered c JOIN stall_state s ON s.account_id = c.account_id AND s.superseded_at IS NULL
        JOIN account v ON v.id = s.virtual_account_id AND v.id <> c.account_id
    ), bank_day AS (
        SELECT * FROM unnest(CAST(:days AS date[]), CAST(:postings AS date[]), CAST(:lates AS date[]))
            AS c(day, posting, late_posting)
    ), unmatched AS MATERIALIZED (
        SELECT n.id, n.business_date, n.amount, n.account, n.bank, n.bin, n.occurred_at FROM notice n
        WHERE n.business_date BETWEEN :since AND :through
            AND n.direction = 'in' AND n.repeat_of IS NULL AND n.handled_at IS NOT NULL AND NOT n.beside
            AND NOT EXISTS (SELECT FROM match m WHERE m.notice_id = n.id AND m.undone_at IS NULL)
    ), due AS (
        SELECT DISTINCT n.id, n.business_date, n.amount, n.account, n.bank, r.account_id,
            {bank_day.POSTING.format(moment="n.occurred_at", day="c")} AS posting, r.days
        FROM reach r
        JOIN unmatched n ON n.account = r.number
            AND (n.bin = r.bin OR (n.bin IS NULL AND r.bankless @> n.business_date))
            AND (r.held IS NULL OR r.held @> n.business_date)
        JOIN bank_day c ON c.day = n.business_date
        WHERE r.days @> n.business_date
    ), tied AS (
        SELECT jsonb_array_elements_text(detail -> 'notices')::bigint AS notice_id FROM finding
        WHERE kind = 'ambiguous' AND status IN ('open', 'closed') AND detail ? 'notices'
    )
    SELECT DISTINCT ON (d.id) d.id, d.business_date, d.amount, d.account, d.bank, f.kind
    FROM due d
    LEFT JOIN finding f ON f.notice_id = d.id AND f.status <> 'resolved'
    WHERE d.posting < :today AND d.days @> daterange(d.business_date, d.posting, '[]')
        AND (f.id IS NULL OR (f.kind <> 'not_in_statement' AND NOT f.detail ? 'missing'))
        AND d.id NOT IN (SELECT notice_id FROM tied)
    ORDER BY d.id
""").bindparams(bindparam("through", type_=Date), bindparam("today", type_=Date))
_NOTED = text("""
    UPDATE finding SET detail = detail || '{"missing": true}' WHERE notice_id = ANY(:ids) AND kind = ANY(:held)
""")


def judge(session: Session, since: date, through: date, today: date) -> int:
    """Open a finding for every notice since a day that a statement should have had a line for; returns how many.

    A notice is only expected until the bank had to book it and a statement covers all the days until then. One that
    waits for its owner anyway keeps its finding, which says so too.
    """
    columns = [list(column) for column in zip(*bank_day.calendar(since, max(since, through)), strict=True)]
    days = dict(zip(("days", "postings", "lates"), columns, strict=True))
    rows = session.execute(_MISSING, {**days, "since": since, "through": through, "today": today}).all()
    held = [row.id for row in rows if row.kind in HELD]
    session.execute(_NOTED, {"ids": held, "held": list(HELD)})
    return finding.open_all(session, _missing(session, rows))[0]


_SINCE = text("""
    SELECT least(r.judged_on, (
        SELECT min(first_day) FROM statement
        WHERE r.judged_on IS NULL OR (imported_at AT TIME ZONE INTERVAL '7 hours')::date >= r.judged_on))
    FROM reconciliation r
""")


def since(session: Session, taken: date | None, today: date) -> date:
    """From which day notices have to be judged anew: the banks' days went by, statements came in, or their lines were
    `taken` to the books from that day on."""
    days = [day for day in (session.execute(_SINCE).scalar_one(), taken) if day is not None]
    session.execute(text("UPDATE reconciliation SET judged_on = :today"), {"today": today})
    return date.fromordinal(min(days, default=today).toordinal() - REACH_DAYS)


_MARKETS = text("SELECT id, market_id FROM stall WHERE id = ANY(:ids)")


def _missing(session: Session, rows: Sequence[Any]) -> list[Opened]:
    positions = journal.positions_of_notices(session, [row.id for row in rows])
    stalls = {key: journal.stall_of(position.account) for key, position in positions.items()}
    wanted = {"ids": [stall_id for stall_id in set(stalls.values()) if stall_id]}
    markets = {row.id: row.market_id for row in session.execute(_MARKETS, wanted)}
    opened = []
    for row in rows:
        if row.kind not in HELD and row.id in positions:
            stall_id = stalls[row.id]
            where = (markets.get(stall_id), stall_id, (), {"account": row.account, "bank": row.bank})
            opened.append(Opened("not_in_statement", row.id, row.business_date, row.amount, *where))
    return opened
