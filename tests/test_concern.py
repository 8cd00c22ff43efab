"""Whose business a finding is: two markets share an account, and money that stands in one is no longer the other's."""

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import python_calamine
from httpx2 import Response
from sqlalchemy import text

from payments import decision, verify
from tests.bank_book import Stated, reconcile, state
from tests.cast import Cast
from tests.test_worklist import filled
from tests.world import import_roll, keep, post, told

Act = Callable[..., Response]


@pytest.fixture
def shared(cast: Cast) -> Cast:
    """Stall B7 of cho-b is paid into the account of A1 of cho-a; one payment came to it that names neither."""
    with cast.books.session() as session:
        rows = "B7;K9;Vải;Chị Út;0913000007;;01/01/2026;VCB;1000001;NGUYEN THI BA;"
        assert not import_roll(session, cast.other.market, rows).errors
        session.commit()
    keep(cast.books, [told(1, 61_000, account="1000001", at="2026-10-05 08:30:00")])
    post(cast.books)
    return cast


def number_of(cast: Cast, subject: str = "notice_id") -> int:
    with cast.books.engine.connect() as connection:
        asked = f"SELECT id FROM finding WHERE {subject} IS NOT NULL"
        found: int = connection.execute(text(asked)).scalar_one()
        return found


def by_page(cast: Cast, who: str, market: str, **wish: str) -> Response:
    number = str(number_of(cast))
    return cast.sign_in(who).submit("/account", f"/board/{market}/finding", number=number, **{"reason": "hỏi", **wish})


def standing(cast: Cast) -> list[tuple[str, int]]:
    """What stands at which stall, after the books were proven."""
    assert verify.verify(cast.books).differences == []
    with cast.books.engine.connect() as connection:
        asked = (
            "SELECT s.number, d.sales_value FROM stall_day d JOIN stall s ON s.id = d.stall_id WHERE sales_value > 0"
        )
        return [(row[0], row[1]) for row in connection.execute(text(asked))]


def test_money_nobody_has_is_both_boards_and_then_its_owners_alone(shared: Cast) -> None:
    number = number_of(shared)
    doors = {"board": f"/board/cho-a/finding?number={number}", "other_board": f"/board/cho-b/finding?number={number}"}
    for who, own, foreign in (("board", "cho-a/A1", "cho-b/B7"), ("other_board", "cho-b/B7", "cho-a/A1")):
        page = shared.sign_in(who).get(doors[who]).text
        assert "61.000" in page and own in page and foreign not in page
    assert by_page(shared, "other_board", "cho-b", verb="assign", stall="B7").status_code == 303
    assert standing(shared) == [("B7", 61_000)]
    mine, theirs = shared.sign_in("board"), shared.sign_in("other_board")
    assert theirs.get(doors["other_board"]).status_code == 200
    hidden = mine.get(doors["board"])
    assert hidden.status_code == 404 and "không có trong danh sách" in hidden.text
    assert f"number={number}" not in mine.get("/board/cho-a/findings").text
    for wish in ({"verb": "undo"}, {"verb": "assign", "stall": "A1"}, {"verb": "close"}):
        assert by_page(shared, "board", "cho-a", **wish).status_code == 404
    assert standing(shared) == [("B7", 61_000)]
    assert by_page(shared, "other_board", "cho-b", verb="undo").status_code == 303
    assert "61.000" in mine.get(doors["board"]).text
    assert by_page(shared, "board", "cho-a", verb="assign", stall="B7").status_code == 404  # not one of its stalls
    assert by_page(shared, "board", "cho-a", verb="assign", stall="A1").status_code == 303
    assert standing(shared) == [("A1", 61_000)]
    assert theirs.get(doors["other_board"]).status_code == 404


