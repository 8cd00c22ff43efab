"""Matching: which statement line is which notice, set-based in PostgreSQL, by rules in a fixed order.

1. `reference`: the bank's line and the provider's notice bear the same reference. 2. `memo`: the reference of one
stands in the memo of the other. 3. `virtual_account`: same virtual account, amount and time. 4. `token`: same stall
token, amount and day. 5. `time`: same account and amount, the nearest time within half an hour; for a line without
a time the same day, then the days until the bank had to book it. And `batch`: one line for all the notices that bear
its reference, where they add up to it, or for the card sales of the payout that it names (`payout_line`).

A rule pairs only what the rules before it left. Another amount is told only by a reference. What a rule could pair
in several ways with another outcome is tied: nobody's pair. So is, at the end, a line whose reference several notices
bear that do not add up to it. Money going out that came back is named by its reference, or is nobody's pair.
All of it follows from the facts alone, whatever the order they arrived in.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, Text, bindparam, text
from sqlmodel import Field, Session, SQLModel

from ground.database import Moment
from payments import bank_day, island, naming, payout_line
from payments.island import WINDOW_SECONDS, Stage
from payments.receiving_account import bankless_days

REACH_DAYS = 14
"""No notice's window of days is longer: Tết with the weekends beside it."""


class Match(SQLModel, table=True):
    """A line and the notice it is, by which rule, since when, and until when it was held to be so.

    undone_number: a trigger counts what is undone, so that a seal knows what was before it.
    """

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    line_id: int = Field(sa_type=BigInteger)
    notice_id: int = Field(sa_type=BigInteger)
    rule: str
    matched_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    undone_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    undone_number: int | None = Field(default=None, sa_type=BigInteger)


class Scope(NamedTuple):
    """The days of an account to be matched anew, both included."""

    account_id: int
    first: date
    last: date


