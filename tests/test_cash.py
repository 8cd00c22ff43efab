"""Cash reports and observations brought in: all or nothing, corrections as new records, every error named."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

from ground import clock
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from merchants import market
from payments import cash_report
from payments.cash_report import CashReport
from payments.observation import Observation
from tests.shell import Answer, run
from tests.world import Street, import_roll, keep, post, told

CASH = "stall,date,amount,count,source"
SEEN = "stall,date,cashless,total"


def bring(settings: Settings, folder: Path, rows: str, headings: str = CASH, **more: str) -> Answer:
    """`cash import`, or `observations import` where the headings say so."""
    file = folder / "evidence.csv"
    file.write_text(f"{headings}\n{rows.strip()}\n", "utf-8")
    return run(settings, _kind(headings), "import", file, "--market", "cho-a", "--format", "json", **more)


def _kind(headings: str) -> str:
    return "observations" if "cashless" in headings.lower() else "cash"


def counts(done: Answer) -> tuple[int, int, int, int]:
    document = done.document
    return document["rows"], document["added"], document["changed"], document["unchanged"]


def errors(done: Answer) -> list[tuple[int, str, str]]:
    assert done.code == 1
    return [(error["row"], error["column"], error["value"]) for error in done.document["errors"]]


def test_the_document_is_the_contracts(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    done = bring(test_settings, tmp_path, "A1,2026-10-05,1250000,31,declared\nA2,05/10/2026,3000000,,booked")
    assert (done.code, done.err) == (0, "")
    assert done.document == {
        "market": "cho-a",
        "rows": 2,
        "added": 2,
        "changed": 0,
        "unchanged": 0,
        "errors": [],
        "unlisted_errors": 0,
        "flags": [],
    }


def test_the_same_file_again_changes_nothing(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    rows = "A1,2026-10-05,1250000,31,declared\nA1,2026-10-05,9000000,,booked\nA1,2026-10-06,0,0,declared"
    assert counts(bring(test_settings, tmp_path, rows)) == (3, 3, 0, 0)
    assert counts(bring(test_settings, tmp_path, rows)) == (3, 0, 0, 3)
    assert len(session.exec(select(CashReport)).all()) == 3


def test_a_correction_is_a_new_record_and_the_old_one_stays(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    bring(test_settings, tmp_path, "A1,2026-10-05,1250000,31,declared")
    assert counts(bring(test_settings, tmp_path, "a1,2026-10-05,1520000,31,declared")) == (1, 0, 1, 0)
    assert counts(bring(test_settings, tmp_path, "A1,2026-10-05,1520000,,declared")) == (1, 0, 1, 0)
    assert counts(bring(test_settings, tmp_path, "A1,2026-10-05,1250000,31,declared")) == (1, 0, 1, 0), "and back"
    rows = session.exec(select(CashReport)).all()
    assert [(row.amount, row.count) for row in rows] == [
        (1_250_000, 31),
        (1_520_000, 31),
        (1_520_000, None),
        (1_250_000, 31),
    ]
    assert all(row.recorded_by and row.recorded_at <= clock.now() for row in rows)


def test_any_error_and_nothing_is_imported(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    done = bring(
        test_settings,
        tmp_path,
        f"""
