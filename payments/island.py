"""Islands: facts of one account and amount that a rule holds possible for each other; most pair by rank, in SQL.

Where an island has as many notices as lines, and the first with the first, the second with the second and so on are
all possible, they are its cheapest pairs and nothing is left over. The rest goes through `pairing`.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from payments import attribution, pairing
from payments.attribution import Receipt
from payments.pairing import Fact

WINDOW_SECONDS = 30 * 60
"""How far the bank's and the provider's clock and bookkeeping may be apart. SePay tells the bank's own time."""


class Stage(NamedTuple):
    """key: what notice and line have in common besides account and amount. near: which of those are possible.

    `time`: no more than WINDOW_SECONDS apart. `day`: on the same day. `later`: the line has no time and stands on a
    later day, on which the bank may have booked it.
    """

    rule: str
    key: str
    near: str
    timed: bool | None


STAGES = (
    Stage("virtual_account", "virtual_account", "time", True),
    Stage("virtual_account", "virtual_account", "day", False),
    Stage("virtual_account", "virtual_account", "later", False),
    Stage("token", "token", "day", None),
    Stage("time", "''", "time", True),
    Stage("time", "''", "day", False),
    Stage("time", "''", "later", False),
)


class Marks(NamedTuple):
    """What a fact says of itself. own: the stall that the registry names for it. high: until when a notice may be
    booked."""

    token: str | None
    virtual_account: str | None
    own: int | None
    high: date | None


_FACTS = """
    SELECT 0 AS side, id, account_id, {key} AS key, amount, at, ord, day, {begin} AS begin, {end} AS until, high,
        token, virtual_account, NULL::bigint AS decided
    FROM free_told WHERE {key} IS NOT NULL {late}
    UNION ALL
    SELECT 1, id, account_id, {key}, amount, at, ord, day, {line} AS begin, {line} AS until, NULL,
        token, virtual_account, decided
    FROM free_stated WHERE {key} IS NOT NULL {timed}
"""
_SPANS = {
    "time": {"begin": "at", "end": f"at + {WINDOW_SECONDS}", "line": "at", "late": ""},
    "day": {"begin": "day - DATE '2000-01-01'", "end": "day - DATE '2000-01-01'", "line": "day - DATE '2000-01-01'"}
    | {"late": ""},
    "later": {"begin": "day + 1 - DATE '2000-01-01'", "end": "high - DATE '2000-01-01'"}
    | {"line": "day - DATE '2000-01-01'", "late": "AND high > day"},
}
_TIMED = {True: "AND at IS NOT NULL", False: "AND at IS NULL", None: ""}
# A fact begins another island when it lies beyond everything before it. Timed lines reach half an hour ahead as well.
_ISLES = """
    CREATE TEMPORARY TABLE isle ON COMMIT DROP AS
    WITH fact AS ({facts}), apart AS (
        SELECT *, begin > max(until{ahead}) OVER (alike ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS apart
        FROM fact WINDOW alike AS (PARTITION BY account_id, key, amount ORDER BY begin, side, at, ord)
    ), numbered AS (
        SELECT *, count(*) FILTER (WHERE apart) OVER (PARTITION BY account_id, key, amount
            ORDER BY begin, side, at, ord ROWS UNBOUNDED PRECEDING) AS nr
        FROM apart
    ), counted AS (
        SELECT *, row_number() OVER (PARTITION BY account_id, key, amount, nr, side ORDER BY at, day, ord) AS rank,
            count(*) FILTER (WHERE side = 0) OVER isle AS notices, count(*) FILTER (WHERE side = 1) OVER isle AS lines,
            count(at) FILTER (WHERE side = 1) OVER isle AS timed
        FROM numbered WINDOW isle AS (PARTITION BY account_id, key, amount, nr)
    )
    SELECT * FROM counted WHERE notices > 0 AND lines > 0
"""
_NEAR = {
    "time": f"abs(n.at - l.at) <= {WINDOW_SECONDS}",
    "day": "(n.timed = 0 OR n.timed = n.lines)",
    "later": "l.day > n.day AND l.day <= n.high",
}
_BY_RANK = """
    INSERT INTO fresh
    WITH ranked AS (
        SELECT account_id, key, amount, nr, n.id AS notice_id, l.id AS line_id, {near} AND l.decided IS NULL
            AND (n.token IS NULL OR l.token IS NULL OR n.token = l.token)
            AND (n.virtual_account IS NULL OR l.virtual_account IS NULL OR n.virtual_account = l.virtual_account)
            AS possible
        FROM isle n JOIN isle l USING (account_id, key, amount, nr, rank)
        WHERE n.side = 0 AND l.side = 1 AND n.notices = n.lines
    )
    SELECT notice_id, line_id, '{rule}' FROM (
        SELECT *, bool_and(possible) OVER (PARTITION BY account_id, key, amount, nr) AS all_possible FROM ranked
    ) AS r WHERE all_possible
"""
_REST = text("""
    SELECT i.account_id, i.key, i.amount, i.nr, i.side, i.id, i.at, i.day, i.high, i.token, i.virtual_account,
        i.decided, coalesce(n.account, a.number) AS account, CASE WHEN i.side = 0 THEN n.bin ELSE a.bin END AS bin
    FROM isle i
    JOIN account a ON a.id = i.account_id
    LEFT JOIN LATERAL (SELECT account, bin FROM notice WHERE i.side = 0 AND id = i.id OFFSET 0) AS n ON true
    WHERE NOT EXISTS (SELECT FROM fresh p WHERE i.side = 0 AND p.notice_id = i.id)
        AND NOT EXISTS (SELECT FROM fresh p WHERE i.side = 1 AND p.line_id = i.id)
    ORDER BY i.account_id, i.key, i.amount, i.nr, i.side, i.at, i.day, i.ord
""")
_PAIRS = text("INSERT INTO fresh SELECT *, :rule FROM unnest(CAST(:notices AS bigint[]), CAST(:lines AS bigint[]))")
_TIES = text("INSERT INTO tie SELECT l, CAST(:notices AS bigint[]), 'pair' FROM unnest(CAST(:lines AS bigint[])) AS l")


