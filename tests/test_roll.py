"""The roll: what a board's file does to the books, day by day, and what it leaves alone."""

import itertools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlmodel import Session

from ground.refusal import Refusal
from ground.store import Store
from merchants import code, market, roll
from merchants.market import Market
from merchants.roll import Imported
from tests.world import VUNG_TAU, import_roll

OPENING = date(2026, 1, 1)
MAY, JUNE, JULY = date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
_CODES = itertools.count()

STANDING = """
    SELECT s.number, state.since, state.until, state.status, state.section, state.goods, t.name AS merchant, t.phone,
        a.number AS account, v.number AS virtual, state.account_name, state.merchant_id
    FROM stall_state state JOIN stall s ON s.id = state.stall_id
    LEFT JOIN merchant t ON t.id = state.merchant_id
    LEFT JOIN account a ON a.id = state.account_id LEFT JOIN account v ON v.id = state.virtual_account_id
    WHERE s.market_id = :market AND state.superseded_at IS NULL ORDER BY s.number, state.since
"""


@pytest.fixture
def found(session: Session) -> Market:
    return market.add(session, "cho-a", "Chợ A", VUNG_TAU, since=OPENING)


def rows(session: Session, found: Market, stall: str) -> list[Any]:
    """What the books hold of a stall, in order of date."""
    return [row for row in session.execute(text(STANDING), {"market": found.key}) if row.number == stall]


def on(session: Session, found: Market, stall: str, day: date) -> Any:
    """What holds of a stall on a day; None: it isn't on the roll."""
    held = [row for row in rows(session, found, stall) if row.since <= day and (not row.until or day < row.until)]
    assert len(held) <= 1
    return held[0] if held else None


def take_in(session: Session, found: Market, headings: str, *lines: str, **options: Any) -> Imported:
    """Import a CSV of its own headings."""
    file = Path(options.pop("folder")) / "roll.csv"
    file.write_text("\n".join([headings, *lines]) + "\n", "utf-8")
    return roll.take_in(session, found, file, **options)


def counts(done: Imported) -> tuple[int, int, int, int]:
    assert not done.errors
    return done.added, done.changed, done.unchanged, done.closed


A1 = "A1;A;Rau;Cô Ba;0912000001;;;VCB;1000001;NGUYEN THI BA;"
A2 = "A2;A;Cá;Chú Tư;0912000002;;;VCB;1000002;TRAN VAN TU;"


# --- from when on


def test_a_first_import_holds_from_the_markets_own_date(session: Session, found: Market) -> None:
    assert counts(import_roll(session, found, f"{A1}\n{A2}", on=JUNE)) == (2, 0, 0, 0)
    (row,) = rows(session, found, "A1")
    assert (row.since, row.until, row.status, row.section, row.goods) == (OPENING, None, "trading", "A", "Rau")
    assert (row.merchant, row.phone, row.account, row.account_name) == (
        "Cô Ba",
        "0912000001",
        "1000001",
        "NGUYEN THI BA",
    )


def test_the_same_file_again_is_unchanged_and_writes_nothing(session: Session, found: Market) -> None:
    import_roll(session, found, f"{A1}\n{A2}")
    before = everything(session, found)
    version = session.execute(text("SELECT registry_version FROM installation")).scalar_one()
    assert counts(import_roll(session, found, f"{A1}\n{A2}")) == (0, 0, 2, 0)
    assert counts(import_roll(session, found, f"{A1}\n{A2}", complete=True, on=JULY)) == (0, 0, 2, 0)
    assert everything(session, found) == before
    assert session.execute(text("SELECT registry_version FROM installation")).scalar_one() == version


def test_a_changed_row_holds_from_the_day_of_the_import(session: Session, found: Market) -> None:
    import_roll(session, found, f"{A1}\n{A2}")
    assert counts(import_roll(session, found, f"{A1.replace('Rau', 'Hoa')}\n{A2}", on=JUNE)) == (0, 1, 1, 0)
    assert [(row.since, row.until, row.goods) for row in rows(session, found, "A1")] == [
        (OPENING, JUNE, "Rau"),
        (JUNE, None, "Hoa"),
    ]


