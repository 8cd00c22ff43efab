"""Findings: listed, assigned and closed by whoever sits at the command line, and refused where it makes no sense."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground.settings import Settings
from ground.store import Store
from merchants import market
from payments import verify
from tests.shell import run
from tests.world import VUNG_TAU, Street, import_roll, keep, post, told

FIELDS = {
    "id",
    "kind",
    "business_date",
    "amount",
    "market",
    "stall",
    "provider",
    "external_id",
    "status",
    "detail",
}


@pytest.fixture
def asked(books: Store, street: Street, test_settings: Settings) -> Settings:
    """Cash for two stalls of one account, a stranger's, one dated 2020, one told twice, one with a foreign token."""
    keep(
        books,
        [
            told(1, 50_000, account="1000003"),
            told(2, 60_000, account="555"),
            told(3, 70_000, at="2020-01-01 00:00:00"),
            told(4, 80_000),
            told(4, 81_000),
            told(5, 90_000, account="999", gateway="BIDV", virtual="VA0005", memo=street.token("A2")),
        ],
    )
    post(books)
    return test_settings


def listed(settings: Settings, *words: str) -> dict[str, dict[str, Any]]:
    """The findings by kind and external id."""
    rows = run(settings, "findings", *words, "--format", "json").document
    return {f"{row['kind']} {row['external_id']}": row for row in rows}


def test_findings_are_listed_as_the_contract_says(asked: Settings) -> None:
    rows = listed(asked)
    assert set(rows) == {"unattributed 1", "unknown_account 2", "implausible 3", "repeated 4", "ambiguous 5"}
    assert all(row.keys() >= FIELDS for row in rows.values())
    row = rows["unattributed 1"]
    assert (row["amount"], row["business_date"], row["market"], row["stall"]) == (50_000, "2026-10-05", "cho-a", None)
    assert (row["provider"], row["status"]) == ("sepay", "open")
    assert "cho-a/B1" in row["detail"] and "cho-a/B2" in row["detail"] and "1000003" in row["detail"]
    assert (rows["ambiguous 5"]["market"], rows["ambiguous 5"]["stall"]) == ("cho-a", "C1")


def test_findings_can_be_narrowed(asked: Settings) -> None:
    assert set(listed(asked, "--market", "cho-a")) >= {"unattributed 1", "ambiguous 5"}
    assert "unknown_account 2" not in listed(asked, "--market", "cho-a")
    assert listed(asked, "--status", "closed") == {}
    assert run(asked, "findings", "--market", "cho-x").code == 1
    assert run(asked, "findings", "--status", "lost").code == 2


def test_the_table_is_for_people(asked: Settings) -> None:
    done = run(asked, "findings", MARKET_LANGUAGE="vi")
    assert (done.code, done.err) == (0, "")
    assert "unattributed" in done.out and "50.000" in done.out and "không rõ tiền của sạp nào" in done.out


def test_money_is_assigned_moved_on_and_counted_once(asked: Settings, books: Store) -> None:
    id_ = listed(asked)["unattributed 1"]["id"]
    assert run(asked, "findings", "assign", id_, "--stall", "b1", "--reason", "her app shows it") == (0, "", "")
    row = listed(asked)["unattributed 1"]
    assert (row["status"], row["stall"], row["reason"]) == ("assigned", "B1", "her app shows it")
    assert run(asked, "findings", "assign", id_, "--stall", "cho-a/B2", "--reason", "it was her brother").code == 0
    assert run(asked, "findings", "assign", id_, "--stall", "B2", "--reason", "once more").code == 0
    with books.engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM entry WHERE amount = 50000 ORDER BY id")).scalars().all()
    assert kinds == ["held", "attributed", "moved"]
    assert verify.verify(books).ok


def test_a_closed_finding_leaves_the_money_where_it_lies_until_its_owner_turns_up(
    asked: Settings, books: Store
) -> None:
    id_ = listed(asked)["unknown_account 2"]["id"]
    assert run(asked, "findings", "close", id_, "--reason", "a stranger's").code == 0
    assert listed(asked)["unknown_account 2"]["status"] == "closed"
    assert verify.verify(books).ok
    again = run(asked, "findings", "close", id_, "--reason", "really")
    assert (again.code, again.out) == (1, "")
    assert "decided already" in again.err
    assert run(asked, "findings", "assign", id_, "--stall", "A1", "--reason", "he came with the receipt").code == 0
    assert verify.verify(books).ok
    assert run(asked, "findings", "close", id_, "--reason", "done").code == 1


