"""Working off findings on the pages and as an Excel file: the board decides, and never learns what a stall took."""

import io
from pathlib import Path

import pytest
import python_calamine
import xlsxwriter
from sqlalchemy import text

from ground import audit, terminal
from ground.store import Store
from payments import finding
from tests import shell
from tests.bank_book import Stated, findings, reconcile, sales, state
from tests.cast import Cast
from tests.world import keep, post, told


@pytest.fixture
def worked(cast: Cast) -> Cast:
    """One payment in suspense at the Lê family's account, one of another amount, one line between two stalls."""
    books = cast.books
    keep(
        books,
        [
            told(1, 61_000, account="1000003", at="2026-10-05 08:30:00"),
            told(2, 52_000, account="1000001", referenceCode="FT26278000002", at="2026-10-05 09:00:00"),
            told(3, 20_000, account="1000003", memo=cast.street.token("B1"), at="2026-10-06 08:00:00"),
            told(4, 20_000, account="1000003", memo=cast.street.token("B2"), at="2026-10-06 08:10:00"),
        ],
    )
    post(books)
    state(books, [Stated("2026-10-05 09:00:00", 47_000, "FT26278000002")])
    lines = [Stated("2026-10-05 08:30:00", 61_000), Stated("2026-10-06 08:01:00", 20_000)]
    state(books, lines, number="1000003")
    reconcile(books)
    return cast


def numbers(books: Store) -> dict[str, int]:
    with books.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, kind FROM finding WHERE status = 'open'"))
        return {row.kind: row.id for row in rows}


def test_the_board_sees_the_amount_only_of_money_that_is_nobodys(worked: Cast) -> None:
    board, operator = worked.sign_in("board"), worked.sign_in("operator")
    page = board.get("/board/cho-a/findings").text
    assert "61.000" in page
    for hidden in ("47.000", "52.000", "20.000"):
        assert hidden not in page
        for number in numbers(worked.books).values():
            assert hidden not in board.get(f"/board/cho-a/finding?number={number}").text
    everything = operator.get("/findings").text
    assert "61.000" in everything and "47.000" in everything


def test_a_board_gives_money_in_suspense_to_a_stall_and_takes_it_back(worked: Cast) -> None:
    board, number = worked.sign_in("board"), numbers(worked.books)["unattributed"]
    page = f"/board/cho-a/finding?number={number}"
    wish = {"number": str(number), "stall": "B1", "reason": "chị Sáu cho xem điện thoại"}
    answer = board.submit(page, "/board/cho-a/finding", verb="assign", **wish)
    assert answer.status_code in (200, 303)
    assert ("B1", "2026-10-05", 61_000, 1, 61_000) in sales(worked.books)
    assert "61.000" not in board.get(page).text
    board.submit(page, "/board/cho-a/finding", verb="undo", **wish)
    assert not [row for row in sales(worked.books) if row[:2] == ("B1", "2026-10-05")]
    reconcile(worked.books)


def test_a_line_between_two_stalls_is_settled_by_saying_whose_it_is(worked: Cast) -> None:
    board, number = worked.sign_in("board"), numbers(worked.books)["ambiguous"]
    page = f"/board/cho-a/finding?number={number}"
    shown = board.get(page).text
    assert "08:00" in shown and "08:10" in shown and "08:01" in shown
    board.submit(page, "/board/cho-a/finding", number=str(number), verb="assign", stall="B2", reason="hỏi sạp")
    assert {row[0]: row[4] for row in sales(worked.books) if row[1] == "2026-10-06"} == {"B1": 0, "B2": 20_000}
    board.submit(page, "/board/cho-a/finding", number=str(number), verb="undo", reason="nhầm")
    assert {row[0]: row[4] for row in sales(worked.books) if row[1] == "2026-10-06"} == {"B1": 0, "B2": 0}
    reconcile(worked.books)


def test_another_boards_findings_are_not_there(worked: Cast) -> None:
    number = numbers(worked.books)["unattributed"]
    other = worked.sign_in("other_board")
    assert other.get(f"/board/cho-a/finding?number={number}").status_code == 404
    assert other.get(f"/board/cho-b/finding?number={number}").status_code == 404
    assert "61.000" not in other.get("/board/cho-b/findings").text


def filled(sheet: list[list[object]], decisions: dict[int, tuple[str, str, str]], folder: Path) -> Path:
    """The exported sheet with its last three columns filled in, by finding."""
    file = folder / "decided.xlsx"
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        for row, cells in enumerate(sheet):
            chosen = decisions.get(int(float(str(cells[0]))), ("", "", "")) if row else ()
            for column, cell in enumerate([*cells[:8], *chosen] if row else cells):
                page.write(row, column, cell if isinstance(cell, int | float) else str(cell))
    return file


