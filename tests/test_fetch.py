"""Fetching from SePay: the same lines as a file would give, and only days that are complete count as covered."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ground import clock
from ground.settings import Settings
from ground.store import Store
from payments.providers import sepay_api
from tests.fetching import MARCH, covered, fetch, in_books, lines, on_account
from tests.sepay_api import SepayFake, history, transaction
from tests.shell import run
from tests.world import Street, keep, post, told

STORY = history(
    ["2026-03-05 08:00:00", "2026-03-05 08:00:00", "2026-03-06 09:10:11", "2026-03-20 23:59:59"],
    [20_000, 20_000, -5_000, 70_000],
    opening=1_000_000,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sepay_api, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(sepay_api, "PAUSES", (0.01,))


@pytest.fixture
def sepay() -> Iterator[SepayFake]:
    with SepayFake(STORY) as fake:
        yield fake


# --- what it brings


def test_a_fetch_answers_with_the_document_of_an_import(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    assert fetch(test_settings, sepay, *MARCH).document == {
        "statement": 1,
        "bank": "sepay",
        "from": "2026-03-01",
        "to": "2026-03-31",
        "lines": 4,
        "new_lines": 4,
        "known_lines": 0,
        "credits": 110_000,
        "debits": 5_000,
        "opening": 1_000_000,
        "closing": 1_105_000,
        "balanced": True,
        "statements": [1],
    }
    again = fetch(test_settings, sepay, *MARCH).document
    assert (again["new_lines"], again["known_lines"]) == (0, 4)
    assert in_books(books) == on_account(STORY)


def test_fetched_lines_are_the_lines_a_file_would_give(
    books: Store, test_settings: Settings, sepay: SepayFake, tmp_path: Path
) -> None:
    sepay.rows = [
        transaction(1, 20_000, "2026-03-05 08:00:00", memo="MBVCB.1.ZCH  tien  rau 3000000001", balance=120_000),
        transaction(2, -5_000, "2026-03-05 09:00:00", memo="REVERSAL FT26278000000001", balance=115_000),
        transaction(3, -5_000, "2026-03-05 09:00:01", memo="tien hoc con 0987654321", balance=110_000),
        transaction(4, 30_000, "2026-03-06 00:00:00", memo="Nguyễn Thị Lan", balance=140_000),
    ]
    rows = ["Ngày giao dịch;Số tham chiếu;Nợ;Có;Số dư;Nội dung"]
    rows += ["05/03/2026 08:00:00;FT1;;20,000;120,000;MBVCB.1.ZCH  tien  rau 3000000001"]
    rows += ["05/03/2026 09:00:00;FT2;5,000;;115,000;REVERSAL FT26278000000001"]
    rows += ["05/03/2026 09:00:01;FT3;5,000;;110,000;tien hoc con 0987654321"]
    rows += ["06/03/2026;FT4;;30,000;140,000;Nguyễn Thị Lan"]
    file = tmp_path / "file.csv"
    file.write_text("\n".join(rows), "utf-8")
    assert run(test_settings, "statement", "import", file, "--account", "970436:9").code == 0
    assert fetch(test_settings, sepay, *MARCH).document["new_lines"] == 4
    kept = lines(books)
    for line in kept:
        line["memo"] = line["memo"] and books.vault.unseal(line["memo"])
    by_file, fetched = kept[::2], kept[1::2]
    for name in kept[0].keys() - {"id", "statement_id", "account_id", "row"}:
        assert [line[name] for line in by_file] == [line[name] for line in fetched], name
    file.write_text("\n".join(rows), "utf-8")
    again = run(test_settings, "statement", "import", file, "--account", "970436:1000001", "--format", "json")
    assert again.document["new_lines"] == 0, "a file tells nothing new of what was fetched"


def test_of_money_going_out_only_day_and_amount_are_kept(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    sepay.rows = [transaction(1, -70_000, "2026-03-05 08:00:00", memo="tien hoc con", sub_account="VA1")]
    assert fetch(test_settings, sepay, *MARCH).code == 0
    (line,) = lines(books)
    assert {line[name] for name in ("memo", "memo_hash", "payer_hash", "reference", "virtual_account")} == {None}
    assert (line["direction"], line["amount"], str(line["business_date"])) == ("out", 70_000, "2026-03-05")


def test_the_virtual_account_that_was_paid_to_is_told(books: Store, test_settings: Settings, sepay: SepayFake) -> None:
    sepay.rows = [
        transaction(1, 5_000, "2026-03-05 08:00:00", sub_account="VA0005"),
        transaction(2, 5_000, "2026-03-05 08:00:01", sub_account="1000001"),
        transaction(3, 5_000, "2026-03-05 08:00:02", sub_account=""),
    ]
    assert fetch(test_settings, sepay, *MARCH).code == 0
    assert [line["virtual_account"] for line in lines(books)] == ["VA0005", None, None]


def test_a_transaction_of_nothing_is_no_line(test_settings: Settings, sepay: SepayFake) -> None:
    sepay.rows = [transaction(1, 0, "2026-03-05 08:00:00"), *STORY]
    assert fetch(test_settings, sepay, *MARCH).document["lines"] == 4


def test_the_table_shows_what_was_brought_and_the_audit_who_did_it(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    done = run(test_settings, "statement", "fetch", "--account", "VCB:1000001", *MARCH, **sepay.environment)
    assert done.code == 0 and "new_lines" in done.out and "2026-03-31" in done.err
    with books.engine.connect() as connection:
        record = connection.execute(text("SELECT what, subject, after FROM audit")).one()
    assert record.what == "statement.fetch" and record.subject.startswith("account:")
    assert record.after == {"from": "2026-03-01", "to": "2026-03-31", "lines": 4, "new_lines": 4}


# --- balances


def test_without_balances_none_are_told(test_settings: Settings, sepay: SepayFake) -> None:
    sepay.rows = [{**row, "accumulated": "0.00"} for row in STORY]
    document = fetch(test_settings, sepay, *MARCH).document
    assert [document[name] for name in ("opening", "closing", "balanced")] == [None, None, None]


def test_a_balance_that_does_not_follow_is_refused_by_its_transaction(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    del sepay.rows[1]
    done = fetch(test_settings, sepay, *MARCH)
    assert (done.code, done.out) == (1, "")
    assert "transaction 102 of 2026-03-06 09:10:11" in done.err and "1.035.000 ₫" in done.err
    assert lines(books) == [] and covered(books) == []


def test_within_a_second_the_balances_tell_the_order(test_settings: Settings, sepay: SepayFake) -> None:
    """SePay counts them as they reach it: in and out and in again, each at the same second."""
    moments = ["2026-03-05 08:00:00"] * 6
    rows = history(moments, [10_000, -10_000, 10_000, -10_000, 30_000, 5_000], opening=50_000)
    ids = [row["id"] for row in rows]
    sepay.rows = [
        {**row, "id": id} for row, id in zip(rows, (ids[4], ids[2], ids[5], ids[0], ids[1], ids[3]), strict=True)
    ]
    document = fetch(test_settings, sepay, *MARCH).document
    assert (document["opening"], document["closing"], document["lines"]) == (50_000, 85_000, 6)


def test_lines_missing_between_two_stretches_of_days_are_noticed(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    sepay.rows += history(["2026-04-10 08:00:00"], [1_000], opening=2_000_000, first_id=200)
    done = fetch(test_settings, sepay, "--from", "2026-03-01", "--to", "2026-04-20")
    assert done.code == 1 and "2.000.000 ₫" in done.err and "1.105.000 ₫" in done.err
    assert covered(books) == [("2026-03-01", "2026-03-31")], "the days before are good"


# --- which days


def test_by_default_it_goes_from_the_accounts_beginning_to_yesterday(
    books: Store, street: Street, test_settings: Settings, sepay: SepayFake
) -> None:
    yesterday = clock.today() - timedelta(days=1)
    assert (document := fetch(test_settings, sepay).document)["from"] == "2026-01-01"
    assert document["to"] == yesterday.isoformat()
    asked = len(sepay.asked)
    nothing = fetch(test_settings, sepay).document
    assert [nothing[name] for name in ("statement", "from", "to", "lines", "statements")] == [None, None, None, 0, []]
    assert len(sepay.asked) == asked + 1, "only what it may have learnt late"


def test_an_earlier_notice_is_the_beginning(
    books: Store, street: Street, test_settings: Settings, sepay: SepayFake
) -> None:
    keep(books, [told(1, at="2025-12-24 08:00:00")])
    post(books)
    assert fetch(test_settings, sepay).document["from"] == "2025-12-24"


def test_it_goes_on_after_what_a_banks_file_covers(
    books: Store, test_settings: Settings, sepay: SepayFake, tmp_path: Path
) -> None:
    file = tmp_path / "file.csv"
    file.write_text("Ngày;Nợ;Có;Nội dung\n18/03/2026;;5;a\n", "utf-8")
    assert run(test_settings, "statement", "import", file, "--account", "970436:1000001").code == 0
    assert fetch(test_settings, sepay, "--to", "2026-03-31").document["from"] == "2026-03-19"
    assert [str(line["business_date"]) for line in lines(books)] == ["2026-03-18", "2026-03-20"]


def test_an_account_without_a_beginning_needs_a_day(test_settings: Settings, sepay: SepayFake) -> None:
    done = fetch(test_settings, sepay)
    assert done.code == 1 and "--from" in done.err
    assert "--from" in fetch(test_settings, sepay, MARKET_LANGUAGE="vi").err


def test_today_is_not_covered_before_it_is_over(books: Store, test_settings: Settings, sepay: SepayFake) -> None:
    today = clock.today()
    yesterday = today - timedelta(days=1)
    sepay.rows = [
        transaction(1, 5_000, f"{yesterday} 10:00:00"),
        transaction(2, 6_000, f"{today} 00:00:01"),
    ]
    first = fetch(test_settings, sepay, "--from", str(today), "--to", str(today)).document
    assert (first["from"], first["to"], first["new_lines"]) == (str(yesterday), str(yesterday), 2)
    assert covered(books) == [(str(yesterday), str(yesterday))]
    sepay.rows.append(transaction(3, 7_000, f"{today} 00:00:02"))
    again = fetch(test_settings, sepay, "--to", str(today)).document
    assert (again["new_lines"], again["known_lines"]) == (1, 2)
    assert {str(last) for _, last in covered(books)} == {str(yesterday)}
    assert in_books(books) == on_account(sepay.rows)


def test_days_to_come_and_days_turned_round_are_refused(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    for words in (("--to", str(tomorrow)), ("--from", "2026-03-02", "--to", "2026-03-01"), ("--from", str(tomorrow))):
        done = fetch(test_settings, sepay, *words)
        assert (done.code, done.out) == (1, "")
    assert sepay.asked == [] and covered(books) == []


@pytest.mark.parametrize("word", ["2026-3-xx", "yesterday", "05/03/2026"])
def test_a_day_that_is_none_is_wrong_usage(test_settings: Settings, sepay: SepayFake, word: str) -> None:
    assert fetch(test_settings, sepay, "--from", word).code == 2


def test_what_sepay_learns_late_is_fetched_with_the_next_days(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    assert fetch(test_settings, sepay, "--from", "2026-03-01", "--to", "2026-03-10").document["new_lines"] == 3
    late = transaction(900, 44_000, "2026-03-07 06:00:00")
    sepay.rows = [*({**row, "accumulated": "0.00"} for row in STORY), late]
    document = fetch(test_settings, sepay, "--to", "2026-03-31").document
    assert (document["from"], document["to"], document["new_lines"]) == ("2026-03-11", "2026-03-31", 2)
    assert covered(books) == [("2026-03-01", "2026-03-10"), ("2026-03-07", "2026-03-07"), ("2026-03-11", "2026-03-31")]
    assert in_books(books) == on_account(sepay.rows)
    assert fetch(test_settings, sepay, "--to", "2026-04-02").document["statements"] == [4], "and only once"


def test_a_month_of_nothing_is_covered_where_the_account_is_known(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    document = fetch(test_settings, sepay, "--from", "2026-02-01", "--to", "2026-02-28").document
    assert (document["lines"], document["balanced"], document["to"]) == (0, None, "2026-02-28")
    assert covered(books) == [("2026-02-01", "2026-02-28")]


def test_an_account_that_sepay_does_not_know_is_not_covered(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    """To SePay it is an account without transactions; to say that nothing came in March would be a lie."""
    sepay.rows = [transaction(1, 5_000, "2026-03-05 08:00:00", account="9999")]
    done = fetch(test_settings, sepay, *MARCH)
    assert done.code == 1 and "1000001" in done.err
    assert covered(books) == []
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM account")).scalar_one() == 0


def test_an_account_of_the_same_number_at_another_bank_is_another(
    books: Store, test_settings: Settings, sepay: SepayFake
) -> None:
    sepay.rows.append(transaction(300, 999, "2026-03-07 08:00:00", bank_brand_name="BIDV"))
    sepay.rows.append(transaction(301, 888, "2026-03-21 08:00:00", bank_brand_name="Quỹ tín dụng X", balance=1_105_888))
    assert fetch(test_settings, sepay, *MARCH).document["lines"] == 5
    assert date(2026, 3, 7) not in {line["business_date"] for line in lines(books)}
