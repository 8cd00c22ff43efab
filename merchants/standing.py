"""Where a market's stalls stand in the books: their dated rows read, and others written over them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from merchants.chain import Content, Dated
from merchants.market import Market

Plan = Mapping[str, Sequence[Dated]]
"""The chains that are to be, by stall number in capitals."""


class Standing(NamedTuple):
    """A stall's id, its rows in order and the ids these have."""

    stall_id: int
    rows: dict[Dated, int]

    @property
    def chain(self) -> list[Dated]:
        return list(self.rows)

    @property
    def merchants(self) -> list[int]:
        """Who holds or held it, the latest first."""
        ids = [row.content.merchant_id for row in reversed(self.rows)]
        return [id_ for id_ in dict.fromkeys(ids) if id_ is not None]


_ROWS = text("""
    SELECT s.id, s.number, state.since, state.until, state.status, state.section, state.goods, state.merchant_id,
        state.account_id, state.virtual_account_id, state.account_name, state.id AS state_id
    FROM stall s JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
    WHERE s.market_id = :market ORDER BY s.id, state.since
""")


def read(session: Session, market: Market) -> dict[str, Standing]:
    """The market's stalls by number in capitals."""
    standings: dict[str, Standing] = {}
    for row in session.execute(_ROWS, {"market": market.key}):
        standing = standings.setdefault(row.number.upper(), Standing(row.id, {}))
        standing.rows[Dated(row.since, row.until, Content(*row[4:11]))] = row.state_id
    return standings


_NEW_STALLS = text("""
    INSERT INTO stall (market_id, number) SELECT :market, n FROM unnest(CAST(:numbers AS text[])) AS n
    RETURNING number, id
""")
_SUPERSEDE = text("UPDATE stall_state SET superseded_at = :now WHERE id = ANY(:ids)")
_NEW_ROWS = text("""
    INSERT INTO stall_state (stall_id, since, until, status, section, goods, merchant_id, account_id,
        virtual_account_id, account_name, recorded_at)
    SELECT r.*, :now FROM unnest(CAST(:stalls AS bigint[]), CAST(:since AS date[]), CAST(:until AS date[]),
        CAST(:status AS text[]), CAST(:section AS text[]), CAST(:goods AS text[]), CAST(:merchant AS bigint[]),
        CAST(:account AS bigint[]), CAST(:virtual AS bigint[]), CAST(:name AS text[])) AS r
""")


def write(
    session: Session,
    market: Market,
    standings: Mapping[str, Standing],
    plan: Plan,
    numbers: Mapping[str, str],
    moment: datetime,
) -> None:
    """Supersede the rows that the plan has no more, then lay in its new ones. `numbers`: those of new stalls."""
    ids = {key: standing.stall_id for key, standing in standings.items()}
    fresh = [numbers[key] for key in plan if key not in ids]
    made = session.execute(_NEW_STALLS, {"market": market.key, "numbers": fresh})
    ids.update({number.upper(): id_ for number, id_ in made})
    stored = {key: standings[key].rows if key in standings else {} for key in plan}
    gone = [id_ for key, chain in plan.items() for row, id_ in stored[key].items() if row not in chain]
    new = [(ids[key], row) for key, chain in plan.items() for row in chain if row not in stored[key]]
    session.execute(_SUPERSEDE, {"now": moment, "ids": gone})
    session.execute(_NEW_ROWS, {**_columns(new), "now": moment})


def _columns(new: Iterable[tuple[int, Dated]]) -> dict[str, list[Any]]:
    names = ("stalls", "since", "until", "status", "section", "goods", "merchant", "account", "virtual", "name")
    rows = [(stall_id, row.since, row.until, *row.content) for stall_id, row in new]
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}