def test_the_round_trip_by_excel_keeps_good_decisions_and_names_bad_rows(worked: Cast, tmp_path: Path) -> None:
    board, known = worked.sign_in("board"), numbers(worked.books)
    body = board.get("/board/cho-a/findings.xlsx").content
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert len(sheet) == 4
    amounts = [row[6] for row in sheet[1:]]
    assert 61_000 in amounts and not {47_000, 20_000, 52_000} & set(amounts)
    decisions = {
        known["unattributed"]: ("Giao", "B2", "nhớ mặt khách"),
        known["ambiguous"]: ("Giao", "Z9", "không có sạp này"),
        known["amount_differs"]: ("Đóng", "", "đã hỏi ngân hàng"),
    }
    file = filled(sheet, decisions, tmp_path)
    answer = board.submit(
        "/board/cho-a/findings", "/board/cho-a/findings/decisions", files={"file": ("decided.xlsx", file.read_bytes())}
    )
    assert answer.status_code == 200 and "Z9" in answer.text
    assert ("B2", "2026-10-05", 61_000, 1, 61_000) in sales(worked.books)
    assert {row[0]: row[3] for row in findings(worked.books)} == {
        "unattributed": "assigned",
        "ambiguous": "open",
        "amount_differs": "closed",
    }
    reconcile(worked.books)


def records(books: Store, number: int) -> list[tuple[object, ...]]:
    """(who, what, status and stall before, status, stall and reason after) of a finding's records, the first first."""
    with books.session() as session:
        found = audit.latest(session, 10, subject=f"finding:{number}")[::-1]
    told = [(each.who, each.what, each.before or {}, each.after or {}) for each in found]
    return [
        (who, what, before["status"], before["stall"], after["status"], after["stall"], after["reason"])
        for who, what, before, after in told
    ]


def test_who_gave_what_to_which_stall_is_on_record_by_whatever_door(worked: Cast, tmp_path: Path) -> None:
    board, known = worked.sign_in("board"), numbers(worked.books)
    first, second = known["unattributed"], known["amount_differs"]
    head = ["Số", "Quyết định", "Giao cho sạp", "Lý do"]
    rows = [head, [str(first), "giao", "B1", "nhớ mặt"], [str(second), "đóng", "", "đã hỏi"], ["9", "đóng", "", "?"]]
    file = tmp_path / "decided.csv"
    file.write_text("\n".join(";".join(row) for row in rows), "utf-8")
    files = {"file": ("decided.csv", file.read_bytes())}
    assert "9" in board.submit("/board/cho-a/findings", "/board/cho-a/findings/decisions", files=files).text
    board.submit("/account", "/board/cho-a/finding", number=str(first), verb="assign", stall="B2", reason=" anh trai ")
    settings = worked.books.settings
    assert shell.run(settings, "findings", "undo", first, "--reason", "nobody knows").code == 0
    rows[1:] = [[str(first), "giao", "cho-a/B1", "vẫn là chị"]]
    file.write_text("\n".join(";".join(row) for row in rows), "utf-8")
    assert shell.run(settings, "findings", "import", file).code == 0
    clerk = f"command:{terminal.user()}"
    assert records(worked.books, first) == [
        ("staff:Chị Hoa", "finding.assign", "open", None, "assigned", "cho-a/B1", "nhớ mặt"),
        ("staff:Chị Hoa", "finding.assign", "assigned", "cho-a/B1", "assigned", "cho-a/B2", "anh trai"),
        (clerk, "finding.undo", "assigned", "cho-a/B2", "open", None, "nobody knows"),
        (clerk, "finding.assign", "open", None, "assigned", "cho-a/B1", "vẫn là chị"),
    ]
    assert records(worked.books, second) == [
        ("staff:Chị Hoa", "finding.close", "open", "cho-a/A1", "closed", "cho-a/A1", "đã hỏi")
    ]
    with worked.books.engine.connect() as connection:
        assert audit.walk(connection) == []


def test_a_row_whose_number_is_none_is_named_and_costs_the_others_nothing(worked: Cast) -> None:
    """`²` is a digit to Python, and some numbers are longer than any database counts."""
    board, known = worked.sign_in("board"), numbers(worked.books)
    ids = ["²", "9" * 5000, str(10**30), str(2**63), "-1", "0", "1_0"]
    rows = [["Số", "Quyết định", "Giao cho sạp", "Lý do"], *[[id, "đóng", "", "lạ"] for id in ids]]
    rows.append([str(known["unattributed"]), "giao", "B1", "nhớ mặt"])
    files = {"file": ("decided.csv", "\n".join(";".join(row) for row in rows).encode())}
    answer = board.submit("/board/cho-a/findings", "/board/cho-a/findings/decisions", files=files)
    assert answer.status_code == 200
    assert answer.text.count("không phải là số của việc cần xem xét") == len(ids)
    assert ("B1", "2026-10-05", 61_000, 1, 61_000) in sales(worked.books)


