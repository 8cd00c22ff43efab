"""The evidence behind the shares: what is known of the sales that no bank sees, market by market."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from payments.lot import SPANS, Lots
from payments.stratum import Reporter


class Told(NamedTuple):
    """What one kind of evidence says: the stalls that report enough of their days, and by which sources.

    `stalls` counts all that told anything; `under`: days booked under their own receipts, which do not count.
    """

    reporters: tuple[Reporter, ...] = ()
    sources: frozenset[str] = frozenset()
    stalls: int = 0
    under: int = 0


class Evidence(NamedTuple):
    """Of one lot: declared and booked đồng and numbers of sales, and the customers observed.

    `picked`: observed stalls that no sample had drawn. `inspected`: drawn stalls whose code was looked at, `genuine`:
    those whose code was found to be in order.
    """

    values: Told = Told()
    purchases: Told = Told()
    observed: Told = Told()
    picked: int = 0
    inspected: int = 0
    genuine: int = 0


class Known(NamedTuple):
    """A market's part of an area: its stalls in U, the connected ones, and the evidence of them.

    `ward` is where it stands on the last day that counts.
    """

    market: str
    ward: Hashable
    stalls: int
    connected: int
    evidence: Evidence


# Of a stall and day the latest record of each source counts. Booked wins; where it has no number of sales, a declared
# one may have. Both sides of the join come in the order of their indexes; a FULL JOIN behind OFFSET 0 can't become
# one look-up a day, whatever the planner takes the number of reports for.
REPORTED = """
    day AS (
        SELECT span.lot, pair.* FROM span CROSS JOIN LATERAL (
            SELECT business_date, stall_id, booked, declared, booked_count, declared_count,
                coalesce(sales_value, 0) AS value, coalesce(sales_count, 0) AS number
            FROM (
                SELECT business_date, stall_id,
                    max(amount) FILTER (WHERE source = 'booked') AS booked,
                    max(amount) FILTER (WHERE source = 'declared') AS declared,
                    max(count) FILTER (WHERE source = 'booked') AS booked_count,
                    max(count) FILTER (WHERE source = 'declared') AS declared_count
                FROM (
                    SELECT DISTINCT ON (business_date, stall_id, source) business_date, stall_id, source, amount, count
                    FROM cash_report
                    WHERE market_id = span.market_id AND business_date BETWEEN span.first AND span.last
                    ORDER BY business_date, stall_id, source, id DESC
                ) AS latest GROUP BY business_date, stall_id
            ) AS told FULL JOIN (
                SELECT business_date, stall_id, sales_value, sales_count FROM stall_day
                WHERE market_id = span.market_id AND business_date BETWEEN span.first AND span.last
                ORDER BY business_date, stall_id OFFSET 0
            ) AS taken USING (business_date, stall_id)
            WHERE booked IS NOT NULL OR declared IS NOT NULL OFFSET 0
        ) AS pair
    ), judged AS (
        SELECT lot, stall_id, business_date, value, number, booked, booked_count,
            CASE WHEN booked >= value THEN booked WHEN booked IS NULL THEN value + declared END AS sales,
            CASE WHEN booked < value THEN NULL
                WHEN booked_count >= number THEN booked_count
                WHEN booked_count IS NULL THEN number + declared_count END AS purchases
        FROM day
    )"""
# What both kinds need of a stall: whether it traded that day, and on how many days in all.
_TRADED = """EXISTS (
        SELECT FROM stall_state s WHERE s.stall_id = {day}.stall_id AND s.superseded_at IS NULL
            AND s.status = 'trading' AND s.since <= {day}.business_date
            AND (s.until IS NULL OR s.until > {day}.business_date))"""
_DAYS = """(
        SELECT sum(least(s.until, span.last + 1) - greatest(s.since, span.first)) FROM span
        JOIN stall_state s ON s.stall_id = told.stall_id AND s.superseded_at IS NULL AND s.status = 'trading'
            AND s.since <= span.last AND (s.until IS NULL OR s.until > span.first)
        WHERE span.lot = told.lot)"""
_CONNECTED = """EXISTS (
        SELECT FROM span JOIN code ON code.stall_id = told.stall_id AND code.live_from <= span.last
            AND (code.revoked_on IS NULL OR code.revoked_on > greatest(span.first, code.live_from))
        WHERE span.lot = told.lot)"""


def _sums(y: str, x: str) -> str:
    """The columns of a Reporter from `reported` on, over the days on which x is known."""
    return f"""count({x}), sum({y}) FILTER (WHERE {x} IS NOT NULL), sum({x}),
            regr_syy({y}, {x}), regr_sxy({y}, {x}), regr_sxx({y}, {x})"""


_CASH = text(f"""
    WITH {SPANS}, {REPORTED}, told AS (
        SELECT lot, stall_id, {_sums("value", "sales")}, {_sums("number", "purchases")},
            bool_or(booked IS NOT NULL) FILTER (WHERE sales IS NOT NULL),
            bool_or(booked IS NULL) FILTER (WHERE sales IS NOT NULL),
            bool_or(booked_count IS NOT NULL) FILTER (WHERE purchases IS NOT NULL),
            bool_or(booked_count IS NULL) FILTER (WHERE purchases IS NOT NULL),
            count(*) FILTER (WHERE booked < value), count(*) FILTER (WHERE booked < value OR booked_count < number)
        FROM judged WHERE {_TRADED.format(day="judged")} GROUP BY lot, stall_id
    ) SELECT {_DAYS}, told.* FROM told WHERE {_CONNECTED}