def test_a_sale_with_a_foreign_token_may_be_moved_or_left(asked: Settings, books: Store) -> None:
    id_ = listed(asked)["ambiguous 5"]["id"]
    assert run(asked, "findings", "assign", id_, "--stall", "A2", "--reason", "the placard hung there").code == 0
    assert verify.verify(books).ok
    with books.engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM entry WHERE amount = 90000 ORDER BY id")).scalars().all()
    assert kinds == ["sale", "moved"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("assign", "999", "--stall", "A1", "--reason", "x"), "no finding 999"),
        (("assign", "999", "--stall", "Z9", "--reason", "x"), "no finding 999"),
        (("assign", str(2**70), "--stall", "A1", "--reason", "x"), "no finding"),
        (("close", "999", "--reason", "x"), "no finding 999"),
        (("close", str(2**70), "--reason", "x"), "no finding"),
        (("assign", "{unattributed 1}", "--stall", "Z9", "--reason", "x"), "No stall is called “Z9”"),
        (("assign", "{unattributed 1}", "--stall", "cho-x/B1", "--reason", "x"), "No stall is called “cho-x/B1”"),
        (("assign", "{unattributed 1}", "--stall", "B1", "--reason", "  "), "Give a reason"),
        (("close", "{unattributed 1}", "--reason", ""), "Give a reason"),
        (("assign", "{unattributed 1}", "--stall", "E1", "--reason", "x"), "Nobody held that stall"),
        (("assign", "{implausible 3}", "--stall", "A1", "--reason", "x"), "holds no money"),
        (("assign", "{repeated 4}", "--stall", "A1", "--reason", "x"), "holds no money"),
    ],
)
def test_what_cannot_be_decided_is_refused(asked: Settings, books: Store, words: tuple[str, ...], said: str) -> None:
    rows = listed(asked)
    filled = [re.sub(r"\{(.*)\}", lambda match: str(rows[match[1]]["id"]), word) for word in words]
    done = run(asked, "findings", *filled)
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    vietnamese = run(asked, "findings", *filled, MARKET_LANGUAGE="vi").err
    assert vietnamese and vietnamese != done.err
    assert listed(asked) == rows
    assert verify.verify(books).ok


@pytest.mark.parametrize(
    "words",
    [
        ("findings", "export"),
        ("placards", "--market", "cho-a", "--out"),
        ("report", "--area", "market:cho-a", "--period", "2026-10", "--format", "xlsx", "--out"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_and_leaves_nothing(
    asked: Settings, tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = tmp_path / "there.xlsx"
    folder.mkdir()
    for place in (tmp_path / "nowhere" / "file.xlsx", folder, tmp_path / ("x" * 300)):
        done = run(asked, *words, place)
        assert (done.code, done.out) == (1, "")
        assert "can't be written" in done.err and "Traceback" not in done.err
        assert [each.name for each in tmp_path.rglob("*")] == ["there.xlsx"]


def test_wrong_usage_is_told_apart_from_a_refusal(asked: Settings) -> None:
    for words in (("assign", "1"), ("assign", "x", "--stall", "A1", "--reason", "x"), ("close",), ("open", "1")):
        assert run(asked, "findings", *words).code == 2


def test_a_number_that_several_markets_have_is_the_candidates(
    asked: Settings, session: Session, street: Street
) -> None:
    other = market.add(session, "cho-b", "Chợ B", VUNG_TAU, since=street.market.since)
    import_roll(session, other, "B1;;;Mai;;;;;;;\nA1;;;Cúc;;;;;;;\n12/3;;;Lan;;;;;;;")
    session.commit()
    rows = listed(asked)
    near = run(asked, "findings", "assign", rows["unattributed 1"]["id"], "--stall", "B1", "--reason", "x")
    assert near.code == 0
    assert listed(asked)["unattributed 1"]["market"] == "cho-a"
    anybody = rows["unknown_account 2"]["id"]
    unclear = run(asked, "findings", "assign", anybody, "--stall", "A1", "--reason", "x")
    assert unclear.code == 1 and "Several markets" in unclear.err
    assert run(asked, "findings", "assign", anybody, "--stall", "cho-b/12/3", "--reason", "x").code == 0
    assert run(asked, "findings", "assign", anybody, "--stall", "12/3", "--reason", "x").code == 0
    assert listed(asked)["unknown_account 2"]["stall"] == "12/3"