def test_a_new_stall_without_a_date_holds_from_the_day_of_the_import(session: Session, found: Market) -> None:
    import_roll(session, found, A1)
    assert counts(import_roll(session, found, f"{A1}\n{A2}", on=JUNE)) == (1, 0, 1, 0)
    assert rows(session, found, "A2")[0].since == JUNE


def test_a_rows_own_date_decides(session: Session, found: Market) -> None:
    import_roll(session, found, A1)
    import_roll(session, found, A1.replace(";;;VCB", ";tạm nghỉ;01/05/2026;VCB"), on=JULY)
    assert [(row.since, row.status) for row in rows(session, found, "A1")] == [
        (OPENING, "trading"),
        (MAY, "suspended"),
    ]


def test_no_date_before_the_markets_own_counts(session: Session, found: Market) -> None:
    old = A1.replace(";;;VCB", ";;01/01/2019;VCB")
    assert counts(import_roll(session, found, old)) == (1, 0, 0, 0)
    assert rows(session, found, "A1")[0].since == OPENING
    assert counts(import_roll(session, found, old)) == (0, 0, 1, 0)
    assert counts(import_roll(session, found, A1.replace("Rau", "Hoa"), on=date(2019, 1, 1))) == (0, 1, 0, 0)
    assert [(row.since, row.goods) for row in rows(session, found, "A1")] == [(OPENING, "Hoa")]


def test_later_states_give_way_from_a_dated_row_on(session: Session, found: Market) -> None:
    import_roll(session, found, A1)
    import_roll(session, found, A1.replace("Rau", "Hoa"), on=JUNE)
    import_roll(session, found, A1.replace("Rau", "Gạo"), on=JULY)
    import_roll(session, found, A1.replace("Rau", "Vải").replace(";;;VCB", ";;15/05/2026;VCB"))
    assert [(row.since, row.goods) for row in rows(session, found, "A1")] == [
        (OPENING, "Rau"),
        (date(2026, 5, 15), "Vải"),
    ]


def test_an_earlier_date_reaches_back(session: Session, found: Market) -> None:
    import_roll(session, found, A2)
    import_roll(session, found, A1, on=JULY)
    assert counts(import_roll(session, found, A1.replace(";;;VCB", ";;01/05/2026;VCB"))) == (0, 1, 0, 0)
    assert [(row.since, row.until) for row in rows(session, found, "A1")] == [(MAY, None)]


def test_a_later_date_of_what_held_already_takes_no_day_away(session: Session, found: Market) -> None:
    """A monthly file with its own date in every row must not make the months before it empty."""
    import_roll(session, found, A1)
    assert counts(import_roll(session, found, A1.replace(";;;VCB", ";;01/06/2026;VCB"))) == (0, 0, 1, 0)
    assert [row.since for row in rows(session, found, "A1")] == [OPENING]


def test_what_is_planned_stays_planned_when_today_is_imported_again(session: Session, found: Market) -> None:
    import_roll(session, found, A1)
    import_roll(session, found, A1.replace(";;;VCB", ";đã đóng;01/07/2026;VCB"))
    assert counts(import_roll(session, found, A1, on=MAY)) == (0, 0, 1, 0)
    assert on(session, found, "A1", JULY).status == "closed"


def test_what_gave_way_is_kept(session: Session, found: Market) -> None:
    import_roll(session, found, A1)
    import_roll(session, found, A1.replace("Rau", "Hoa"), on=JUNE)
    import_roll(session, found, A1.replace("Rau", "Gạo"), on=MAY)
    kept = [(row.since, row.until, row.goods, row.superseded_at is None) for row in everything(session, found)]
    assert kept == [
        (OPENING, None, "Rau", False),
        (OPENING, JUNE, "Rau", False),
        (JUNE, None, "Hoa", False),
        (OPENING, MAY, "Rau", True),
        (MAY, None, "Gạo", True),
    ]


def everything(session: Session, found: Market) -> list[Any]:
    """Every row ever written, what gave way included."""
    query = text(
        "SELECT state.* FROM stall_state state JOIN stall s ON s.id = state.stall_id WHERE s.market_id = :market"
        " ORDER BY state.id"
    )
    return list(session.execute(query, {"market": found.key}))


# --- complete