""")
_OBSERVED = text(f"""
    WITH {SPANS}, latest AS (
        SELECT DISTINCT ON (span.lot, o.stall_id, o.business_date)
            span.lot, o.market_id, o.stall_id, o.business_date, o.cashless, o.total
        FROM span JOIN observation o ON o.market_id = span.market_id
            AND o.business_date BETWEEN span.first AND span.last
        ORDER BY span.lot, o.stall_id, o.business_date, o.id DESC
    ), told AS (
        SELECT lot, stall_id, {_sums("cashless", "total")},
            bool_and(EXISTS (
                SELECT FROM sample WHERE sample.market_id = latest.market_id AND latest.stall_id = ANY(sample.stall_ids)
                    AND latest.business_date BETWEEN sample.first AND sample.last)) AS drawn
        FROM latest WHERE total IS NOT NULL AND {_TRADED.format(day="latest")} GROUP BY lot, stall_id
    ) SELECT {_DAYS}, told.* FROM told
""")
# A look counts where any sample that covers its day has drawn the stall; of several looks at a stall the last one.
_INSPECTED = text(f"""
    WITH {SPANS}, looked AS (
        SELECT DISTINCT ON (span.lot, i.stall_id) span.lot, i.stall_id, i.verdict
        FROM span JOIN inspection i ON i.market_id = span.market_id AND i.inspected_on BETWEEN span.first AND span.last
        WHERE EXISTS (
            SELECT FROM sample WHERE sample.market_id = i.market_id AND i.stall_id = ANY(sample.stall_ids)
                AND i.inspected_on BETWEEN sample.first AND sample.last)
        ORDER BY span.lot, i.stall_id, i.inspected_at DESC, i.id DESC
    )
    SELECT lot, count(*), count(*) FILTER (WHERE verdict = 'genuine') FROM looked AS told
    WHERE {_DAYS} > 0 GROUP BY lot
""")
NONE = Evidence()


_ANY = text("""
    SELECT EXISTS (SELECT FROM cash_report WHERE market_id = ANY(:markets) AND business_date BETWEEN :first AND :last),
        EXISTS (SELECT FROM observation WHERE market_id = ANY(:markets) AND business_date BETWEEN :first AND :last),
        EXISTS (SELECT FROM inspection WHERE market_id = ANY(:markets) AND inspected_on BETWEEN :first AND :last)
""")


def read(connection: Connection, lots: Lots) -> list[Evidence]:
    """The evidence of each lot, read at once; where there is none, next to nothing is spent on it."""
    found = [NONE] * len(lots.lots)
    columns = lots.columns()
    if not columns["lots"]:
        return found
    days = {"first": min(columns["firsts"]), "last": max(columns["lasts"])}
    has_reports, has_observations, has_inspections = connection.execute(
        _ANY, {"markets": columns["markets"], **days}
    ).one()
    reported = _by_lot(connection.execute(_CASH, columns)) if has_reports else {}
    observed = _by_lot(connection.execute(_OBSERVED, columns)) if has_observations else {}
    for number in {*reported, *observed}:
        found[number] = _evidence(reported.get(number, ()), observed.get(number, ()))
    for number, inspected, genuine in connection.execute(_INSPECTED, columns) if has_inspections else ():
        found[number] = found[number]._replace(inspected=inspected, genuine=genuine)
    return found


def _by_lot(rows: Iterable[Sequence[Any]]) -> dict[int, list[Sequence[Any]]]:
    found: dict[int, list[Sequence[Any]]] = {}
    for row in rows:
        found.setdefault(row[1], []).append(row)
    return found


def _evidence(reported: Sequence[Sequence[Any]], observed: Sequence[Sequence[Any]]) -> Evidence:
    """A row: the stall's trading days, its lot and id, the columns of its Reporters, then what is said of the days."""
    values = [(_reporter(row[0], row[3:9]), _sources(*row[15:17])) for row in reported]
    purchases = [(_reporter(row[0], row[9:15]), _sources(*row[17:19])) for row in reported]
    seen = [(_reporter(row[0], row[3:9]), ("observed",)) for row in observed]
    return Evidence(
        _told([each for each in values if _is_enough(each[0])], values, sum(row[19] for row in reported)),
        _told([each for each in purchases if _is_enough(each[0])], purchases, sum(row[20] for row in reported)),
        _told(seen, seen),
        sum(not row[9] for row in observed),
    )


def _reporter(days: int, sums: Sequence[Any]) -> Reporter:
    count, y, x, *squares = sums
    return Reporter(days, count, int(y or 0), int(x or 0), *(float(each or 0) for each in squares))


def _sources(booked: bool | None, declared: bool | None) -> tuple[str, ...]:
    return (*(("declared",) if declared else ()), *(("booked",) if booked else ()))


_Said = Sequence[tuple[Reporter, tuple[str, ...]]]


def _is_enough(reporter: Reporter) -> bool:
    """A stall reports only with at least half of its trading days."""
    return 0 < reporter.days <= 2 * reporter.reported


def _told(enough: _Said, everyone: _Said, under: int = 0) -> Told:
    sources = frozenset(source for _, sources in enough for source in sources)
    stalls = sum(reporter.reported > 0 for reporter, _ in everyone)
    return Told(tuple(reporter for reporter, _ in enough), sources, stalls, under)