_SCOPE = f"""
    CREATE TEMPORARY TABLE scope ON COMMIT DROP AS
    SELECT a.id AS account_id, a.bin, a.number, c.first, c.last, {bankless_days("a")} AS bankless
    FROM unnest(CAST(:accounts AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
        AS c(account_id, first, last)
    JOIN account a ON a.id = c.account_id
"""
_CALENDAR = """
    CREATE TEMPORARY TABLE bank_day ON COMMIT DROP AS
    SELECT * FROM unnest(CAST(:days AS date[]), CAST(:postings AS date[]), CAST(:lates AS date[]))
        AS c(day, posting, late_posting)
"""
# The numbers under which providers tell of an account's money: its own, and the virtual ones that lead to it, by the
# roll or by what its statement says.
_REACH = f"""
    CREATE TEMPORARY TABLE reach ON COMMIT DROP AS
    SELECT account_id, number, CAST(bin AS text) AS bin, bankless, false AS virtual, CAST(NULL AS daterange) AS days
    FROM scope
    UNION ALL
    SELECT s.account_id, v.number, v.bin, {bankless_days("v")}, true, daterange(t.since, t.until)
    FROM scope s
    JOIN stall_state t ON t.account_id = s.account_id AND t.superseded_at IS NULL
    JOIN account v ON v.id = t.virtual_account_id AND v.id <> s.account_id
    UNION ALL
    SELECT DISTINCT l.account_id, l.virtual_account, CAST(NULL AS text), CAST(NULL AS datemultirange), true,
        CAST(NULL AS daterange)
    FROM stated l
    WHERE l.virtual_account IS NOT NULL AND NOT EXISTS (
        SELECT FROM account v JOIN stall_state t ON t.virtual_account_id = v.id AND t.superseded_at IS NULL
        WHERE v.number = l.virtual_account AND t.account_id IS NOT NULL)
"""
# `low` and `high`: the days on which the bank may show it, half an hour around its time and until it must be booked.
# Of each number by its index (OFFSET 0): the planner would go through the notices of years for every portion.
_NOTICES = f"""
    CREATE TEMPORARY TABLE told ON COMMIT DROP AS
    SELECT {{distinct}} x.id, r.account_id, x.business_date AS day,
        ((x.occurred_at - INTERVAL '{WINDOW_SECONDS} seconds') AT TIME ZONE INTERVAL '7 hours')::date AS low,
        {bank_day.POSTING.format(moment="x.occurred_at", day="c")} AS high,
        extract(epoch FROM x.occurred_at)::bigint AS at, x.amount, upper(btrim(x.reference)) AS reference,
        coalesce(x.virtual_account, CASE WHEN r.virtual THEN x.account END) AS virtual_account,
        CASE WHEN x.tokens <> '{{{{}}}}'
            THEN (SELECT string_agg(t, ',' ORDER BY t) FROM unnest(x.tokens) AS t) END AS token,
        hashtextextended(x.provider || ' ' || x.external_id, 0) AS ord, x.names, x.named
    FROM scope s JOIN reach r USING (account_id)
    CROSS JOIN LATERAL (
        SELECT * FROM notice
        WHERE account = r.number AND business_date BETWEEN s.first AND least(s.last, :through)
            AND direction = 'in' AND repeat_of IS NULL OFFSET 0) AS x
    JOIN bank_day c ON c.day = x.business_date
    WHERE (r.bin = x.bin OR r.bin IS NULL OR (x.bin IS NULL AND r.bankless @> x.business_date))
        AND (r.days IS NULL OR r.days @> x.business_date)
        AND x.handled_at IS NOT NULL
        AND CASE WHEN :beside IS NULL THEN NOT x.beside ELSE x.beside AND x.provider = :beside END
        AND x.id NOT IN (SELECT notice_id FROM finding WHERE notice_id IS NOT NULL AND kind = 'implausible')
    {{order}}
"""
# A number that reaches two accounts is the first one's.
_SHARED = "SELECT EXISTS (SELECT FROM reach GROUP BY number HAVING count(*) > 1)"
_ONCE = {
    False: {"distinct": "", "order": ""},
    True: {"distinct": "DISTINCT ON (x.id)", "order": "ORDER BY x.id, r.account_id"},
}
_LINES = """
    CREATE TEMPORARY TABLE stated ON COMMIT DROP AS
    SELECT l.id, l.account_id, l.business_date AS day, extract(epoch FROM l.occurred_at)::bigint AS at, l.amount,
        upper(btrim(l.reference)) AS reference, l.virtual_account,
        CASE WHEN l.tokens <> '{}'
            THEN (SELECT string_agg(t, ',' ORDER BY t) FROM unnest(l.tokens) AS t) END AS token,
        hashtextextended(encode(l.alike, 'hex'), l.nth) AS ord, l.names, l.named, f.stall_id AS decided,
        l.reversal AS returned
    FROM scope s
    CROSS JOIN LATERAL (
        SELECT * FROM statement_line
        WHERE account_id = s.account_id AND business_date BETWEEN s.first AND least(s.last, :through) OFFSET 0) AS l
    LEFT JOIN finding f ON f.line_id = l.id AND f.status = 'assigned'
    WHERE l.direction = 'in'
"""
# Of a table that lives for seconds a look at 3,000 rows is enough; its sorts and joins stay in memory.
_PLANNING = ("SET LOCAL default_statistics_target = 10", "SET LOCAL work_mem = '64MB'")
_COMPARED = "id, account_id, day, amount, reference"
_TABLES = "scope, bank_day, reach, told, stated, pair, fresh, repeated, tie, free_told, free_stated, rest, paid_out"