def test_a_complete_file_closes_what_it_no_longer_lists(session: Session, found: Market) -> None:
    import_roll(session, found, f"{A1}\n{A2}")
    assert counts(import_roll(session, found, A1, on=JUNE)) == (0, 0, 1, 0)
    assert counts(import_roll(session, found, A1, on=JUNE, complete=True)) == (0, 0, 1, 1)
    closed = on(session, found, "A2", JUNE)
    assert (closed.status, closed.section, closed.goods, closed.merchant, closed.account) == (
        "closed",
        "A",
        "Cá",
        None,
        None,
    )
    assert on(session, found, "A2", JUNE - timedelta(days=1)).merchant == "Chú Tư"
    assert counts(import_roll(session, found, A1, on=JULY, complete=True)) == (0, 0, 1, 0)


def test_a_complete_file_closes_what_was_to_close_or_open_later(session: Session, found: Market) -> None:
    import_roll(session, found, f"{A1}\n{A2}")
    import_roll(session, found, A2.replace(";;;VCB", ";đã đóng;01/07/2026;VCB"))
    import_roll(session, found, A2.replace("A2", "A3").replace(";;;VCB", ";;01/07/2026;VCB"))
    assert counts(import_roll(session, found, A1, on=JUNE, complete=True)) == (0, 0, 1, 2)
    assert on(session, found, "A2", JUNE).status == "closed"
    assert [(row.since, row.status) for row in rows(session, found, "A3")] == [(JULY, "closed")]


def test_a_closed_stall_that_is_listed_again_trades_again(session: Session, found: Market) -> None:
    import_roll(session, found, f"{A1}\n{A2}")
    import_roll(session, found, A1, on=JUNE, complete=True)
    assert counts(import_roll(session, found, f"{A1}\n{A2}", on=JULY)) == (0, 1, 1, 0)
    held = rows(session, found, "A2")
    assert [row.status for row in held] == ["trading", "closed", "trading"]
    assert held[0].merchant_id == held[2].merchant_id


# --- what a file doesn't say


def test_an_absent_column_erases_nothing(session: Session, found: Market, tmp_path: Path) -> None:
    import_roll(session, found, f"{A1}\nC1;C;Gạo;Dì Năm;0912000005;;;BIDV;1000005;PHAM THI NAM;VA0005")
    headings = "Số sạp;Chủ hộ;Ngành hàng"
    done = take_in(session, found, headings, "A1;Cô Ba;Rau", "C1;Dì Năm;Nếp", folder=tmp_path, on=JUNE)
    assert counts(done) == (0, 1, 1, 0)
    now = on(session, found, "C1", JUNE)
    assert (now.goods, now.section, now.phone, now.account, now.virtual, now.account_name) == (
        "Nếp",
        "C",
        "0912000005",
        "1000005",
        "VA0005",
        "PHAM THI NAM",
    )


def test_an_empty_cell_erases(session: Session, found: Market) -> None:
    import_roll(session, found, A1)
    assert counts(import_roll(session, found, "A1;;;Cô Ba;;;;;;;", on=JUNE)) == (0, 1, 0, 0)
    now = on(session, found, "A1", JUNE)
    assert (now.section, now.goods, now.phone, now.account, now.account_name) == (None,) * 5
    assert on(session, found, "A1", MAY).account == "1000001"


def test_without_a_status_column_a_suspended_stall_stays_suspended(
    session: Session, found: Market, tmp_path: Path
) -> None:
    import_roll(session, found, A1.replace(";;;VCB", ";tạm nghỉ;;VCB") + "\nA2;A;;;;trống;;;;;")
    headings = "Số sạp;Chủ hộ"
    assert counts(take_in(session, found, headings, "A1;Cô Ba", "A2;Chú Tư", folder=tmp_path, on=JUNE)) == (0, 1, 1, 0)
    assert on(session, found, "A1", JUNE).status == "suspended"
    assert (on(session, found, "A2", JUNE).status, on(session, found, "A2", JUNE).merchant) == ("trading", "Chú Tư")