def pair_stage(session: Session, stage: Stage) -> None:
    """Add what the stage pairs among the free facts to `fresh`, and what can't be told to `tie`."""
    facts = _FACTS.format(key=stage.key, timed=_TIMED[stage.timed], **_SPANS[stage.near])
    ahead = f" + CASE side WHEN 1 THEN {WINDOW_SECONDS} ELSE 0 END" if stage.near == "time" else ""
    for statement in (
        "DROP TABLE IF EXISTS isle",
        _ISLES.format(facts=facts, ahead=ahead),
        "ANALYZE isle (account_id, key, amount, nr, side, rank)",
        _BY_RANK.format(near=_NEAR[stage.near], rule=stage.rule),
    ):
        session.execute(text(statement))
    rest = session.execute(_REST).all()
    if rest:
        _pair_rest(session, stage, rest)


def _pair_rest(session: Session, stage: Stage, rest: Sequence[Any]) -> None:
    owners = _owners(session, rest)
    notices: list[int] = []
    lines: list[int] = []
    for _, isle in groupby(rest, key=lambda row: (row.account_id, row.key, row.amount, row.nr)):
        facts = [(row.side, _fact(row, owners)) for row in isle]
        ours, theirs = ([fact for side, fact in facts if side == wanted] for wanted in (0, 1))
        found = pairing.pair(ours, theirs, partial(_possible, stage), uniform=_uniform(ours, theirs))
        notices += [ours[place].id for place, _ in found.pairs]
        lines += [theirs[place].id for _, place in found.pairs]
        if found.tied_lines:
            tied = [ours[place].id for place in sorted(found.tied_notices)]
            session.execute(_TIES, {"notices": tied, "lines": [theirs[place].id for place in found.tied_lines]})
    session.execute(_PAIRS, {"rule": stage.rule, "notices": notices, "lines": lines})


def _owners(session: Session, rest: Sequence[Any]) -> dict[tuple[int, int], int | None]:
    """By side and id: the stall that the registry names for it by itself."""
    numbers = [number for row in rest for number in (row.account, row.virtual_account) if number]
    known = attribution.directory(session, numbers, [token for row in rest for token in _tokens(row)])
    found = {}
    for row in rest:
        receipt = Receipt(row.account, row.virtual_account, row.bin, row.day, _tokens(row))
        found[row.side, row.id] = attribution.attribute(receipt, known).stall_id
    return found


def _tokens(row: Any) -> list[str]:
    return row.token.split(",") if row.token else []


def _fact(row: Any, owners: dict[tuple[int, int], int | None]) -> Fact:
    own = owners[row.side, row.id]
    marks = Marks(row.token, row.virtual_account, own, row.high)
    return Fact(row.id, row.at, (row.decided or own, row.day), marks, row.decided is not None)


def _possible(stage: Stage, notice: Fact, line: Fact) -> bool:
    """Near enough, and neither token nor virtual account says otherwise, nor a person: who gave a line to a stall did
    not know of a notice that names another one than the line did."""
    for ours, theirs in zip(notice.marks[:2], line.marks[:2], strict=True):
        if ours is not None and theirs is not None and ours != theirs:
            return False
    if line.decided and notice.kind[0] not in (line.kind[0], line.marks.own):
        return False
    if stage.near == "time":
        assert notice.at is not None and line.at is not None
        return abs(notice.at - line.at) <= WINDOW_SECONDS
    return stage.near == "day" or bool(notice.kind[1] < line.kind[1] <= notice.marks.high)


def _uniform(notices: Sequence[Fact], lines: Sequence[Fact]) -> bool:
    """All of one kind, and only times to choose by: timed lines or none, and no mark that forbids a pair."""
    alike = len({each.kind for each in notices}) == 1 and len({each.kind for each in lines}) == 1
    marks = all(len({each.marks[place] for each in (*notices, *lines)} - {None}) <= 1 for place in (0, 1))
    timed = len({line.at is None for line in lines}) == 1
    return alike and marks and timed and not any(line.decided for line in lines)
