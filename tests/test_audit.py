"""The audit: every act is written down once, in one chain, and nobody changes a record unseen."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from ground import audit, clock
from ground.audit import Audit
from ground.settings import Settings
from ground.store import Store
from payments import verify
from tests import shell
from tests.cast import PASSWORD, Cast
from tests.world import HEADINGS, STREET, Street


def tell(books: Store, count: int) -> None:
    for number in range(count):
        with books.session() as session:
            audit.record(session, "staff:Chị Hoa", "market.rename", {"name": "Chợ cũ"}, {"name": f"Chợ mới {number}"})
            session.commit()


def walked(books: Store) -> list[str]:
    with books.engine.connect() as connection:
        return audit.walk(connection)


def tamper(books: Store, change: str) -> None:
    """As somebody with the database's password could, past the trigger."""
    with books.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_is_never_changed"))
        connection.execute(text(change))
        connection.execute(text("ALTER TABLE audit ENABLE TRIGGER audit_is_never_changed"))


def test_an_untouched_chain_is_whole_and_counts_without_a_gap(books: Store, session: Session) -> None:
    tell(books, 5)
    told = session.exec(select(Audit).order_by(col(Audit.number))).all()
    assert [each.number for each in told] == [1, 2, 3, 4, 5]
    assert told[0].previous == audit.BEGINNING
    assert [each.previous for each in told[1:]] == [each.digest for each in told[:-1]]
    assert walked(books) == []
    assert verify.verify(books).ok


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ("UPDATE audit SET who = 'staff:Anh Bình' WHERE number = 3", 3),
        ("UPDATE audit SET what = 'market.add' WHERE number = 3", 3),
        ("UPDATE audit SET subject = 'market:cho-b' WHERE number = 3", 3),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE number = 3", 3),
        ("UPDATE audit SET before = NULL WHERE number = 3", 3),
        ("""UPDATE audit SET after = '{"name": "Chợ khác"}' WHERE number = 3""", 3),
        ("UPDATE audit SET digest = sha256('x') WHERE number = 3", 3),
        ("UPDATE audit SET previous = sha256('x') WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number = 3", 3),
        ("UPDATE audit SET number = 9 WHERE number = 5", 5),
    ],
)
def test_whoever_touches_a_record_is_found_out(books: Store, change: str, number: int) -> None:
    tell(books, 5)
    tamper(books, change)
    found = walked(books)
    assert found and f"record {number}" in found[0]
    done = verify.verify(books)
    assert not done.ok and found[0] in done.differences


def test_a_record_rewritten_with_a_digest_that_fits_breaks_the_next_one(books: Store, session: Session) -> None:
    tell(books, 3)
    second = session.exec(select(Audit).where(Audit.number == 2)).one()
    second.who = "staff:Anh Bình"
    tamper(
        books, f"UPDATE audit SET who = 'staff:Anh Bình', digest = '\\x{audit.digest(second).hex()}' WHERE number = 2"
    )
    assert walked(books) == ["the audit is one unbroken chain: record 3 does not follow record 2"]