def test_each_later_row_keeps_what_the_file_has_no_column_for(session: Session, found: Market, tmp_path: Path) -> None:
    import_roll(session, found, A1)
    import_roll(session, found, A1.replace("1000001", "1000009"), on=JULY)
    take_in(session, found, "Số sạp;Chủ hộ;Ngành hàng;Từ ngày", "A1;Cô Ba;Hoa;01/05/2026", folder=tmp_path)
    assert [(row.since, row.goods, row.account) for row in rows(session, found, "A1")] == [
        (OPENING, "Rau", "1000001"),
        (MAY, "Hoa", "1000001"),
        (JULY, "Hoa", "1000009"),
    ]


def test_another_merchant_does_not_inherit_the_account(session: Session, found: Market, tmp_path: Path) -> None:
    """The file has no column for accounts: Cô Ba's money must not go on being taken for Bà Bảy's."""
    import_roll(session, found, A1)
    take_in(session, found, "Số sạp;Chủ hộ", "A1;Bà Bảy", folder=tmp_path, on=JUNE)
    now = on(session, found, "A1", JUNE)
    assert (now.merchant, now.account, now.account_name) == ("Bà Bảy", None, None)


def test_a_new_account_does_not_inherit_the_old_ones_name(session: Session, found: Market, tmp_path: Path) -> None:
    import_roll(session, found, A1)
    headings = "Số sạp;Chủ hộ;Ngân hàng;Số tài khoản"
    take_in(session, found, headings, "A1;Cô Ba;BIDV;777", folder=tmp_path, on=JUNE)
    assert (on(session, found, "A1", JUNE).account, on(session, found, "A1", JUNE).account_name) == ("777", None)


def test_nobody_holds_a_vacant_stall(session: Session, found: Market, tmp_path: Path) -> None:
    import_roll(session, found, A1)
    take_in(session, found, "Số sạp;Chủ hộ;Trạng thái", "A1;;trống", folder=tmp_path, on=JUNE)
    now = on(session, found, "A1", JUNE)
    assert (now.status, now.merchant, now.account, now.account_name, now.goods) == ("vacant", None, None, None, "Rau")


# --- all or nothing


def test_a_virtual_account_in_use_elsewhere_is_named_with_its_row(session: Session, found: Market) -> None:
    other = market.add(session, "cho-b", "Chợ B", VUNG_TAU, since=OPENING)
    import_roll(session, other, "C1;C;Gạo;Dì Năm;0912000005;;;BIDV;1000005;PHAM THI NAM;VA0005")
    before = written(session)
    done = import_roll(session, found, f"{A1}\nC9;C;Gạo;Bà Mười;0912000010;;;BIDV;1000010;;VA0005")
    (error,) = done.errors
    assert (error.row, error.column, error.value) == (3, "Tài khoản ảo", "VA0005")
    assert "cho-b/C1" in error.reason("vi") and "cho-b/C1" in error.reason("en")
    assert (done.rows, done.added, done.changed, done.unchanged) == (2, 0, 0, 0)
    assert written(session) == before


def written(session: Session) -> list[int]:
    tables = ("stall", "stall_state", "merchant", "account")
    return [session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]


def test_a_virtual_account_may_go_on_to_another_stall(session: Session, found: Market) -> None:
    """Two stalls exchange theirs in one file; the days on which each had its own stay apart."""
    first = "A1;;;Lan;0912000001;;;BIDV;;;VA1\nA2;;;Mai;0912000002;;;BIDV;;;VA2"
    import_roll(session, found, first)
    exchanged = "A1;;;Lan;0912000001;;;BIDV;;;VA2\nA2;;;Mai;0912000002;;;BIDV;;;VA1"
    assert counts(import_roll(session, found, exchanged, on=JUNE)) == (0, 2, 0, 0)
    assert [row.virtual for row in rows(session, found, "A1")] == ["VA1", "VA2"]


def test_a_virtual_account_taken_on_some_days_only_is_taken(session: Session, found: Market) -> None:
    import_roll(session, found, "A1;;;Lan;0912000001;;;BIDV;;;VA1\nA2;;;Mai;0912000002;;;;;;")
    import_roll(session, found, "A1;;;Lan;0912000001;;;;;;", on=JUNE)
    later = "A2;;;Mai;0912000002;;01/06/2026;BIDV;;;VA1"
    assert import_roll(session, found, later.replace("/06/", "/05/")).errors[0].row == 2
    assert counts(import_roll(session, found, later)) == (0, 1, 0, 0)