def test_a_workbook_moves_no_money_out_of_another_markets_stall(shared: Cast, tmp_path: Path) -> None:
    number, mine = number_of(shared), shared.sign_in("board")
    body = mine.get("/board/cho-a/findings.xlsx").content
    sheet = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()
    assert [row[0] for row in sheet[1:]] == [number]
    assert by_page(shared, "other_board", "cho-b", verb="assign", stall="B7").status_code == 303
    for verb in ("Giao", "Đóng"):
        file = filled(sheet, {number: (verb, "A1", "của sạp tôi")}, tmp_path)
        files = {"file": ("decided.xlsx", file.read_bytes())}
        answer = mine.submit("/board/cho-a/findings", "/board/cho-a/findings/decisions", files=files)
        assert answer.status_code == 200 and "không có trong danh sách" in answer.text
        assert "B7" not in answer.text and "K9" not in answer.text
    assert standing(shared) == [("B7", 61_000)]


def test_the_board_that_comes_second_is_told_that_the_money_has_gone(shared: Cast) -> None:
    """Its page was read, and the form sent, before the first one's decision was in the books."""
    number = number_of(shared)
    shared.sign_in("board").token("/account")
    with shared.books.session() as session, ThreadPoolExecutor(1) as pool:
        owner = session.execute(text("SELECT id FROM stall WHERE number = 'B7'")).scalar_one()
        decision.assign(session, number, owner, by="test", reason="nhanh tay", market=shared.other.market)
        second = pool.submit(by_page, shared, "board", "cho-a", verb="assign", stall="A1")
        wait_until_somebody_waits(shared)
        session.commit()
        answer = second.result(timeout=20)
    assert answer.status_code == 404 and "không có trong danh sách" in answer.text
    assert standing(shared) == [("B7", 61_000)]


def wait_until_somebody_waits(cast: Cast) -> None:
    asked = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(500):
        with cast.books.engine.connect() as connection:
            if connection.execute(asked).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_the_line_of_a_payment_is_as_little_anybodys_as_its_notice(shared: Cast) -> None:
    """The finding about the line was never decided and names no stall; where the money stands, the journal knows."""
    state(shared.books, [Stated("2026-10-05 08:29:00", 61_000)])
    reconcile(shared.books)
    with shared.books.session() as session:
        session.execute(
            text("""
                INSERT INTO finding (kind, line_id, business_date, amount, candidates, detail, status, opened_at,
                    decided_at, decided_by, reason)
                SELECT 'unattributed', m.line_id, f.business_date, f.amount, f.candidates, '{"account": "1000001"}',
                    'resolved', f.opened_at, now(), 'market40', 'notice'
                FROM finding f JOIN match m ON m.notice_id = f.notice_id
            """)
        )
        session.commit()
    assert by_page(shared, "other_board", "cho-b", verb="assign", stall="B7").status_code == 303
    number = str(number_of(shared, "line_id"))
    mine = shared.sign_in("board")
    assert mine.get(f"/board/cho-a/finding?number={number}").status_code == 404
    answer = mine.submit(
        "/account", "/board/cho-a/finding", number=number, verb="assign", stall="A1", reason="của sạp tôi"
    )
    assert answer.status_code == 404
    assert standing(shared) == [("B7", 61_000)]


def test_money_taken_back_is_no_longer_the_business_of_who_once_had_it(shared: Cast) -> None:
    """The operator had given it to a market whose stalls were never meant."""
    number = number_of(shared)
    operator = shared.sign_in("operator")
    wish = {"number": str(number), "reason": "thử"}
    assert operator.submit("/account", "/finding", verb="assign", stall="cho-b/A2", **wish).status_code == 303
    with shared.books.session() as session:
        session.execute(text("UPDATE finding SET candidates = candidates[1:1]"))  # as if only A1 had ever been meant
        session.commit()
    assert operator.submit("/account", "/finding", verb="undo", **wish).status_code == 303
    assert shared.sign_in("other_board").get(f"/board/cho-b/finding?number={number}").status_code == 404
    assert "61.000" in shared.sign_in("board").get(f"/board/cho-a/finding?number={number}").text
