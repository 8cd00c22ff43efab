"""The books as they were at a seal, laid before the present ones, so that figures are counted from them anew.

Temporary tables that bear the names of the present ones are found first by PostgreSQL. So the same queries count both,
and nothing in them has to know which.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, text

from payments import census, evidence, indicator, lot, sealed_roll
from payments.area import Area, Place
from payments.evidence import Known
from payments.figure import Figure
from payments.movement import OF_REFUNDS
from payments.sealed_input import Mark
from payments.sealed_roll import Reach
from payments.stall_day import SIDES

_TABLES = """
    CREATE TEMPORARY TABLE stall (id bigint, market_id bigint);
    CREATE INDEX ON pg_temp.stall (market_id);
    CREATE TEMPORARY TABLE stall_state (stall_id bigint, since date, until date, status text, merchant_id bigint,
        account_id bigint, virtual_account_id bigint, superseded_at timestamptz);
    CREATE INDEX ON pg_temp.stall_state (stall_id);
    CREATE TEMPORARY TABLE code (stall_id bigint, live_from date, revoked_on date);
    CREATE INDEX ON pg_temp.code (stall_id);
    CREATE TEMPORARY TABLE stall_day (LIKE public.stall_day INCLUDING INDEXES);
    CREATE TEMPORARY TABLE cash_report (LIKE public.cash_report);
    CREATE INDEX ON pg_temp.cash_report (market_id, business_date, stall_id, source, id DESC);
    CREATE TEMPORARY TABLE observation (LIKE public.observation);
    CREATE INDEX ON pg_temp.observation (market_id, business_date);
    CREATE TEMPORARY TABLE inspection (LIKE public.inspection);
    CREATE INDEX ON pg_temp.inspection (market_id, inspected_on);
    CREATE TEMPORARY TABLE sample (LIKE public.sample);
"""
# All entries of the days that any seal is about, at one look: each seal takes those up to its number.
_SIDES_OF_SEALS = f"""
    CREATE TEMPORARY TABLE sealed_side AS
    SELECT s.market_id, e.business_date, e.stall_id, e.id, e.notice_id, e.line_id, e.kind, e.value, e.sales
    FROM ({SIDES}) AS e JOIN public.stall s ON s.id = e.stall_id
    WHERE s.market_id = ANY(:markets) AND e.business_date BETWEEN :first AND :last
"""
_INDEX = """
    CREATE INDEX ON pg_temp.sealed_side (market_id, business_date);
    ANALYZE pg_temp.sealed_side;
"""


@contextmanager
def opened(engine: Engine, seals: Sequence[Reach]) -> Iterator[Connection]:
    """A connection of its own, thrown away afterwards with what was laid on it. `seals`: the days of all of them.

    Statements prepared before would go on finding the present tables, so none is.
    """
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        driver: Any = connection.connection.driver_connection
        driver.prepare_threshold = None
        connection.detach()
        asked = {
            "markets": sorted({each.market_id for each in seals}),
            "first": min(each.first for each in seals),
            "last": max(each.last for each in seals),
        }
        connection.execute(text(_SIDES_OF_SEALS), asked)
        for statements in (_INDEX, _TABLES):
            for statement in filter(str.strip, statements.split(";")):
                connection.execute(text(statement))
        yield connection


_CLEAR = text(
    "TRUNCATE pg_temp.stall_day, pg_temp.cash_report, pg_temp.observation, pg_temp.inspection, pg_temp.sample"
)
_REACHES = """(SELECT * FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
        AS s(market_id, first, last)) AS r"""
_TAKINGS = text(f"""
    INSERT INTO pg_temp.stall_day (market_id, business_date, stall_id, sales_value, sales_count, refunds_value,
        confirmed_value)
    SELECT e.market_id, e.business_date, e.stall_id, sum(e.value), sum(e.sales),
        coalesce(sum(-e.value) FILTER (WHERE e.kind IN {OF_REFUNDS}), 0),
        coalesce(sum(e.value) FILTER (WHERE e.kind NOT IN {OF_REFUNDS}
            AND (e.line_id IS NOT NULL OR m.id IS NOT NULL)), 0)
    FROM {_REACHES} JOIN pg_temp.sealed_side e ON e.market_id = r.market_id
        AND e.business_date BETWEEN r.first AND r.last AND e.id <= :entry
    LEFT JOIN public.match m ON m.notice_id = e.notice_id AND m.id <= :match
        AND (m.undone_number IS NULL OR m.undone_number > :undone)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_EVIDENCE = [
    text(f"""
        INSERT INTO pg_temp.{table} SELECT t.* FROM {_REACHES} JOIN public.{table} t ON t.market_id = r.market_id
            AND {days} WHERE t.id <= :{table}
    """)
    for table, days in (
        ("cash_report", "t.business_date BETWEEN r.first AND r.last"),
        ("observation", "t.business_date BETWEEN r.first AND r.last"),
        ("inspection", "t.inspected_on BETWEEN r.first AND r.last"),
        ("sample", "t.first <= r.last AND t.last >= r.first"),
    )
]
_LOOK = text(
    "ANALYZE pg_temp.stall, pg_temp.stall_state, pg_temp.code, pg_temp.stall_day, pg_temp.cash_report,"
    " pg_temp.observation, pg_temp.inspection, pg_temp.sample"
)


def lay(connection: Connection, mark: Mark, wanted: Sequence[Reach], rolls: dict[int, str]) -> None:
    """The books of these markets' days up to the mark; what was laid before goes."""
    asked = sealed_roll.columns(wanted) | mark._asdict()
    connection.execute(_CLEAR)
    connection.execute(_TAKINGS, asked)
    for query in _EVIDENCE:
        connection.execute(query, asked)
    sealed_roll.lay(connection, rolls)
    connection.execute(_LOOK)


def count(connection: Connection, areas: Sequence[Area], places: dict[int, Place], k: int) -> list[tuple[Figure, ...]]:
    """Every figure of these areas, unsuppressed, from what was laid; `k`: the sales a stall in use has at least."""
    lots = lot.share_out([each.spans for each in areas])
    told = evidence.read(connection, lots)
    counted = []
    for spans, taken, heard in zip(lots.lots, census.take(connection, lots, k), told, strict=True):
        known = Known(*places[spans[0].market_id], taken.stalls, taken.connected, heard)
        counted.append(taken._replace(known=(known,)))
    return [
        tuple(each(census.pool(counted[number] for number in numbers), k) for each in indicator.INDICATORS)
        for numbers in lots.members
    ]
