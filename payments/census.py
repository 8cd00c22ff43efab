"""The census behind a figure: what roll, codes and rollup say of each stall of an area in a period."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from payments import suppression
from payments.area import Span
from payments.evidence import Known
from payments.lot import SPANS, Lots
from payments.suppression import Contribution


class Census(NamedTuple):
    """Counts of stalls, sums over them (whole đồng), and what the suppression has to know."""

    stalls: int  # U: trading on at least one day
    onboarded: int  # … with an approved merchant on their last trading day
    accepting: int  # … with a live code on their last trading day
    connected: int  # … with a live code on at least one day
    in_use: int  # … with at least k sales
    sales_value: int
    sales_count: int
    gross: int  # sales before refunds
    confirmed: int  # … of them by a statement's line
    takings: Contribution  # to sales_value
    purchases: Contribution  # to sales_count
    known: tuple[Known, ...] = ()  # market by market, with the evidence of the sales no bank sees


# One row for each lot. What is known of a stall is piled up and grouped, never
# joined, and LATERAL keeps the money to one index range per span: so the time does not hang on the planner's guesses.
_TAKE = text(f"""
    WITH {SPANS}, place AS MATERIALIZED (
        SELECT span.lot, span.first, span.last, stall.id AS stall_id
        FROM span JOIN stall ON stall.market_id = span.market_id
    ), trading AS (
        SELECT DISTINCT ON (place.lot, place.stall_id) place.lot, place.stall_id,
            least(state.until - 1, place.last) AS last_day,
            state.merchant_id IS NOT NULL
                AND (state.account_id IS NOT NULL OR state.virtual_account_id IS NOT NULL) AS onboarded
        FROM place JOIN stall_state state ON state.stall_id = place.stall_id AND state.superseded_at IS NULL
            AND state.status = 'trading'
            AND state.since <= place.last AND (state.until IS NULL OR state.until > place.first)
        ORDER BY place.lot, place.stall_id, last_day DESC
    ), known AS (
        SELECT lot, stall_id, last_day, onboarded, CAST(NULL AS daterange) AS live, 0::bigint AS value,
            0::bigint AS count, 0::bigint AS gross, 0::bigint AS confirmed
        FROM trading
        UNION ALL
        SELECT place.lot, place.stall_id, NULL, NULL, daterange(code.live_from, code.revoked_on), 0, 0, 0, 0
        FROM place JOIN code ON code.stall_id = place.stall_id AND code.live_from <= place.last
            AND (code.revoked_on IS NULL OR code.revoked_on > greatest(place.first, code.live_from))
        UNION ALL
        SELECT span.lot, taken.stall_id, NULL, NULL, NULL, taken.value, taken.count, taken.gross, taken.confirmed
        FROM span CROSS JOIN LATERAL (
            SELECT stall_id, sum(sales_value)::bigint AS value, sum(sales_count) AS count,
                sum(sales_value + refunds_value)::bigint AS gross, sum(confirmed_value)::bigint AS confirmed
            FROM stall_day
            WHERE market_id = span.market_id AND business_date BETWEEN span.first AND span.last
            GROUP BY stall_id) AS taken
    ), each AS (
        SELECT lot, max(last_day) AS last_day, bool_or(onboarded) AS onboarded, range_agg(live) AS live,
            sum(value)::bigint AS value, sum(count)::bigint AS count, sum(gross)::bigint AS gross,
            sum(confirmed)::bigint AS confirmed
        FROM known GROUP BY lot, stall_id
    )
    SELECT lot, count(last_day), count(*) FILTER (WHERE onboarded), count(*) FILTER (WHERE live @> last_day),
        count(last_day) FILTER (WHERE live IS NOT NULL), count(last_day) FILTER (WHERE count >= :k),
        sum(value)::bigint, sum(count)::bigint, sum(gross)::bigint, sum(confirmed)::bigint,
        count(*) FILTER (WHERE value <> 0), sum(abs(value))::bigint,
        (array_agg(abs(value) ORDER BY abs(value) DESC))[1], (array_agg(abs(value) ORDER BY abs(value) DESC))[2],
        count(*) FILTER (WHERE count <> 0), sum(abs(count))::bigint,
        (array_agg(abs(count) ORDER BY abs(count) DESC))[1], (array_agg(abs(count) ORDER BY abs(count) DESC))[2]
    FROM each GROUP BY lot
""")


def take(connection: Connection, lots: Lots, k: int) -> list[Census]:
    """The census of each lot, read at once; `k`: the sales a stall in use has at least."""
    rows = connection.execute(_TAKE, {**lots.columns(), "k": k}) if lots.lots else ()
    taken = {row[0]: _read(row[1:]) for row in rows}
    return [taken.get(number, _NOBODY) for number in range(len(lots.lots))]


def _read(row: Sequence[int | None]) -> Census:
    counts = [number or 0 for number in row]
    return Census._make([*counts[:9], Contribution(*counts[9:13]), Contribution(*counts[13:17]), ()])


_NOBODY = _read((0,) * 17)


def pool(parts: Iterable[Census]) -> Census:
    """Of areas without a stall in common."""
    found = [_NOBODY, *parts]
    counts = [sum(column) for column in zip(*(part[:9] for part in found), strict=True)]
    takings = suppression.pool([part.takings for part in found])
    purchases = suppression.pool([part.purchases for part in found])
    known = tuple(each for part in found for each in part.known)
    return Census._make([*counts, takings, purchases, known])


_LEVEL = text("""
    SELECT coalesce(sum(d.value), 0)::bigint, coalesce(sum(d.count), 0)::bigint
    FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
        AS span(market_id, first, last)
    CROSS JOIN LATERAL (
        SELECT sum(sales_value) AS value, sum(sales_count) AS count FROM stall_day
        WHERE market_id = span.market_id AND business_date BETWEEN span.first AND span.last) AS d
""")


def level(connection: Connection, spans: Sequence[Span]) -> tuple[int, int]:
    """Value in đồng and number of the sales alone, for who may see them unsuppressed."""
    value, count = connection.execute(_LEVEL, _columns(spans)).one()
    return value, count


def _columns(spans: Sequence[Span]) -> dict[str, list[object]]:
    return {
        "markets": [span.market_id for span in spans],
        "firsts": [span.first for span in spans],
        "lasts": [span.last for span in spans],
    }
