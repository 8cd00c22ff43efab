"""Reconciliation: the bank's statements against the books, account by account, as far as a day."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Date, bindparam, text
from sqlmodel import Field, Session, SQLModel

from ground import clock
from ground.refusal import Refusal
from ground.store import Store
from payments import consequence, corroboration, coverage, matching, payout_line
from payments.consequence import Outcome
from payments.matching import Scope

PORTION_LINES = 100_000
"""Lines taken to the books in one commit; postings wait meanwhile."""
Watch = Callable[[list[list[int]]], Iterable[list[int]]]
_LOCK = 0x4D61726B


class Reconciliation(SQLModel, table=True):
    """The one row that says how far: through which business day, and when it was last asked what is missing."""

    id: int = Field(default=1, primary_key=True)
    through: date | None = None
    judged_on: date | None = None


class Reconciled(NamedTuple):
    """The document of docs/commands.md; `open`: the findings that are open now."""

    confirmed: int
    posted_from_statement: int
    opened: int
    resolved: int
    open: int


def share(session: Session) -> None:
    """For a posting: others may post meanwhile, nobody may match."""
    session.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})


def hold(session: Session) -> None:
    """For matching and deciding: nobody else posts, matches or decides until the commit."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def reconcile(store: Store, through: date, watch: Watch = iter) -> Reconciled:
    """Match what happened up to `through`, draw the consequences, and say what is missing from the statements.

    What was taken once stays taken: an earlier `through` than the last one is as good as that one, and a day that is
    yet to come is refused. Each commit is whole; stopped in between, the next run goes on. `watch` sees the portions
    of accounts go by.
    """
    today = clock.today()
    if through > today:
        raise Refusal("reconciliation.future", day=through, today=today)
    with store.session() as session:
        hold(session)
        before, through = _advance(session, through)
        dirty = _dirty(session, before, through)
        session.commit()
    total = Outcome()
    for accounts in watch(_portions(store, [scope.account_id for scope in dirty])):
        with store.session() as session:
            total = total.plus(_take_accounts(session, accounts, before, through))
            session.commit()
    with store.session() as session:
        hold(session)
        if dirty:
            session.execute(text("ANALYZE match, entry, finding"))
        session.execute(text("SET LOCAL work_mem = '64MB'"))
        today = clock.today()
        since = coverage.since(session, min((scope.first for scope in dirty), default=None), today)
        total = total.plus(Outcome(opened=coverage.judge(session, since, through, today)))
        session.commit()
        still_open = session.execute(text("SELECT count(*) FROM finding WHERE status = 'open'")).scalar_one()
    return Reconciled(total.confirmed, total.posted, total.opened, total.resolved, still_open)


def _take_accounts(session: Session, accounts: Sequence[int], before: date | None, through: date) -> Outcome:
    """An account whose statement is coming in just now is left for the next run."""
    hold(session)
    free = list(session.execute(_LOCK_FREE, {"ids": accounts}).scalars())
    scopes = _dirty(session, before, through, free)
    if not scopes:
        return Outcome()
    outcome = take(session, scopes, through)
    session.execute(_TAKEN, {"accounts": free, "through": through})
    return outcome


def take(session: Session, scopes: Sequence[Scope], through: date) -> Outcome:
    """Match these days anew and bring the books to it, in the caller's transaction."""
    corroborated = corroboration.pair_up(session, scopes, through)
    return consequence.draw(session, through, corroborated)


def meet(session: Session, notices: Sequence[Any]) -> None:
    """Notices just posted, of days that have been reconciled: what the statement told of them is known at once."""
    days: dict[str, tuple[date, date]] = {}
    for row in notices:
        for number in filter(None, (row.account, row.virtual_account)):
            first, last = days.get(number, (row.business_date, row.business_date))
            days[number] = (min(first, row.business_date), max(last, row.business_date))
    firsts, lasts = zip(*days.values(), strict=True) if days else ((), ())
    near = {"numbers": list(days), "firsts": list(firsts), "lasts": list(lasts)}
    rows = session.execute(_LATE, near).all()
    if rows:
        session.execute(_LOCK_ACCOUNTS, {"ids": sorted(row.account_id for row in rows)})
        take(session, [Scope(row.account_id, row.first, row.last) for row in rows], rows[0].through)


def match_again(session: Session, line_id: int) -> None:
    """After a decision about a line: its day anew. The caller holds the books."""
    day = text("""
        SELECT account_id, business_date, business_date, (SELECT through FROM reconciliation) FROM statement_line
        WHERE id = :id
    """)
    *scope, through = session.execute(day, {"id": line_id}).one()
    take(session, [Scope(*scope)], through)