def test_a_virtual_account_is_nobodys_ordinary_one(session: Session, found: Market) -> None:
    import_roll(session, found, "A1;;;Lan;0912000001;;;BIDV;;;VA1\nA2;;;Mai;0912000002;;;BIDV;5550;;")
    plain = import_roll(session, found, "A3;;;Cúc;0912000003;;;BIDV;VA1;;")
    assert [(error.row, error.column) for error in plain.errors] == [(2, "Số tài khoản")]
    virtual = import_roll(session, found, "A3;;;Cúc;0912000003;;;BIDV;;;5550")
    assert [(error.row, error.column) for error in virtual.errors] == [(2, "Tài khoản ảo")]


def test_one_account_may_serve_several_stalls(session: Session, found: Market) -> None:
    done = import_roll(session, found, "B1;;;Sáu;;;;VCB;1000003;;\nB2;;;Bảy;;;;VCB;1000003;;")
    assert counts(done) == (2, 0, 0, 0)


def test_any_faulty_cell_imports_nothing_and_all_rows_are_counted(session: Session, found: Market) -> None:
    before = written(session)
    done = import_roll(session, found, f"{A1}\nA2;A;Cá;Chú Tư;12;;31/02/2026;VCB;1000002;;")
    assert [(error.row, error.column) for error in done.errors] == [(3, "Điện thoại"), (3, "Từ ngày")]
    assert (done.rows, done.added) == (2, 0)
    assert written(session) == before


def test_what_is_no_roll_is_refused(session: Session, found: Market, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="Stall"):
        take_in(session, found, "Tên;Tuổi", "Lan;40", folder=tmp_path)


def test_live_codes_of_another_account_are_named(session: Session, street: Any) -> None:
    done = import_roll(session, street.market, A1.replace("1000001", "1000099"), on=JUNE)
    assert done.stale == [street.codes["A1"]["serial"]]


# --- who is who


def merchants(session: Session) -> list[tuple[str, str | None]]:
    return [tuple(row) for row in session.execute(text("SELECT name, phone FROM merchant ORDER BY id"))]


def test_a_name_spelled_anew_is_the_same_merchant(session: Session, found: Market) -> None:
    import_roll(session, found, "A1;;;Nguyen Thi Dao;;;;;;;")
    assert counts(import_roll(session, found, "A1;;;Nguyễn Thị Đào;;;;;;;", on=JUNE)) == (0, 1, 0, 0)
    assert merchants(session) == [("Nguyễn Thị Đào", None)]
    assert len(rows(session, found, "A1")) == 1
    assert counts(import_roll(session, found, "A1;;;Nguyễn Thị Đào;;;;;;;", on=JUNE)) == (0, 0, 1, 0)


def test_a_phone_that_is_added_is_the_same_merchants(session: Session, found: Market) -> None:
    import_roll(session, found, "A1;;;Lan;;;;;;;\nA2;;;Mai;;;;;;;")
    assert counts(import_roll(session, found, "A1;;;Lan;0912000001;;;;;;\nA2;;;Mai;;;;;;;")) == (0, 1, 1, 0)
    assert merchants(session) == [("Lan", "0912000001"), ("Mai", None)]


def test_the_stalls_phone_knows_a_merchant_by_another_name(session: Session, found: Market) -> None:
    import_roll(session, found, A1)
    renamed = A1.replace("Cô Ba", "Nguyễn Thị Ba")
    assert counts(import_roll(session, found, renamed, on=JUNE)) == (0, 1, 0, 0)
    assert merchants(session) == [("Nguyễn Thị Ba", "0912000001")]
    assert len(rows(session, found, "A1")) == 1


def test_a_phone_that_is_shared_makes_no_one_of_two(session: Session, found: Market) -> None:
    """Husband and wife with one phone, each with a stall that was the wife's before."""
    import_roll(session, found, "A1;;;Lan;0912000001;;;;;;\nA2;;;Lan;0912000001;;;;;;")
    parted = "A1;;;Hùng;0912000001;;;;;;\nA2;;;Lan;0912000001;;;;;;"
    assert counts(import_roll(session, found, parted, on=JUNE)) == (0, 1, 1, 0)
    assert merchants(session) == [("Lan", "0912000001"), ("Hùng", "0912000001")]
    assert counts(import_roll(session, found, parted, on=JUNE)) == (0, 0, 2, 0)


