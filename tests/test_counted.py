"""What is kept of a count: never a moment longer than it is true, and never what a transaction took back."""

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground.store import Store
from merchants import market
from payments import census, counted, evidence, indicator, stamp
from payments.area import Span
from payments.lot import Lots
from payments.period import parse
from tests.world import Street, keep, post, told

OCTOBER = parse("2026-10")
Change = Callable[[Session], object]


def lots(street: Street) -> Lots:
    return Lots([(Span(street.market.key, OCTOBER.first, OCTOBER.last),)], [[0]])


def plain(session: Session, street: Street) -> list[counted.Count]:
    """Read anew."""
    asked = lots(street)
    read = zip(census.take(session.connection(), asked, 5), evidence.read(session.connection(), asked), strict=True)
    return [counted.Count(*each) for each in read]


def count(session: Session, street: Street) -> list[counted.Count]:
    return counted.count(session.connection(), lots(street), 5)


def run(statement: str) -> Change:
    return lambda session: session.execute(text(statement))


STALL = "(SELECT id FROM stall WHERE number = 'A1')"
OTHER = "(SELECT id FROM stall WHERE number = 'A2')"
MARKET = "(SELECT id FROM market WHERE code = 'cho-a')"
CHANGES = {
    "a sale": run(f"INSERT INTO stall_day VALUES ({MARKET}, '2026-10-05', {STALL}, 20000, 1)"),
    "more sales": run(
        f"INSERT INTO stall_day AS d VALUES ({MARKET}, '2026-10-05', {STALL}, 20000, 1)"
        " ON CONFLICT (market_id, business_date, stall_id) DO UPDATE SET sales_value = d.sales_value + 5"
    ),
    "a sale undone": run("DELETE FROM stall_day"),
    "a code revoked": run(
        f"UPDATE code SET revoked_on = '2026-09-01', revoked_at = now(), revoke_reason = 'x' WHERE stall_id = {STALL}"
    ),
    "a stall closed": run(f"UPDATE stall_state SET until = '2026-09-01' WHERE stall_id = {STALL}"),
    "a report": run(
        "INSERT INTO cash_report (market_id, stall_id, business_date, source, amount, recorded_at, recorded_by)"
        f" VALUES ({MARKET}, {OTHER}, '2026-10-05', 'declared', 5, now(), 'x')"
    ),
    "an observation": run(
        "INSERT INTO observation (market_id, stall_id, business_date, cashless, total, recorded_at, recorded_by)"
        f" VALUES ({MARKET}, {OTHER}, '2026-10-05', 1, 2, now(), 'x')"
    ),
}


def test_each_change_is_seen_at_once(session: Session, street: Street) -> None:
    last = None
    for name, change in CHANGES.items():
        change(session)
        session.commit()
        now = count(session, street)
        assert now == plain(session, street) != last, name
        assert count(session, street) == now
        last = now


def test_what_is_unchanged_is_not_read_again(session: Session, street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    before = count(session, street)
    monkeypatch.setattr(census, "take", lambda *_: pytest.fail("read again"))
    CHANGES["a sale"](session)
    session.execute(text("UPDATE stall_day SET business_date = '2026-11-05'"))  # no door does this
    session.rollback()
    assert count(session, street) == before
    keep_elsewhere(session, street)
    assert count(session, street) == before


def keep_elsewhere(session: Session, street: Street) -> None:
    """A sale in another month."""
    session.execute(text(f"INSERT INTO stall_day VALUES ({MARKET}, '2026-09-05', {STALL}, 20000, 1)"))
    session.commit()


def test_what_a_transaction_takes_back_was_never_kept(books: Store, session: Session, street: Street) -> None:
    before = count(session, street)
    with books.session() as writer:
        CHANGES["a sale"](writer)
        assert count(writer, street) != before
        assert count(session, street) == before
        writer.rollback()
    with books.session() as writer:  # as many changes as were taken back, but other ones
        CHANGES["a report"](writer)
        writer.commit()
    session.rollback()
    assert count(session, street) == plain(session, street)
    assert count(session, street)[0].census == before[0].census


def test_an_older_snapshot_neither_sees_nor_spoils_what_is_newer(books: Store, street: Street) -> None:
    with books.session() as old, books.session() as new:
        old.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        before = count(old, street)
        CHANGES["a sale"](new)
        new.commit()
        after = count(new, street)
        assert after != before
        assert count(old, street) == before == plain(old, street)
        assert count(new, street) == after == plain(new, street)


def test_a_thousand_statements_of_one_transaction_count_once(session: Session, street: Street) -> None:
    before = stamp.topics(session.connection())
    assert before is not None
    for number in range(1000):
        session.execute(text(f"INSERT INTO stall (market_id, number) VALUES ({MARKET}, 'N{number}')"))
    session.commit()
    after = stamp.topics(session.connection())
    assert after is not None and after["registry"] - before["registry"] == 1


def test_payments_posted_count_for_their_months_alone(books: Store, session: Session, street: Street) -> None:
    months = [Span(street.market.key, date(2026, 8, 1), date(2026, 12, 31))]
    before = stamp.topics(session.connection(), months)
    assert before is not None
    keep(books, [told(1, at="2026-10-05 08:00:00"), told(2, at="2026-09-30 08:00:00")])
    post(books)
    session.rollback()
    after = stamp.topics(session.connection(), months)
    assert after is not None
    changed = {topic.partition(":")[2] for topic in after if after[topic] != before[topic]}
    assert changed == {"2026-10", "2026-09"}


def test_the_shelf_lets_go_of_what_was_longest_unused(
    session: Session, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted.SHELF, "weight_max", 3)
    spans = [(Span(street.market.key, date(2026, 10, day), date(2026, 10, day)),) for day in range(1, 8)]
    first = [counted.count(session.connection(), Lots([each], [[0]]), 1) for each in spans]
    assert [counted.count(session.connection(), Lots([each], [[0]]), 1) for each in spans] == first
    assert indicator.rates(session, "market:cho-a", "2026-10").whole.area.key == "market:cho-a"


def test_every_table_that_figures_are_read_from_counts_its_changes(session: Session) -> None:
    """A table that some query of the figures names, and that no trigger watches, would leave old answers standing."""
    rooms = [*Path(stamp.__file__).parent.glob("*.py"), *Path(market.__file__).parent.glob("*.py")]
    figures = {
        "area",
        "census",
        "evidence",
        "day_cell",
        "takings",
        "published_day",
        "kept",
        "revision",
        "target",
        "market",
    }
    source = " ".join(path.read_text("utf-8") for path in rooms if path.stem in figures)
    named = set(re.findall(r"(?:FROM|JOIN)\s+(\w+)", source))
    tables = set(session.execute(text("SELECT relname FROM pg_class WHERE relkind = 'r'")).scalars())
    watched = set(
        session.execute(
            text("""
                SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
                JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname LIKE 'count_change%'
            """)
        ).scalars()
    )
    assert named & tables - watched == set()
    assert {"market", "market_move", "stall", "seal", "target", "stall_day"} <= watched
