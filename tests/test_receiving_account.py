"""The account that a number means: told with its bank or without, one rule for whose money, pairs and feeds."""

from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from ground.store import Store
from merchants import account, stall
from merchants.stall import Service
from payments import attribution, posting
from payments.attribution import Directory, Receipt
from payments.providers import payos
from payments.receiving_account import bankless_days
from tests import paper_statement, rails, world
from tests.bank_book import Stated, findings, pairs, reconcile, sales, state
from tests.shell import run
from tests.test_feed import empty, keep_translated
from tests.world import Street, import_roll, keep, told

BIDV, VIETCOMBANK = "970418", "970436"
NEW = "F1;F;Mía;Chị Mười;0912000009;;01/02/2026;{bank};9000009;LE THI MUOI;"
AT = "2026-10-05 08:30:00"
ONE_SALE = [("F1", "2026-10-05", 20_000, 1, 20_000)]


@pytest.fixture
def market(books: Store, street: Street) -> Street:
    return street


def write_roll(books: Store, street: Street, bank: str) -> None:
    with books.session() as session:
        assert import_roll(session, street.market, NEW.format(bank=bank)).errors == ()
        session.commit()


def settle(books: Store) -> None:
    """As the server does when the registry changed."""
    world.post(books)
    with books.session() as session:
        posting.resolve_waiting(session)


def tell_payos(books: Store, order: int = 1, **more: Any) -> None:
    message = rails.payos_signed(rails.payos(order, accountNumber="9000009", **more))
    keep_translated(books, payos.translate(rails.body(message)))
    settle(books)


def tell_sepay(books: Store) -> None:
    keep(books, [told(1, account="9000009")])
    settle(books)


def bring_statement(books: Store, bin: str = VIETCOMBANK) -> None:
    state(books, [Stated(AT, 20_000, "FT1")], number="9000009", bin=bin)
    reconcile(books)
    settle(books)


def test_a_bank_corrected_on_the_roll_leaves_one_sale_in_whatever_order(books: Store, market: Street) -> None:
    def correct() -> None:
        write_roll(books, market, "VCB")
        settle(books)

    steps = {
        "corrected": correct,
        "payos": lambda: tell_payos(books),
        "sepay": lambda: tell_sepay(books),
        "statement": lambda: bring_statement(books),
    }
    for order in list(permutations(steps))[::4]:
        empty(books)
        write_roll(books, market, "BIDV")
        for step in order:
            steps[step]()
        reconcile(books)
        assert (order, sales(books)) == (order, ONE_SALE)
        assert [each for each in findings(books) if each[3] == "open"] == []


def test_a_statement_brought_in_under_another_bank_switches_nothing_off(books: Store, market: Street) -> None:
    write_roll(books, market, "VCB")
    tell_payos(books)
    tell_payos(books, 2, amount=35_000, transactionDateTime="2026-10-05 10:00:00")
    bring_statement(books)
    assert pairs(books) == [("1:TF1", AT, "time")] and findings(books) == [("not_in_statement", "F1", 35_000, "open")]
    bring_statement(books, BIDV)
    bring_statement(books)
    assert pairs(books) == [("1:TF1", AT, "time")]
    assert sales(books) == [("F1", "2026-10-05", 55_000, 2, 20_000)]
    kinds = [("not_in_statement", "F1", 35_000, "open"), ("unknown_account", None, 20_000, "open")]
    assert findings(books) == kinds
    tell_sepay(books)
    assert sales(books) == [("F1", "2026-10-05", 55_000, 2, 20_000)]


def test_a_number_that_serves_stalls_at_two_banks_is_nobodys_without_its_bank(books: Store, market: Street) -> None:
    write_roll(books, market, "VCB")
    with books.session() as session:
        import_roll(session, market.market, "G1;G;Mía;Chị Út;0912000019;;01/10/2026;BIDV;9000009;LE THI UT;")
        session.commit()
    tell_payos(books, transactionDateTime="2026-09-30 08:30:00")
    tell_payos(books, 2)
    state(books, [Stated("2026-09-30 08:30:00", 20_000), Stated(AT, 20_000)], number="9000009")
    reconcile(books)
    assert sales(books) == [("F1", "2026-09-30", 20_000, 1, 20_000), ("F1", "2026-10-05", 20_000, 1, 20_000)]
    assert ("ambiguous", None, 20_000, "open") in findings(books)


DAYS = [date(2026, 10, 1) + timedelta(days=n) for n in range(6)]
SERVICES = st.lists(
    st.tuples(st.sampled_from([BIDV, VIETCOMBANK, "970407"]), st.integers(0, 4), st.integers(1, 6)), max_size=4
)
_SERVE = text("""
    WITH place AS (INSERT INTO stall (market_id, number) VALUES (:market, 'T' || :nth) RETURNING id)
    INSERT INTO stall_state (stall_id, since, until, status, account_id, recorded_at)
    SELECT place.id, :since, :until, 'suspended', :account, now() FROM place
""")


def write_services(session: Session, street: Street, served: list[tuple[str, int, int]]) -> list[Service]:
    """One stall for each, served by the number at that bank from one day up to another."""
    known = account.take_up(session, [(bin_, "9000009") for bin_, _, _ in served] + [(BIDV, "9000009")])
    for nth, (bin_, first, length) in enumerate(served):
        days = {"since": DAYS[first], "until": DAYS[first] + timedelta(days=length)}
        asked = {"market": street.market.key, "nth": nth, "account": known[bin_, "9000009"], **days}
        session.execute(_SERVE, asked)
    return stall.services(session, ["9000009"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(served=SERVICES)
def test_the_books_and_whose_money_it_is_go_by_one_rule(
    books: Store, market: Street, served: list[tuple[str, int, int]]
) -> None:
    """`bankless_days` names the bank on exactly the days on which a payment told without one finds its stall."""
    with books.session() as session:
        services = write_services(session, market, served)
        query = text(
            f"SELECT a.bin, d.day FROM account a, unnest(CAST(:days AS date[])) AS d(day)"
            f" WHERE a.number = '9000009' AND {bankless_days('a')} @> d.day"
        )
        meant = {(bin_, day) for bin_, day in session.execute(query, {"days": DAYS})}
        session.rollback()
    known = Directory({"9000009": services}, {})
    for day in DAYS:
        found = attribution.attribute(Receipt("9000009", None, None, day, ()), known)
        banks = {each.bin for each in services if each.holds_on(day)}
        assert (found.finding == "ambiguous") == (len(banks) > 1)
        assert len({bin_ for bin_, that in meant if that == day}) <= 1
        if banks:
            assert {(bin_, day) for bin_ in banks if len(banks) == 1} == {each for each in meant if each[1] == day}


def test_a_statement_of_the_other_bank_is_refused_and_the_right_one_named(
    books: Store, market: Street, tmp_path: Path
) -> None:
    file = tmp_path / "saoke.csv"
    rows = paper_statement.simple(paper_statement.STORY)
    file.write_text("\n".join(";".join("" if cell is None else str(cell) for cell in row) for row in rows), "utf-8")
    asked = ("statement", "import", str(file), "--account")
    paper = paper_statement.ACCOUNT
    with books.session() as session:
        import_roll(session, market.market, f"F1;F;Mía;Chị Mười;0912000009;;;VCB;{paper};LE THI MUOI;")
        session.commit()
    refused = run(books.settings, *asked, f"BIDV:{paper}")
    assert refused.code == 1 and f"--account 970436:{paper}" in refused.err
    assert run(books.settings, *asked, f"VCB:{paper}").code == 0
