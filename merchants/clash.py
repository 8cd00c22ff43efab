"""A clash: a virtual account that a new roll would give to two at a time."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from merchants.chain import Dated
from merchants.market import Market
from merchants.standing import Plan, Standing


class Clash(NamedTuple):
    """A stall by its key in the plan, and the account it can't have because `other` (MARKET/STALL) has it."""

    key: str
    number: str
    other: str


class _Use(NamedTuple):
    """An account serving a stall, with the dates."""

    account_id: int
    virtual: bool
    since: date
    until: date | None
    stall: str

    def excludes(self, other: "_Use") -> bool:
        earlier, later = sorted((self, other), key=lambda use: use.since)
        meet = earlier.until is None or later.since < earlier.until
        return meet and (self.virtual or other.virtual)


_ELSEWHERE = text("""
    SELECT used.account_id, used.virtual, state.since, state.until, m.code || '/' || s.number
    FROM stall_state state JOIN stall s ON s.id = state.stall_id JOIN market m ON m.id = s.market_id
    CROSS JOIN LATERAL (VALUES (state.account_id, false), (state.virtual_account_id, true))
        AS used(account_id, virtual)
    WHERE state.superseded_at IS NULL AND NOT s.id = ANY(:changing)
        AND (state.account_id = ANY(:accounts) OR state.virtual_account_id = ANY(:accounts))
        AND used.account_id = ANY(:accounts) AND (used.virtual OR used.account_id = ANY(:virtual))
    ORDER BY state.id
""")
_NUMBERS = text("SELECT id, number FROM account WHERE id = ANY(:ids)")


def find(session: Session, market: Market, standings: Mapping[str, Standing], plan: Plan) -> list[Clash]:
    """Where the plan breaks it: a virtual account serves one stall at a time and is nobody's plain account."""
    wanted = [(key, use) for key, rows in plan.items() for row in rows for use in _uses(f"{market.code}/{key}", row)]
    elsewhere = session.execute(
        _ELSEWHERE,
        {
            "accounts": sorted({use.account_id for _, use in wanted}),
            "virtual": sorted({use.account_id for _, use in wanted if use.virtual}),
            "changing": [standings[key].stall_id for key in plan if key in standings],
        },
    )
    known: dict[int, list[_Use]] = {}
    for row in elsewhere:
        known.setdefault(row[0], []).append(_Use(*row))
    found: dict[tuple[str, int], str] = {}
    for key, use in wanted:
        others = known.setdefault(use.account_id, [])
        for other in others:
            if use.excludes(other):
                found.setdefault((key, use.account_id), other.stall)
        others.append(use)
    numbers = {row.id: row.number for row in session.execute(_NUMBERS, {"ids": [id_ for _, id_ in found]})}
    return [Clash(key, numbers[id_], other) for (key, id_), other in found.items()]


def _uses(stall: str, row: Dated) -> Iterator[_Use]:
    for account_id, virtual in ((row.content.account_id, False), (row.content.virtual_account_id, True)):
        if account_id is not None:
            yield _Use(account_id, virtual, row.since, row.until, stall)