A1,2026-10-05,1250000,31,declared
A1,{tomorrow},100,,declared
A1,2025-12-31,100,,declared
E1,2026-10-05,100,,declared
Z9,2026-10-05,100,,declared
A2,2026-10-05,-100,,declared
A2,2026-10-06,12.5,,declared
A2,2026-10-07,nhiều,,declared
A2,2026-10-08,1000000000001,,declared
A2,2026-10-09,100,-1,declared
A2,2026-10-10,100,1,ước lượng
A2,2026-10-11,100,1,
A2,,100,1,declared
A2,2026-10-12,,1,declared
,2026-10-12,100,1,declared
A2,2026-02-30,100,1,declared
B1,2026-10-05,5,,declared
B1,2026-10-05,6,,declared
""",
    )
    assert errors(done) == [
        (3, "date", f"{tomorrow}"),
        (4, "date", "2025-12-31"),
        (5, "date", "2026-10-05"),
        (6, "stall", "Z9"),
        (7, "amount", "-100"),
        (8, "amount", "12.5"),
        (9, "amount", "nhiều"),
        (10, "amount", "1000000000001"),
        (11, "count", "-1"),
        (12, "source", "ước lượng"),
        (13, "source", ""),
        (14, "date", ""),
        (15, "amount", ""),
        (16, "stall", ""),
        (17, "date", "2026-02-30"),
        (19, "stall", "B1"),
    ]
    assert all(error["reason"] for error in done.document["errors"])
    assert counts(done) == (18, 0, 0, 0)
    assert "Nothing was imported" in done.err
    assert session.exec(select(CashReport)).all() == []


def test_every_reason_is_there_in_vietnamese(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    done = bring(test_settings, tmp_path, "A1,2025-12-31,100,,declared", MARKET_LANGUAGE="vi")
    (error,) = done.document["errors"]
    assert error["reason"] == "Theo danh sách sạp, sạp “A1” không kinh doanh ngày 31/12/2025."


def test_a_day_on_which_the_stall_did_not_trade_has_no_takings(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    import_roll(session, street.market, "A1;A;Rau;Cô Ba;0912000001;tạm nghỉ;10/10/2026;;;;")
    session.commit()
    assert bring(test_settings, tmp_path, "A1,2026-10-09,0,0,declared").code == 0, "a day off is declared as 0"
    assert errors(bring(test_settings, tmp_path, "A1,2026-10-10,0,0,declared")) == [(2, "date", "2026-10-10")]


def test_two_rows_that_say_the_same_are_one(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    assert counts(bring(test_settings, tmp_path, "A1,2026-10-05,5,,declared\nA1,05/10/2026,5,,Kê khai")) == (2, 1, 0, 1)


def test_a_boards_own_sheet_is_read_as_it_is(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    """A title above, the columns in any order, Excel's own dates and numbers, totals and signatures below."""
    file = tmp_path / "tien-mat.xlsx"
    book = xlsxwriter.Workbook(str(file))
    sheet, dates = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write(0, 0, "BAN QUẢN LÝ CHỢ A")
    sheet.write_row(2, 0, ["STT", "NGUỒN SỐ LIỆU", "Ngày bán", "Sạp số", "Doanh thu (đồng)", "Số lượt khách"])
    sheet.write_row(3, 0, ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)"])
    for at, (source, number, stall, amount, sold) in enumerate(
        [("Kê khai", 5, "A1", 1_250_000, 31), ("sổ sách", 5, "A2", "3.000.000 ₫", None), ("HĐĐT", 6, "A2", 0, 0)]
    ):
        sheet.write_row(4 + at, 0, [at + 1, source])
        sheet.write_datetime(4 + at, 2, clock.day_start(date(2026, 10, number + 1)).replace(tzinfo=None), dates)
        sheet.write_row(4 + at, 3, [stall, amount, sold])
    sheet.write_row(7, 0, ["", "Tổng cộng", "", "", 4_250_000, 31])
    sheet.write_row(9, 0, ["", "", "Vũng Tàu, ngày 8 tháng 10 năm 2026"])
    sheet.write_row(10, 0, ["", "Người lập", "", "", "Trưởng ban"])
    book.close()
    done = run(test_settings, "cash", "import", file, "--market", "cho-a", "--format", "json")
    assert (done.code, counts(done)) == (0, (3, 3, 0, 0)), done
    rows = session.exec(select(CashReport)).all()
    assert {(row.source, row.amount, row.count) for row in rows} == {
        ("declared", 1_250_000, 31),
        ("booked", 3_000_000, None),
        ("booked", 0, 0),
    }