def pair_up(session: Session, scopes: Sequence[Scope], through: date, beside: str | None = None) -> None:
    """Match what happened on these days, up to `through`. Nothing is written but temporary tables: the pairs in `pair`
    (notice_id, line_id, rule), the ties in `tie` (line_id, notices, doubt), all facts in `told` and `stated`.

    beside: of the notices kept beside the books those of this provider, instead of those in them."""
    for setting in _PLANNING:
        session.execute(text(setting))
    _load(session, scopes, through, beside)
    while wider := _widen(session):
        _load(session, wider, through, beside)
    _trim(session)
    for table in ("pair", "fresh"):
        columns = "(notice_id bigint, line_id bigint, rule text)"
        session.execute(text(f"CREATE TEMPORARY TABLE {table} {columns} ON COMMIT DROP"))
    session.execute(text("CREATE TEMPORARY TABLE tie (line_id bigint, notices bigint[], doubt text) ON COMMIT DROP"))
    session.execute(text(_REPEATED))
    session.execute(text(naming.SAME_REFERENCE))
    if session.execute(text("SELECT FROM repeated LIMIT 1")).first() is not None:
        session.execute(text(naming.SAME_REFERENCE_REPEATED))
    for statement in (_KEEP, *_free(), naming.REST, "ANALYZE rest", "TRUNCATE fresh"):
        session.execute(text(statement))
    for statement in payout_line.PAYOUT:
        session.execute(text(statement))
    _take(session)
    left = Left(*session.execute(_LEFT).one())
    names = (naming.OTHER_AMOUNT, naming.BATCH) if left.shared else ()
    mentions = (naming.MEMO, naming.MEMO_OTHER_AMOUNT) if left.mentions else ()
    for statement in (*names, *mentions):
        session.execute(text(statement))
        _take(session)
    for stage in filter(left.allows, island.STAGES):
        island.pair_stage(session, stage)
        _take(session)
    if left.shared:
        session.execute(text(naming.NOT_ADDING_UP))


def _load(session: Session, scopes: Sequence[Scope], through: date, beside: str | None) -> None:
    first = min(scope.first for scope in scopes) - timedelta(days=REACH_DAYS)
    last = max(scope.last for scope in scopes) + timedelta(days=REACH_DAYS)
    days = list(bank_day.calendar(first, last))
    session.execute(text(f"DROP TABLE IF EXISTS {_TABLES}"))
    accounts, firsts, lasts = zip(*scopes, strict=True)
    session.execute(text(_SCOPE), {"accounts": list(accounts), "firsts": list(firsts), "lasts": list(lasts)})
    columns = [list(column) for column in zip(*days, strict=True)]
    session.execute(text(_CALENDAR), dict(zip(("days", "postings", "lates"), columns, strict=True)))
    padded = text(f"UPDATE scope SET first = first - {REACH_DAYS}, last = last + {REACH_DAYS}")
    session.execute(padded)
    session.execute(text("ANALYZE scope"))
    session.execute(text(_LINES), {"through": through})
    session.execute(text(_REACH))
    session.execute(text("ANALYZE reach, bank_day"))
    notices = _NOTICES.format(**_ONCE[session.execute(text(_SHARED)).scalar_one()])
    session.execute(text(notices).bindparams(bindparam("beside", type_=Text)), {"through": through, "beside": beside})
    for table in (f"told ({_COMPARED})", f"stated ({_COMPARED})"):
        session.execute(text(f"ANALYZE {table}"))


# A notice and a line on either side of a border that could be a pair: the border has to move.
_WIDEN = f"""
    WITH core AS (
        SELECT account_id, first + {REACH_DAYS} AS first, last - {REACH_DAYS} AS last FROM scope
    ), crossing AS (
        SELECT c.account_id, least(n.day, l.day) AS early, greatest(n.day, l.day) AS late
        FROM core c
        JOIN told n ON n.account_id = c.account_id
            AND ((n.low < c.first AND n.high >= c.first) OR (n.low <= c.last AND n.high > c.last))
        JOIN stated l ON l.account_id = c.account_id AND l.day BETWEEN n.low AND n.high
            AND (l.amount = n.amount OR l.reference = n.reference OR l.names && n.named OR l.named && n.names)
        WHERE (n.day BETWEEN c.first AND c.last) <> (l.day BETWEEN c.first AND c.last)
    )
    SELECT c.account_id, least(c.first, min(x.early)) AS first, greatest(c.last, max(x.late)) AS last,
        count(x.account_id) AS crossings
    FROM core c LEFT JOIN crossing x USING (account_id) GROUP BY c.account_id, c.first, c.last
"""