@pytest.mark.parametrize("change", ["UPDATE audit SET who = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_table_itself_refuses_to_be_changed(books: Store, change: str) -> None:
    tell(books, 1)
    with books.engine.begin() as connection, pytest.raises(DBAPIError, match="never changed"):
        connection.execute(text(change))


def test_many_at_once_make_one_chain_without_a_fork(books: Store) -> None:
    threads = [threading.Thread(target=tell, args=(books, 8)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with books.session() as session:
        assert session.execute(text("SELECT count(*), max(number) FROM audit")).one() == (48, 48)
    assert walked(books) == []


def test_an_act_that_is_rolled_back_leaves_no_record_and_no_gap(books: Store) -> None:
    tell(books, 1)
    with books.session() as session:
        audit.record(session, "staff:Chị Hoa", "market.rename")
        session.rollback()
    tell(books, 1)
    assert walked(books) == []
    with books.session() as session:
        assert session.execute(text("SELECT max(number) FROM audit")).scalar() == 2


def test_what_is_written_reads_back_alike_whatever_it_holds(books: Store) -> None:
    awkward: dict[str, Any] = {
        "ễ 🛒": "Chợ \"Bến\" \\ \u2028 'Thành'",
        "nested": {"b": [1, None, True, {"z": "", "a": -5}], "a": 2**53 - 1},
        "day": clock.today(),
        "moment": clock.now(),
        "set": {"b", "a"},
        "zero byte": "a\x00b",
    }
    with books.session() as session:
        audit.record(session, "staff:Chị Hoa", "test.awkward", awkward, awkward, subject="x")
        session.commit()
    assert walked(books) == []


def test_a_share_or_an_object_is_our_bug(session: Session) -> None:
    for wrong in (0.5, object(), b"x"):
        with pytest.raises(AssertionError):
            audit.record(session, "staff:Chị Hoa", "test.wrong", None, {"value": wrong})


def test_the_commands_write_down_what_they_change_and_who_sat_there(
    books: Store, test_settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "roll.csv"
    file.write_text(f"{HEADINGS}\n{STREET.strip()}\n", "utf-8")
    for words in (
        ("market", "add", "cho-x", "--name", "Chợ X", "--ward", "26506", "--since", "2026-01-01"),
        ("roll", "import", file, "--market", "cho-x", "--dry-run"),
        ("roll", "import", file, "--market", "cho-x"),
        ("roll", "import", file, "--market", "cho-x"),
        ("codes", "issue", "--market", "cho-x", "--since", "2026-01-01"),
        ("codes", "issue", "--market", "cho-x"),
        ("market", "move", "cho-x", "--ward", "26526", "--since", "2026-02-01"),
        ("user", "add", "Chị Hoa", "--role", "board", "--area", "market:cho-x"),
    ):
        answer = shell.run(test_settings, *words)
        assert answer.code == 0, answer.err
    with books.session() as session:
        serial = session.execute(text("SELECT serial FROM code LIMIT 1")).scalar_one()
        assert shell.run(test_settings, "codes", "revoke", serial, "--reason", "dán đè").code == 0
        told = session.exec(select(Audit).order_by(col(Audit.number))).all()
    acts = ["market.add", "roll.import", "codes.issue", "market.move", "staff.add", "codes.revoke"]
    assert [each.what for each in told] == acts  # neither a dry run nor what changed nothing
    assert {each.who.partition(":")[0] for each in told} == {"command"}
    assert told[3].before == {"moves": [["2026-01-01", "26506"]]}
    assert told[4].subject == "staff:Chị Hoa"
    assert walked(books) == []


def test_nothing_of_a_phone_an_account_or_a_link_is_in_the_audit(
    books: Store, street: Street, test_settings: Settings
) -> None:
    answer = shell.run(test_settings, "user", "add", "Chị Hoa", "--role", "board", "--area", "cho-a")
    token = answer.out.strip().rpartition("/")[2]
    with books.session() as session:
        rows = session.execute(text("SELECT audit::text FROM audit")).scalars().all()
    assert rows and token
    assert [row for row in rows if token in row or "0912" in row] == []


def test_who_came_in_and_who_left_is_on_record_and_from_where_is_not(cast: Cast) -> None:
    browser = cast.stranger()
    with cast.books.session() as session:
        before = session.execute(text("SELECT coalesce(max(number), 0) FROM audit")).scalar_one()
    assert browser.submit("/signin", name="Chị Hoa", password="đoán mò").status_code == 422
    assert browser.submit("/signin", name="Chị Hoa", password=PASSWORD).status_code == 303
    assert browser.submit("/account", "/signin", name="Anh Dũng", password=PASSWORD).status_code == 303
    assert browser.submit("/account", "/signout").status_code == 303
    with cast.books.session() as session:
        told = session.exec(select(Audit).where(Audit.number > before).order_by(col(Audit.number))).all()
    first, second = told[0].after or {}, told[2].after or {}
    assert [(each.who, each.what, each.before, each.after) for each in told] == [
        ("staff:Chị Hoa", "session.begin", None, {"visit": first["visit"], "by": "password"}),
        ("staff:Chị Hoa", "session.end", {"visit": first["visit"]}, None),
        ("staff:Anh Dũng", "session.begin", None, {"visit": second["visit"], "by": "password"}),
        ("staff:Anh Dũng", "session.end", {"visit": second["visit"]}, None),
    ]
    assert all(each.subject == each.who for each in told) and walked(cast.books) == []
