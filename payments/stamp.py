"""The stamp of the books: another one as soon as anything has changed that figures rest on."""

from collections import Counter
from collections.abc import Iterable, Iterator

from sqlalchemy import BigInteger, Connection, Integer, text
from sqlmodel import Field, Session, SQLModel

from payments.area import Span
from payments.binding import DAY, month_end
from payments.figure import DEFINITIONS_VERSION

REGISTRY = "registry"


class BookChange(SQLModel, table=True):
    """How many transactions of one backend have changed what a topic speaks of.

    A topic is `registry` (markets, stalls, codes, samples), `target`, `seal`, a market's month (`12:2026-11`) whose
    takings or evidence changed, or `all` of them. Triggers count (migration 0009). A backend touches only its own rows,
    so nobody waits; and two snapshots add up to the same only if they see the same commits.
    """

    __tablename__ = "book_change"

    topic: str = Field(primary_key=True)
    pid: int = Field(primary_key=True, sa_type=Integer)
    changes: int = Field(sa_type=BigInteger)


# Which database it is belongs to it: a restored one counts on from where its backup was.
_READ = text("""
    SELECT (SELECT coalesce(sum(changes), 0)::bigint FROM book_change WHERE topic = 'all'),
        (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
        (SELECT system_identifier FROM pg_control_system())
""")
_TOPICS = text("""
    SELECT '' AS topic, pg_current_xact_id_if_assigned()::text::bigint AS changes
    UNION ALL SELECT topic, sum(changes)::bigint FROM book_change WHERE topic = ANY(:topics) GROUP BY topic
""")


def read(session: Session) -> str:
    """Of everything. Read it before what it is to vouch for: so it may be too old for an answer, but never too new."""
    return "-".join(f"{number:x}" for number in (*session.execute(_READ).one(), DEFINITIONS_VERSION))


def topics(connection: Connection, spans: Iterable[Span] = ()) -> Counter[str] | None:
    """How often the registry and each month of these days have changed.

    None in a transaction that writes: what it sees may never have been.
    """
    asked = [REGISTRY, *{month for span in spans for month in _months(span)}]
    told: Counter[str] = Counter({row.topic: row.changes for row in connection.execute(_TOPICS, {"topics": asked})})
    return told if told.pop("") is None else None


def of_days(told: Counter[str], spans: Iterable[Span]) -> tuple[int, int]:
    """What the census and the evidence of these market-days rest on: the registry, and all their months."""
    months = {month for span in spans for month in _months(span)}
    return told[REGISTRY], sum(told[month] for month in months)


def _months(span: Span) -> Iterator[str]:
    day = span.first.replace(day=1)
    while day <= span.last:
        yield f"{span.market_id}:{day:%Y-%m}"
        day = month_end(day) + DAY