def test_anyone_who_works_it_off_sees_why_this_pair(worked: Cast) -> None:
    operator, number = worked.sign_in("operator"), numbers(worked.books)["amount_differs"]
    page = operator.get(f"/finding?number={number}").text
    assert "vì cùng mã tham chiếu" in page and "09:00" in page
    books = worked.books
    rules = {each["kind"]: each["rule"] for each in shell.run(books.settings, "findings", "--format", "json").document}
    assert rules["amount_differs"] == "reference"
    for name in ("2", "ft26278000002"):
        (row,) = shell.run(books.settings, "match", "show", name, "--format", "json").document
        assert (row["external_id"], row["told"], row["stated"], row["rule"]) == ("2", 52_000, 47_000, "reference")
        assert row["why"] == "the same reference" and row["undone_at"] is None
    (waiting,) = shell.run(books.settings, "match", "show", "3", "--format", "json").document
    assert (waiting["rule"], waiting["why"], waiting["stated"]) == (None, "not paired", None)
    assert "the same reference" in shell.run(books.settings, "match", "show", "2").out
    unknown = shell.run(books.settings, "match", "show", "nobody")
    assert unknown.code == 1 and "nobody" in unknown.err


def test_a_board_has_no_list_of_a_stalls_payments(worked: Cast) -> None:
    books, board = worked.books, worked.sign_in("board")
    state(books, [Stated("2026-10-07 09:17:00", 33_000), Stated("2026-10-07 11:41:00", 44_000)])
    reconcile(books)
    assert ("not_notified", "A1", 33_000, "resolved") in findings(books)
    for status in ("", "?status=resolved"):
        assert "2026-10-07" not in board.get(f"/board/cho-a/findings{status}").text
        assert "07/10" not in board.get(f"/board/cho-a/findings{status}").text
    assert "07/10" in worked.sign_in("operator").get("/findings?status=resolved").text
    for each in finding.every(books.session(), status="resolved"):
        assert board.get(f"/board/cho-a/finding?number={each['id']}").status_code == 404
    number = numbers(books)["amount_differs"]
    mine = board.get(f"/board/cho-a/finding?number={number}").text
    assert "05/10" in mine and "09:00" not in mine


@pytest.fixture
def routine(worked: Cast) -> int:
    """The number of a finding about a payment of A1 that needed nobody: a line without a notice."""
    state(worked.books, [Stated("2026-10-07 09:17:00", 33_000)])
    reconcile(worked.books)
    with worked.books.engine.connect() as connection:
        asked = text("SELECT id FROM finding WHERE kind = 'not_notified' AND status = 'resolved'")
        return int(connection.execute(asked).scalar_one())


def test_what_a_board_does_not_see_it_neither_opens_nor_decides(worked: Cast, routine: int) -> None:
    """Whoever knows its number learns as little as of a number that there is none of, by whatever door."""
    books, board = worked.books, worked.sign_in("board")
    before = sales(books), findings(books)
    for number in (routine, 987_654):
        assert board.get(f"/board/cho-a/finding?number={number}").status_code == 404
        for wish in ({"verb": "assign", "stall": "A2"}, {"verb": "undo"}, {"verb": "close"}):
            sent = {"number": str(number), "reason": "hỏi", **wish}
            answer = board.submit("/account", "/board/cho-a/finding", **sent)
            assert answer.status_code == 404 and "không có trong danh sách" in answer.text
    assert (sales(books), findings(books)) == before
    body = board.get("/board/cho-a/findings.xlsx").content
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert routine not in [row[0] for row in sheet[1:]]
    rows = [["Số", "Quyết định", "Giao cho sạp", "Lý do"]]
    rows += [[str(number), "giao", "A2", "của sạp này"] for number in (routine, 987_654)]
    rows.append([str(numbers(books)["unattributed"]), "giao", "B1", "nhớ mặt"])
    files = {"file": ("decided.csv", "\n".join(";".join(row) for row in rows).encode())}
    answer = board.submit("/board/cho-a/findings", "/board/cho-a/findings/decisions", files=files)
    assert answer.status_code == 200 and answer.text.count("không có trong danh sách") == 2
    assert ("B1", "2026-10-05", 61_000, 1, 61_000) in sales(books)
    assert ("A1", "2026-10-07", 33_000, 1, 33_000) in sales(books)
    assert records(books, routine) == []


def test_a_board_takes_back_what_was_decided_before_its_eyes_even_if_it_then_goes_out_of_sight(
    worked: Cast, routine: int
) -> None:
    """The operator gave the payment to another stall, so its board sees it; taken back, it needs nobody again."""
    books, board = worked.books, worked.sign_in("board")
    keep(books, [told(5, 33_000, account="1000001", at="2026-10-07 09:17:00")])
    post(books)
    wish = {"number": str(routine), "reason": "hỏi"}
    operator = worked.sign_in("operator")
    assert operator.submit("/account", "/finding", verb="assign", stall="cho-a/A2", **wish).status_code == 303
    page = f"/board/cho-a/finding?number={routine}"
    assert board.get(page).status_code == 200
    answer = board.submit("/account", "/board/cho-a/finding", verb="undo", **wish)
    assert (answer.status_code, answer.headers["location"]) == (303, "/board/cho-a/findings")
    assert ("A1", "2026-10-07", 33_000, 1, 33_000) in sales(books)
    assert board.get(page).status_code == 404
    reconcile(books)
