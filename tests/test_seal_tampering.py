"""Whoever changes the books behind the seals' back, with every right a database gives, is found and named."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground.settings import Settings
from ground.store import Store
from payments import seal, stall_day
from tests import shell
from tests.world import Street, keep, post, told

WARD, MARKET, PERIOD = "ward:26506", "market:cho-a", "2026-10"
TABLES = ("entry", "cash_report", "seal", "seal_roll", "audit")


@pytest.fixture
def sealed(books: Store, street: Street, test_settings: Settings, tmp_path: Path) -> Store:
    """The ward twice, its market once; some stalls have told of their cash."""
    keep(books, [told(number, 10_000 * number, account=f"100000{number}") for number in (1, 2)])
    post(books)
    file = tmp_path / "cash.csv"
    file.write_text("stall,date,amount,count,source\nA1,2026-10-05,50000,2,declared\n", "utf-8")
    assert shell.run(test_settings, "cash", "import", file, "--market", "cho-a").code == 0
    seal.seal(books, WARD, PERIOD, by="somebody")
    keep(books, [told(3, 40_000)])
    seal.seal(books, WARD, PERIOD, by="somebody")
    seal.seal(books, MARKET, PERIOD, by="somebody")
    return books


def tamper(books: Store, *statements: str) -> None:
    with books.session() as session:
        for table in TABLES:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for statement in statements:
            session.connection().exec_driver_sql(statement)  # where a colon is a colon
        stall_day.rebuild(session)  # so that nothing but the seals knows
        session.commit()


def differences(settings: Settings) -> list[str]:
    answer = shell.run(settings, "verify", "--format", "json")
    assert (answer.code == 0) == answer.document["ok"] == (answer.document["differences"] == [])
    return [each.partition(": ")[2] for each in answer.document["differences"] if each.startswith("a seal says")]


def test_untouched_books_are_in_order(sealed: Store, test_settings: Settings) -> None:
    assert differences(test_settings) == []


def test_the_doors_to_the_seals_are_shut(sealed: Store, session: Session) -> None:
    for statement in (
        "UPDATE seal SET area = 'x'",
        "DELETE FROM seal",
        "TRUNCATE seal",
        "UPDATE seal_roll SET content = ''",
    ):
        with pytest.raises(Exception, match="a seal is never changed"):
            session.execute(text(statement))
        session.rollback()


FIGURES = "replace(document, '\"value\":30000', '\"value\":90000')"
REHASHED = f"document = {FIGURES}, digest = sha256(convert_to({FIGURES}, 'UTF8'))"
CASES: list[tuple[str, list[str]]] = [
    ("UPDATE entry SET amount = amount + 1 WHERE id = 2", ["cashless_value was sealed with value 30000, is 30001"]),
    ("DELETE FROM entry WHERE id = 2", ["entries up to number 2 then, 1 now", "cashless_value was sealed with"]),
    ("UPDATE entry SET business_date = '2026-10-06' WHERE id = 1", ["market cho-a: its stalls' days of 2026-10"]),
    (
        "UPDATE entry SET credit = 'stall:' || (SELECT id FROM stall WHERE number = 'B1') WHERE id = 2",
        ["market cho-a: its stalls' days of 2026-10"],
    ),
    ("UPDATE cash_report SET amount = 60000", ["market cho-a: its reports of 2026-10 are not what they were"]),
    ("DELETE FROM cash_report", ["market cho-a: its reports of 2026-10 are not what they were"]),
    (
        f"UPDATE seal SET document = {FIGURES} WHERE number = 1",
        ["revision 1) is not what was written", "cashless_value was sealed with value 90000, is 30000"],
    ),
    (
        f"UPDATE seal SET {REHASHED} WHERE number = 1",
        ["seal 2 (ward:26506, 2026-10, revision 2) does not follow seal 1", "seal 1 is not the one that was recorded"],
    ),
    ("UPDATE seal SET document = 'nothing' WHERE number = 2", ["revision 2) is not what was written"]),
    ("UPDATE seal SET document = '{}' WHERE number = 2", ["stands beside a document that says otherwise"]),
    ("UPDATE seal SET revision = 7 WHERE number = 2", ["revision 7) stands beside a document that says otherwise"]),
    ("UPDATE seal SET hidden = '{}' WHERE number = 1", ["stands beside a document that says otherwise"]),
    ("UPDATE seal SET kept = '{}' WHERE number = 1", ["stands beside a document that says otherwise"]),
    ("DELETE FROM seal WHERE number = 2", ["seal 2 is missing, the next is 3", "seal 2 was made and is gone"]),
    ("DELETE FROM seal WHERE number = 3", ["seal 3 was made and is gone"]),
    ("UPDATE seal_roll SET content = replace(content, 'trading', 'vacant')", ["is not what was kept", "onboarded"]),
    ("DELETE FROM seal_roll", ["the roll of cho-a is gone"]),
]


@pytest.mark.parametrize(("statement", "said"), CASES, ids=[case[0][:60] for case in CASES])
def test_what_was_changed_is_named(sealed: Store, test_settings: Settings, statement: str, said: list[str]) -> None:
    tamper(sealed, statement)
    found = differences(test_settings)
    for each in said:
        assert any(each in difference for difference in found), found


def test_a_seal_of_older_definitions_is_checked_by_digest_and_chain(
    sealed: Store, test_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was counted by is not there any more; changing its entries is not seen, changing the seal is."""
    monkeypatch.setattr("payments.seal_proof.DEFINITIONS_VERSION", 2)
    tamper(sealed, "UPDATE entry SET amount = amount + 1 WHERE id = 2")
    assert differences(test_settings) == []
    tamper(sealed, "UPDATE seal SET document = document || ' ' WHERE number = 1")
    assert [each.partition(") ")[2] for each in differences(test_settings)] == ["is not what was written"]


def test_a_new_definition_gives_a_new_revision(
    sealed: Store, test_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not seal.seal(sealed, WARD, PERIOD, by="somebody").is_new
    for module in ("seal", "seal_proof", "restatement"):
        monkeypatch.setattr(f"payments.{module}.DEFINITIONS_VERSION", 2)
    done: Any = seal.seal(sealed, WARD, PERIOD, by="somebody")
    assert (done.is_new, done.revision, list(done.changes)) == (True, 3, [])
    assert differences(test_settings) == []
