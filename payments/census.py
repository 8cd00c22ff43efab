"""The census behind a figure: what roll, codes and rollup say of each stall of an area in a period."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, text

from payments import suppression
from payments.area import Span
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
    contribution: Contribution


# One row: the roll's part is worked out per stall over its dated rows, the money's part from the rollup alone.
_TAKE = text("""
    WITH span AS (
        SELECT * FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
            AS s(market_id, first, last)
    ), trading AS (
        SELECT DISTINCT ON (state.stall_id) state.stall_id, state.merchant_id, state.account_id,
            state.virtual_account_id, least(coalesce(state.until - 1, span.last), span.last) AS last_day
        FROM span
        JOIN stall ON stall.market_id = span.market_id
        JOIN stall_state state ON state.stall_id = stall.id AND state.superseded_at IS NULL
            AND state.status = 'trading'
            AND state.since <= span.last AND (state.until IS NULL OR state.until > span.first)
        ORDER BY state.stall_id, last_day DESC
    ), coded AS (
        SELECT t.stall_id,
            bool_or(c.live_from <= t.last_day AND (c.revoked_on IS NULL OR t.last_day < c.revoked_on)) AS accepting,
            bool_or(true) AS connected
        FROM trading t
        JOIN stall ON stall.id = t.stall_id
        JOIN span ON span.market_id = stall.market_id
        JOIN code c ON c.stall_id = t.stall_id AND c.live_from <= span.last
            AND (c.revoked_on IS NULL OR c.revoked_on > greatest(span.first, c.live_from))
        GROUP BY t.stall_id
    ), taken AS (
        SELECT d.stall_id, sum(d.sales_value)::bigint AS value, sum(d.sales_count)::bigint AS count
        FROM span JOIN stall_day d ON d.market_id = span.market_id
            AND d.business_date BETWEEN span.first AND span.last
        GROUP BY d.stall_id
    ), ranked AS (
        SELECT value, count, row_number() OVER (ORDER BY abs(value) DESC) AS rank FROM taken
    )
    SELECT
        (SELECT count(*) FROM trading),
        (SELECT count(*) FROM trading WHERE merchant_id IS NOT NULL
            AND (account_id IS NOT NULL OR virtual_account_id IS NOT NULL)),
        (SELECT count(*) FROM coded WHERE accepting),
        (SELECT count(*) FROM coded WHERE connected),
        (SELECT count(*) FROM trading t JOIN taken k ON k.stall_id = t.stall_id AND k.count >= :k),
        coalesce(sum(value), 0)::bigint, coalesce(sum(count), 0)::bigint,
        count(*) FILTER (WHERE value <> 0), coalesce(sum(abs(value)), 0)::bigint,
        coalesce(max(abs(value)) FILTER (WHERE rank = 1), 0)::bigint,
        coalesce(max(abs(value)) FILTER (WHERE rank = 2), 0)::bigint
    FROM ranked
""")


def take(connection: Connection, spans: Sequence[Span], k: int) -> Census:
    """The census of the market-days in `spans`; `k`: the sales a stall in use has at least."""
    row = connection.execute(_TAKE, {**_columns(spans), "k": k}).one()
    return Census._make([*row[:7], Contribution._make(row[7:])])


_LEVEL = text("""
    WITH span AS (
        SELECT * FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
            AS s(market_id, first, last)
    )
    SELECT coalesce(sum(d.sales_value), 0)::bigint, coalesce(sum(d.sales_count), 0)::bigint
    FROM span JOIN stall_day d ON d.market_id = span.market_id AND d.business_date BETWEEN span.first AND span.last
""")


def level(connection: Connection, spans: Sequence[Span]) -> tuple[int, int]:
    """Value in đồng and number of the sales alone, for who may see them unsuppressed."""
    value, count = connection.execute(_LEVEL, _columns(spans)).one()
    return value, count


class Day(NamedTuple):
    """One business day of a market, as the public may see it: None where it is suppressed."""

    date: date
    value: int | None
    number: int | None


_DAYS = text("""
    SELECT business_date, array_agg(sales_value) AS takings, sum(sales_count)::bigint AS count
    FROM stall_day WHERE market_id = :market AND business_date BETWEEN :first AND :last
    GROUP BY business_date
""")


def days(connection: Connection, market_id: int, first: date, last: date) -> list[Day]:
    """A market's days for a chart, each cell suppressed on its own; days without any sale are left out."""
    found = []
    for day, takings, count in connection.execute(_DAYS, {"market": market_id, "first": first, "last": last}):
        hidden = suppression.is_suppressed(suppression.contribution(takings))
        found.append(Day(day, None, None) if hidden else Day(day, sum(takings), count))
    return sorted(found)


def _columns(spans: Sequence[Span]) -> dict[str, list[object]]:
    return {
        "markets": [span.market_id for span in spans],
        "firsts": [span.first for span in spans],
        "lasts": [span.last for span in spans],
    }