@pytest.mark.parametrize(
    ("second", "people"),
    [
        ("A2;;;LAN;0912000001;;;;;;", 1),
        ("A2;;;Lan;;;;VCB;1000001;;", 1),
        ("A2;;;Lan;0912000002;;;;;;", 2),
        ("A2;;;Lan;;;;;;;", 2),
        ("A2;;;Mai;0912000001;;;VCB;1000001;;", 2),
    ],
    ids=["phone", "account", "another phone", "a mere name", "another name"],
)
@pytest.mark.parametrize("apart", [False, True], ids=["in one file", "in two"])
def test_one_person_with_two_stalls(session: Session, found: Market, second: str, people: int, apart: bool) -> None:
    first = "A1;;;Lan;0912000001;;;VCB;1000001;;"
    if apart:
        import_roll(session, found, first)
        import_roll(session, found, second)
    else:
        import_roll(session, found, f"{first}\n{second}")
    assert len(merchants(session)) == people
    both = f"{first}\n{second}"
    assert counts(import_roll(session, found, both)) == (0, 0, 2, 0)


def test_a_name_alone_at_the_same_stall_comes_back_as_the_same_merchant(session: Session, found: Market) -> None:
    import_roll(session, found, "A1;;;Lan;;;;;;;")
    import_roll(session, found, "A1;;;;;trống;;;;;", on=MAY)
    import_roll(session, found, "A1;;;Mai;;;;;;;", on=JUNE)
    import_roll(session, found, "A1;;;Lan;;;;;;;", on=JULY)
    assert merchants(session) == [("Lan", None), ("Mai", None)]


def test_names_without_latin_letters_are_told_apart(session: Session, found: Market) -> None:
    import_roll(session, found, "A1;;;李明;;;;;;;")
    import_roll(session, found, "A1;;;王芳;;;;;;;", on=JUNE)
    assert [name for name, _ in merchants(session)] == ["李明", "王芳"]


def test_merchants_are_a_markets_own(session: Session, found: Market) -> None:
    other = market.add(session, "cho-b", "Chợ B", VUNG_TAU, since=OPENING)
    import_roll(session, found, A1)
    import_roll(session, other, A1)
    assert len(merchants(session)) == 2


def test_a_thousand_stalls_take_as_many_statements_as_three(session: Session, found: Market) -> None:
    ran: list[object] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *told: ran.append(told[2]))

    def statements(size: int, start: int) -> int:
        lines = (f"S{start + n};;Rau;Hộ {n};09120{n:05};;;VCB;{start + n};;" for n in range(size))
        ran.clear()
        assert counts(import_roll(session, found, "\n".join(lines))) == (size, 0, 0, 0)
        return len(ran)

    assert statements(3, 1) == statements(1000, 100)


def test_two_at_once_import_one_after_the_other(books: Store, session: Session, found: Market) -> None:
    session.commit()
    lines = "\n".join(f"S{n};;Rau;Hộ {n};09120{n:05};;;VCB;{n};;" for n in range(1, 80))

    def work(_: int) -> tuple[tuple[int, int, int, int], int]:
        with books.session() as own:
            into = market.find(own, "cho-a")
            done = counts(import_roll(own, into, lines))
            issued = len(code.issue(own, into))
            own.commit()
            return done, issued

    with ThreadPoolExecutor(3) as pool:
        answers = sorted(pool.map(work, range(3)))
    assert answers == [((0, 0, 79, 0), 0), ((0, 0, 79, 0), 0), ((79, 0, 0, 0), 79)]
    assert len(merchants(session)) == 79


# --- against a naive model

DAYS = [OPENING + timedelta(days=n) for n in range(9)]
FULL = "Số sạp;Ngành hàng;Chủ hộ;Trạng thái;Từ ngày;Ngân hàng;Số tài khoản"
SHORT = "Số sạp;Ngành hàng;Chủ hộ;Trạng thái;Từ ngày"
Told = tuple[str, str, str | None, str | None]  # status, goods, merchant, account


class Line(NamedTuple):
    goods: str
    merchant: str
    status: str
    account: str
    since: int | None