def _widen(session: Session) -> list[Scope] | None:
    """Days that hold every fact which could be paired with one in the scope; None when they do already."""
    rows = session.execute(text(_WIDEN)).all()
    if not any(row.crossings for row in rows):
        return None
    return [Scope(row.account_id, row.first, row.last) for row in rows]


def _trim(session: Session) -> None:
    """The days around were only looked at."""
    session.execute(text(f"UPDATE scope SET first = first + {REACH_DAYS}, last = last - {REACH_DAYS}"))
    for table in ("told", "stated"):
        outside = "s.account_id = f.account_id AND (f.day < s.first OR f.day > s.last)"
        session.execute(text(f"DELETE FROM {table} f USING scope s WHERE {outside}"))


def _free() -> list[str]:
    """What the first rule left: it leaves little where bank and provider number alike, so the rest is quick."""
    tables = (("free_told", "told", "notice_id", ""), ("free_stated", "stated", "line_id", "AND NOT f.returned"))
    return [
        statement
        for free, table, column, which in tables
        for statement in (
            f"CREATE TEMPORARY TABLE {free} ON COMMIT DROP AS SELECT f.* FROM {table} f WHERE"
            f" NOT EXISTS (SELECT FROM fresh p WHERE p.{column} = f.id) {which}",
            f"ANALYZE {free} ({_COMPARED})",
        )
    ]


class Left(NamedTuple):
    """What the first rule left: of the later ones, those that have nothing to look at are not asked.

    shared: both sides bear a reference. mentions: somebody mentions one. virtual_account, token: on both sides. timed,
    untimed: lines with a time, and without one, beside any notice.
    """

    shared: bool
    mentions: bool
    virtual_account: bool
    token: bool
    timed: bool
    untimed: bool

    def allows(self, stage: Stage) -> bool:
        by_key = {"virtual_account": self.virtual_account, "token": self.token}
        by_time = {True: self.timed, False: self.untimed, None: True}
        return by_key.get(stage.key, True) and by_time[stage.timed]


_LEFT = text("""
    SELECT EXISTS (SELECT FROM rest), n.named OR l.named, n.virtual AND l.virtual, n.token AND l.token,
        n.some AND l.timed, n.some AND l.untimed
    FROM (
        SELECT count(*) > 0 AS some, count(virtual_account) > 0 AS virtual, count(token) > 0 AS token,
            count(*) FILTER (WHERE named <> '{}') > 0 AS named FROM free_told
    ) AS n, (
        SELECT count(at) > 0 AS timed, count(*) > count(at) AS untimed, count(virtual_account) > 0 AS virtual,
            count(token) > 0 AS token, count(*) FILTER (WHERE named <> '{}') > 0 AS named FROM free_stated
    ) AS l
""")
_REPEATED = "CREATE TEMPORARY TABLE repeated (account_id bigint, reference text, amount bigint) ON COMMIT DROP"
_KEEP = "INSERT INTO pair SELECT * FROM fresh"


def _take(session: Session) -> None:
    """What has just been paired or tied is no longer free."""
    if session.execute(text("SELECT FROM fresh UNION ALL SELECT FROM tie LIMIT 1")).first() is None:
        return
    for statement in (
        "DELETE FROM free_told f USING fresh p WHERE p.notice_id = f.id",
        "DELETE FROM free_stated f USING fresh p WHERE p.line_id = f.id",
        "DELETE FROM free_told f USING tie t WHERE f.id = ANY(t.notices)",
        "DELETE FROM free_stated f USING tie t WHERE f.id = t.line_id",
        _KEEP,
        "TRUNCATE fresh",
    ):
        session.execute(text(statement))