@pytest.mark.parametrize(
    ("headings", "word"),
    [
        ("stall,amount,source", "date"),
        ("stall,date,amount", "source"),
        ("stall,date,amount,Doanh thu,source", "amount"),
        ("a,b,c", "stall"),
    ],
)
def test_a_file_without_its_columns_is_refused_with_a_document(
    test_settings: Settings, street: Street, tmp_path: Path, headings: str, word: str
) -> None:
    done = bring(test_settings, tmp_path, "A1,2026-10-05,5,declared", headings)
    (error,) = done.document["errors"]
    assert done.code == 1 and word in error["reason"] and counts(done) == (0, 0, 0, 0)


@pytest.mark.parametrize("words", [("nothing.csv", "cho-a"), (".", "cho-a"), ("evidence.csv", "cho-b")])
def test_no_such_file_or_market_is_refused(
    test_settings: Settings, street: Street, tmp_path: Path, words: tuple[str, str]
) -> None:
    (tmp_path / "evidence.csv").write_text(f"{CASH}\nA1,2026-10-05,5,,declared\n")
    assert run(test_settings, "cash", "import", tmp_path / words[0], "--market", words[1]).code == 1


# --- flags: kept, and said


def test_an_absurd_amount_is_kept_and_flagged(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    usual = "\n".join(f"A1,2026-10-{day:02d},{100_000 + day},,declared" for day in range(1, 8))
    assert bring(test_settings, tmp_path, usual).document["flags"] == []
    done = bring(test_settings, tmp_path, "A1,2026-10-08,99000000,,declared\nA1,2026-10-09,150000000,,declared")
    assert (done.code, counts(done)) == (0, (2, 2, 0, 0))
    (flag,) = done.document["flags"]
    assert (flag["kind"], flag["stall"], flag["date"], flag["amount"]) == ("absurd", "A1", "2026-10-09", 150_000_000)
    assert flag["reason"] in done.err and "150,000,000 ₫" in done.err
    listed = run(test_settings, "cash", "flags", "--market", "cho-a", "--period", "2026-10", "--format", "json")
    assert listed.document == [flag]
    bring(test_settings, tmp_path, "A1,2026-10-09,150000,,declared")
    listed = run(test_settings, "cash", "flags", "--market", "cho-a", "--period", "2026-10", "--format", "json")
    assert listed.document == [], "corrected"


def test_one_slip_among_two_reports_is_found(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    done = bring(test_settings, tmp_path, "A1,2026-10-08,100000,,declared\nA1,2026-10-09,100000000,,declared")
    assert [(flag["kind"], flag["date"]) for flag in done.document["flags"]] == [("absurd", "2026-10-09")]


def test_days_off_do_not_make_every_sale_absurd(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    rows = "\n".join(f"A1,2026-10-{day:02d},{0 if day < 8 else 100_000},,declared" for day in range(1, 10))
    assert bring(test_settings, tmp_path, rows).document["flags"] == []


def test_a_day_booked_under_its_own_receipts_is_flagged(
    books: Store, test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    keep(books, [told(1, 70_000), told(2, 50_000)])
    post(books)
    done = bring(test_settings, tmp_path, "A1,2026-10-05,119999,2,booked\nA1,2026-10-06,99000,1,booked")
    (flag,) = done.document["flags"]
    assert (flag["kind"], flag["amount"], flag["against"]) == ("under_receipts", 119_999, 120_000)
    done = bring(test_settings, tmp_path, "A1,2026-10-05,120000,1,booked")
    (flag,) = done.document["flags"]
    assert (flag["kind"], flag["amount"], flag["against"]) == ("fewer_than_receipts", 1, 2)
    assert bring(test_settings, tmp_path, "A1,2026-10-05,120000,2,booked").document["flags"] == []


# --- the books' own guard


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cash_report SET amount = 0",
        "DELETE FROM cash_report",
        "TRUNCATE cash_report",
        "UPDATE observation SET total = 9",
        "DELETE FROM observation",
    ],
)
def test_what_was_reported_is_never_changed(session: Session, street: Street, statement: str) -> None:
    with pytest.raises(DBAPIError, match="record a correction"):
        session.execute(text(statement))


def test_a_vendor_declares_her_own_cash(session: Session, street: Street) -> None:
    owner = session.execute(text("SELECT id FROM stall WHERE number = 'A1'")).scalar_one()
    day = date(2026, 10, 5)
    assert cash_report.declare(session, owner, day, 500_000, 12, by="Cô Ba") == "added"
    assert cash_report.declare(session, owner, day, 500_000, 12, by="Cô Ba") == "unchanged"
    assert cash_report.declare(session, owner, day, 600_000, by="Cô Ba") == "changed"
    for amount, number, when in (
        (-1, None, day),
        (1, -1, day),
        (10**12 + 1, None, day),
        (1, 10**6, day),
        (1, 1, clock.today() + timedelta(days=1)),
        (1, 1, date(2025, 12, 31)),
    ):
        with pytest.raises(Refusal):
            cash_report.declare(session, owner, when, amount, number, by="Cô Ba")
    assert len(session.exec(select(CashReport)).all()) == 2


_ROW = st.tuples(
    st.sampled_from(("A1", "A2", "B1")),
    st.integers(1, 3),
    st.sampled_from(("declared", "booked")),
    st.integers(0, 2),
    st.sampled_from((None, 0, 5)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_ROW, min_size=1, max_size=6, unique_by=lambda row: row[:3]), max_size=4))
def test_the_last_word_on_each_day_counts_whatever_came_before(
    session: Session, street: Street, tmp_path: Path, files: list[list[Any]]
) -> None:
    """Against a dictionary: what is added, changed and unchanged, and what holds in the end."""
    with session.begin_nested() as attempt:
        known: dict[Any, Any] = {}
        for rows in files:
            file = tmp_path / "cash.csv"
            lines = [
                f"{stall},2026-10-0{day},{amount},{'' if n is None else n},{source}"
                for stall, day, source, amount, n in rows
            ]
            file.write_text("\n".join([CASH, *lines]), "utf-8")
            done = cash_report.take_in(session, market.find(session, "cho-a"), file, by="board")
            wanted = [known.get(row[:3]) for row in rows]
            assert done.added == sum(each is None for each in wanted)
            assert done.unchanged == sum(each == row[3:] for each, row in zip(wanted, rows, strict=True))
            assert done.added + done.changed + done.unchanged == len(rows)
            known |= {row[:3]: row[3:] for row in rows}
        latest = text("""
            SELECT DISTINCT ON (s.number, business_date, source) s.number, extract(day FROM business_date)::int, source,
                amount, count
            FROM cash_report JOIN stall s ON s.id = stall_id ORDER BY 1, business_date, 3, cash_report.id DESC
        """)
        assert {tuple(row[:3]): tuple(row[3:]) for row in session.execute(latest)} == known
        attempt.rollback()


# --- observations


def test_observations_come_in_by_the_same_rules(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    rows = "A1,2026-10-05,3,12\nA2,2026-10-05,0,0"
    assert counts(bring(test_settings, tmp_path, rows, SEEN)) == (2, 2, 0, 0)
    assert counts(bring(test_settings, tmp_path, rows, SEEN)) == (2, 0, 0, 2)
    titles = "Số sạp;Ngày;Không tiền mặt / Cashless;Tổng số lượt"
    assert counts(bring(test_settings, tmp_path, "A1;05/10/2026;4;12", titles)) == (1, 0, 1, 0)
    assert len(session.exec(select(Observation)).all()) == 3


def test_more_cashless_than_all_can_not_be(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    done = bring(test_settings, tmp_path, "A1,2026-10-05,13,12\nA1,2026-10-06,,12\nE1,2026-10-06,1,12", SEEN)
    assert errors(done) == [(2, "cashless", "13"), (3, "cashless", ""), (4, "date", "2026-10-06")]
