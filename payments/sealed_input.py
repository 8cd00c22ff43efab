"""What sealed figures were made of: how far the books were read, and the digest of what each market put into them."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from merchants.ward import Ward
from payments.area import Place
from payments.sealed_roll import Reach, Rolls, columns, digest


class Mark(NamedTuple):
    """The last numbers of everything that is only ever added to; `undone`: of matches that no longer hold."""

    entry: int
    match: int
    undone: int
    cash_report: int
    observation: int
    inspection: int
    sample: int


class Input(NamedTuple):
    """A market's, as SHA-256 in hexadecimal; `ward` names the unit in which its stalls are told of."""

    market: int
    code: str
    ward: str | None
    roll: str
    takings: str
    evidence: str


_MARK = text("""
    SELECT (SELECT coalesce(max(id), 0) FROM entry), (SELECT coalesce(max(id), 0) FROM match),
        (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM match_undone),
        (SELECT coalesce(max(id), 0) FROM cash_report), (SELECT coalesce(max(id), 0) FROM observation),
        (SELECT coalesce(max(id), 0) FROM inspection), (SELECT coalesce(max(id), 0) FROM sample)
""")
_REACH = """
    FROM unnest(CAST(:markets AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]))
        AS r(market_id, first, last) CROSS JOIN LATERAL
"""


def _lines(table: str, day: str, order: str, *columns: str) -> str:
    """The rows of a market's days as one array in canonical JSON; there are only numbers and plain words in it."""
    form = ",".join("%s" for _ in columns)
    return f"""(
        SELECT '[' || coalesce(string_agg(format('[{form}]', {", ".join(columns)}), ',' ORDER BY {order}), '') || ']'
        FROM {table} WHERE market_id = r.market_id AND {day}
    )"""


_DAY = "business_date BETWEEN r.first AND r.last"
_DATE = "to_json(business_date)"
_TAKEN = ("sales_value", "sales_count", "refunds_value", "confirmed_value")
_ANYTHING = f"({', '.join(_TAKEN)}) <> (0, 0, 0, 0)"
_TAKINGS = text(f"""
    SELECT r.market_id, encode(sha256(convert_to(days.told, 'UTF8')), 'hex') {_REACH}
    {_lines("stall_day", f"{_DAY} AND {_ANYTHING}", "business_date, stall_id", _DATE, "stall_id", *_TAKEN)}
        AS days(told)
""")
_REPORTS = _lines(
    "cash_report", _DAY, "id", "id", _DATE, "stall_id", "to_json(source)", "amount", "coalesce(count::text, 'null')"
)
_NUMBERS = ("coalesce(cashless::text, 'null')", "coalesce(total::text, 'null')")
_COUNTS = _lines("observation", _DAY, "id", "id", _DATE, "stall_id", *_NUMBERS)
_LOOKS = _lines(
    "inspection",
    "inspected_on BETWEEN r.first AND r.last",
    "id",
    "id",
    "to_json(inspected_on)",
    "stall_id",
    "to_json(verdict)",
)
_DRAWS = _lines(
    "sample",
    "sample.first <= r.last AND sample.last >= r.first",
    "id",
    "id",
    "to_json(sample.first)",
    "to_json(sample.last)",
    "array_to_json(stall_ids)",
)
_EVIDENCE = text(f"""
    SELECT r.market_id, encode(sha256(convert_to(
        concat('[', reports.told, ',', counts.told, ',', looks.told, ',', draws.told, ']'), 'UTF8')), 'hex')
    {_REACH} {_REPORTS} AS reports(told) CROSS JOIN LATERAL {_COUNTS} AS counts(told)
    CROSS JOIN LATERAL {_LOOKS} AS looks(told) CROSS JOIN LATERAL {_DRAWS} AS draws(told)
""")


def mark(connection: Connection) -> Mark:
    return Mark._make(connection.execute(_MARK).one())


def read(connection: Connection, wanted: Sequence[Reach], rolls: Rolls, places: dict[int, Place]) -> list[Input]:
    takings, evidence = digests(connection, wanted)
    return [
        Input(id_, *_name(places[id_]), digest(rolls[id_]).hex(), takings[id_], evidence[id_]) for id_, _, _ in wanted
    ]


def _name(place: Place) -> tuple[str, str | None]:
    """Two units may bear one code in turn."""
    unit = place.ward
    return place.code, f"{unit.code}@{unit.valid_from or ''}" if isinstance(unit, Ward) else None


def digests(connection: Connection, wanted: Sequence[Reach]) -> tuple[dict[int, str], dict[int, str]]:
    """By market, of what its stalls took day by day, and of what is known of the sales no bank sees."""
    asked = columns(wanted)
    takings, evidence = (
        {row[0]: row[1] for row in connection.execute(query, asked)} for query in (_TAKINGS, _EVIDENCE)
    )
    return takings, evidence
