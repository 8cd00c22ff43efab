"""The roll as a seal keeps it: which stalls traded on a market's days, and which codes were live at them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

import rfc8785
from sqlalchemy import Connection, text

from payments.area import Area, Span

Rolls = dict[int, bytes]
"""By market, the roll in canonical JSON."""


class Reach(NamedTuple):
    """The days of a market from the first to the last that counts."""

    market_id: int
    first: date
    last: date


def reaches(areas: Iterable[Area]) -> list[Reach]:
    """Of every market of these areas, in the order of their ids."""
    spans: dict[int, list[Span]] = {}
    for each in areas:
        for span in each.spans:
            spans.setdefault(span.market_id, []).append(span)
    return [
        Reach(market_id, min(span.first for span in several), max(span.last for span in several))
        for market_id, several in sorted(spans.items())
    ]


# What was before the days or comes after them is not told: it may change without a word.
_REACHES = """unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
        AS r(market_id, first, last)"""
_STATES = text(f"""
    SELECT r.market_id, s.id, s.number, greatest(t.since, r.first) AS since,
        CASE WHEN t.until <= r.last THEN t.until END AS until, t.status,
        t.merchant_id IS NOT NULL AND (t.account_id IS NOT NULL OR t.virtual_account_id IS NOT NULL) AS onboarded
    FROM {_REACHES}
    JOIN stall s ON s.market_id = r.market_id
    JOIN stall_state t ON t.stall_id = s.id AND t.superseded_at IS NULL
        AND t.since <= r.last AND (t.until IS NULL OR t.until > r.first)
    ORDER BY 1, 2, 4
""")
_CODES = text(f"""
    SELECT r.market_id, s.id, s.number, greatest(c.live_from, r.first) AS live_from,
        CASE WHEN c.revoked_on <= r.last THEN c.revoked_on END AS revoked_on
    FROM {_REACHES}
    JOIN stall s ON s.market_id = r.market_id
    JOIN code c ON c.stall_id = s.id AND c.live_from <= r.last
        AND (c.revoked_on IS NULL OR c.revoked_on > greatest(r.first, c.live_from))
    ORDER BY 1, 2, 4
""")


def read(connection: Connection, wanted: Sequence[Reach]) -> Rolls:
    """Each stall as [id, number, [[since, until, status, onboarded], …], [[live_from, revoked_on], …]]."""
    asked = columns(wanted)
    rolls: dict[int, dict[int, list[Any]]] = {each.market_id: {} for each in wanted}
    for at, query in ((2, _STATES), (3, _CODES)):
        for market_id, stall_id, number, since, until, *more in connection.execute(query, asked):
            stall = rolls[market_id].setdefault(stall_id, [stall_id, number, [], []])
            stall[at].append([since.isoformat(), until and until.isoformat(), *more])
    return {market_id: rfc8785.dumps([stalls[id_] for id_ in sorted(stalls)]) for market_id, stalls in rolls.items()}


def columns(wanted: Sequence[Span | Reach]) -> dict[str, list[Any]]:
    """For SQL: a row for each."""
    return _columns([tuple(each) for each in wanted], "markets", "firsts", "lasts")


def digest(roll: bytes) -> bytes:
    return hashlib.sha256(roll).digest()


def differing(was: str, now: str) -> set[str]:
    """In what two rolls of the same market-days differ: in their stalls (`roll change`), in the codes at them, or both.

    A stall without states, or without codes, is none as far as those go.
    """
    before, after = json.loads(was), json.loads(now)
    found = set()
    for at, said in ((2, "roll change"), (3, "code change")):
        one, other = ({stall[0]: (stall[1], stall[at]) for stall in roll if stall[at]} for roll in (before, after))
        if one != other:
            found.add(said)
    return found


_CLEAR = text("TRUNCATE pg_temp.stall, pg_temp.stall_state, pg_temp.code")
_STALLS = text("""
    INSERT INTO pg_temp.stall SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:markets AS bigint[]))
""")
_LAY_STATES = text("""
    INSERT INTO pg_temp.stall_state
    SELECT stall_id, since, until, status, 1, CASE WHEN onboarded THEN 1 END, NULL, NULL
    FROM unnest(CAST(:stalls AS bigint[]), CAST(:sinces AS date[]), CAST(:untils AS date[]), CAST(:statuses AS text[]),
        CAST(:onboarded AS boolean[])) AS t(stall_id, since, until, status, onboarded)
""")
_LAY_CODES = text("""
    INSERT INTO pg_temp.code
    SELECT * FROM unnest(CAST(:stalls AS bigint[]), CAST(:sinces AS date[]), CAST(:untils AS date[]))
""")


def lay(connection: Connection, rolls: dict[int, str]) -> None:
    """Put kept rolls into the tables that stand before the present ones (`sealed_basis`)."""
    stalls = [(stall, market_id) for market_id, roll in rolls.items() for stall in json.loads(roll)]
    states = [(stall[0], *state) for stall, _ in stalls for state in stall[2]]
    codes = [(stall[0], *code) for stall, _ in stalls for code in stall[3]]
    connection.execute(_CLEAR)
    connection.execute(_STALLS, {"ids": [stall[0] for stall, _ in stalls], "markets": [id_ for _, id_ in stalls]})
    connection.execute(_LAY_STATES, _columns(states, "stalls", "sinces", "untils", "statuses", "onboarded"))
    connection.execute(_LAY_CODES, _columns(codes, "stalls", "sinces", "untils"))


def _columns(rows: Sequence[tuple[Any, ...]], *names: str) -> dict[str, list[Any]]:
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}