_ADVANCE = text("""
    UPDATE reconciliation r SET through = greatest(r.through, :through) FROM reconciliation AS was
    RETURNING was.through, r.through
""")
# Days with lines that were never taken; the last day taken, whose notices may have come after midnight; and days of
# what could not be told apart, in case it can be now.
_DIRTY = text("""
    WITH day AS (
        SELECT account_id, greatest(least(first_day, first_line), reconciled_through + 1) AS first,
            least(greatest(last_day, last_line), :through) AS last
        FROM statement WHERE new_lines > 0
        UNION ALL
        SELECT account_id, business_date, :through
        FROM statement_line WHERE business_date = :before AND :before < :through
        UNION ALL
        SELECT l.account_id, l.business_date, l.business_date
        FROM finding f JOIN statement_line l ON l.id = f.line_id
        WHERE f.status IN ('open', 'closed') AND f.kind = 'ambiguous' AND f.detail ? 'doubt'
        UNION ALL
        SELECT account_id, business_date, business_date FROM statement_line WHERE id = ANY(:late)
    )
    SELECT account_id, min(first), max(last) FROM day
    WHERE first <= last AND (CAST(:accounts AS bigint[]) IS NULL OR account_id = ANY(:accounts))
    GROUP BY account_id ORDER BY account_id
""").bindparams(bindparam("before", type_=Date), bindparam("through", type_=Date))
_TAKEN = text("""
    UPDATE statement SET reconciled_through = greatest(reconciled_through, :through)
    WHERE account_id = ANY(:accounts) AND least(first_day, first_line) <= :through
""")
# The statement's account of a number that a provider tells: its own, or the one that a virtual account leads to.
_LATE = text("""
    WITH told AS (
        SELECT * FROM unnest(CAST(:numbers AS text[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
            AS t(number, first, last)
    ), reached AS (
        SELECT a.id AS account_id, t.first, t.last FROM told t JOIN account a USING (number)
        UNION
        SELECT s.account_id, t.first, t.last
        FROM told t JOIN account v USING (number)
        JOIN stall_state s ON s.virtual_account_id = v.id AND s.superseded_at IS NULL
        WHERE s.account_id IS NOT NULL
        UNION
        SELECT l.account_id, t.first, t.last
        FROM told t JOIN statement_line l ON l.virtual_account = t.number
            AND l.business_date BETWEEN t.first - 1 AND t.last + :reach
    )
    SELECT r.account_id, min(r.first) AS first, least(max(r.last), c.through) AS last, c.through
    FROM reached r CROSS JOIN reconciliation c
    WHERE r.first <= c.through AND EXISTS (
        SELECT FROM statement s WHERE s.account_id = r.account_id AND s.reconciled_through IS NOT NULL
            AND greatest(s.last_day, s.last_line) >= r.first - 1
            AND least(s.first_day, s.first_line) <= r.last + :reach)
    GROUP BY r.account_id, c.through
""").bindparams(reach=matching.REACH_DAYS)
_LOCK_FREE = text("SELECT id FROM account WHERE id = ANY(:ids) ORDER BY id FOR UPDATE SKIP LOCKED")
_LOCK_ACCOUNTS = text("SELECT id FROM account WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")


def _advance(session: Session, through: date) -> tuple[date | None, date]:
    before, now = session.execute(_ADVANCE, {"through": through}).one()
    return before, now


def _dirty(session: Session, before: date | None, through: date, accounts: Sequence[int] | None = None) -> list[Scope]:
    parameters = {"before": before, "through": through, "accounts": None if accounts is None else list(accounts)}
    parameters |= {"late": payout_line.late(session)}
    return [Scope(*row) for row in session.execute(_DIRTY, parameters)]


_LINES = text("""
    SELECT s.id, count(*) FROM unnest(CAST(:ids AS bigint[])) AS s(id)
    JOIN statement_line l ON l.account_id = s.id GROUP BY s.id
""")


def _portions(store: Store, accounts: Sequence[int]) -> list[list[int]]:
    """Accounts by their number of lines, so that a commit is neither tiny nor long."""
    with store.session() as session:
        lines = {row[0]: row[1] for row in session.execute(_LINES, {"ids": list(accounts)})}
    portions: list[list[int]] = [[]]
    size = 0
    for account_id in accounts:
        if size >= PORTION_LINES:
            portions.append([])
            size = 0
        portions[-1].append(account_id)
        size += lines.get(account_id, 0)
    return [portion for portion in portions if portion]