class File(NamedTuple):
    lines: Mapping[str, Line]
    day: int
    complete: bool
    has_accounts: bool


LINES = st.builds(
    Line,
    st.sampled_from(["Rau", "Cá"]),
    st.sampled_from(["Lan", "Mai"]),
    st.sampled_from(["", "", "trống", "tạm nghỉ"]),
    st.sampled_from(["", "111", "222"]),
    st.none() | st.integers(-2, len(DAYS) - 2),
)
FILES = st.builds(
    File,
    st.dictionaries(st.sampled_from(["A1", "A2", "A3"]), LINES, min_size=1),
    st.integers(0, len(DAYS) - 2),
    st.booleans(),
    st.booleans(),
)


def csv_of(file: File) -> list[str]:
    lines = []
    for stall, line in file.lines.items():
        since = "" if line.since is None else (OPENING + timedelta(days=line.since)).isoformat()
        cells = [stall, line.goods, line.merchant, line.status, since]
        lines.append(";".join([*cells, "VCB" if line.account else "", line.account] if file.has_accounts else cells))
    return lines


def said(line: Line, before: Told | None, has_accounts: bool) -> Told:
    """What a line makes of one day."""
    if line.status == "trống":
        return "vacant", line.goods, None, None
    kept = before[3] if before is not None and before[2] == line.merchant else None
    account = (line.account or None) if has_accounts else kept
    return "suspended" if line.status else "trading", line.goods, line.merchant, account


def naive(roll_: dict[str, dict[int, Told]], file: File) -> tuple[int, int, int, int]:
    """The file's effect on a calendar of single days; the last one stands for all that follow."""
    first = not roll_
    added = changed = closed = 0
    known = set(roll_)
    for stall, line in file.lines.items():
        days = roll_.setdefault(stall, {})
        since = line.since
        if since is None:
            since = 0 if first else file.day
            before = days.get(since)
            if before is not None and said(line, before, file.has_accounts) == before:
                continue
        old = dict(days)
        for day in range(max(since, 0), len(DAYS)):
            days[day] = said(line, old.get(day, old[min(old)] if old else None), file.has_accounts)
        added += stall not in known
        changed += stall in known and days != old
    for stall in known - set(file.lines) if file.complete else ():
        old = dict(roll_[stall])
        for day in range(max(file.day, min(old)), len(DAYS)):
            roll_[stall][day] = ("closed", old[day][1], None, None)
        closed += roll_[stall] != old
    return added, changed, len(file.lines) - added - changed, closed


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(FILES, min_size=1, max_size=5))
def test_the_roll_is_what_a_naive_calendar_says(session: Session, tmp_path: Path, files: list[File]) -> None:
    found = market.add(session, f"m{next(_CODES)}", "Chợ", VUNG_TAU, since=OPENING)
    calendar: dict[str, dict[int, Told]] = {}
    for file in files:
        earlier = everything(session, found)
        headings = FULL if file.has_accounts else SHORT
        options: Any = {"folder": tmp_path, "on": DAYS[file.day], "complete": file.complete}
        done = take_in(session, found, headings, *csv_of(file), **options)
        assert counts(done) == naive(calendar, file)
        assert standing(session, found) == calendar
        assert [row[:-1] for row in everything(session, found)[: len(earlier)]] == [row[:-1] for row in earlier]
        now = everything(session, found)
        assert counts(take_in(session, found, headings, *csv_of(file), **options)) == (0, 0, len(file.lines), 0)
        assert everything(session, found) == now


def standing(session: Session, found: Market) -> dict[str, dict[int, Told]]:
    """The books by single days. On the way: no gap, no overlap, no two rows that say the same one after another."""
    calendar: dict[str, dict[int, Told]] = {}
    for stall, group in itertools.groupby(
        session.execute(text(STANDING), {"market": found.key}), lambda row: str(row.number)
    ):
        held = list(group)
        assert held[-1].until is None
        for row, after in itertools.pairwise(held):
            assert row.until == after.since
            assert row[3:] != after[3:]
        calendar[stall] = {
            n: (row.status, row.goods, row.merchant, row.account)
            for n, day in enumerate(DAYS)
            for row in held
            if row.since <= day and (row.until is None or day < row.until)
        }
    return calendar
