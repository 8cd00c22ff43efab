"""Markets: taken into the books in a ward of their day, moved, and told where their ward is lost."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground import clock, words
from ground.refusal import Refusal
from merchants import market
from merchants.place import Move
from tests.shell import run
from tests.world import VUNG_TAU

OPENING = date(2026, 1, 1)
BEFORE_REFORM = date(2025, 1, 1)
TAM_THANG = "26526"
LINH_TAY = "26818"  # split by the reform of July 2025 into Linh Xuân 26800 and Thủ Đức 26824
THU_DUC = "26824"


def refused(call: Any, *given: Any, **named: Any) -> tuple[str, int]:
    with pytest.raises(Refusal) as caught:
        call(*given, **named)
    assert all(caught.value.message(language) for language in words.LANGUAGES)
    return caught.value.code, caught.value.status


def test_a_market_begins_in_its_ward(session: Session) -> None:
    added = market.add(session, "cho-a", " Chợ A ", VUNG_TAU, since=OPENING)
    assert (added.name, added.kind, added.made_up) == ("Chợ A", "market", False)
    assert market.find(session, "cho-a").key == added.key
    assert market.moves(session)[added.key] == [Move(OPENING, VUNG_TAU)]
    assert market.add(session, "pho-b", "Phố B", VUNG_TAU, kind="street").since == clock.today()
    assert [found.code for found in market.every(session)] == ["cho-a", "pho-b"]


@pytest.mark.parametrize(
    ("code", "name", "ward", "more", "key"),
    [
        ("Cho A", "Chợ", VUNG_TAU, {}, "market.bad_code"),
        ("", "Chợ", VUNG_TAU, {}, "market.bad_code"),
        ("chợ", "Chợ", VUNG_TAU, {}, "market.bad_code"),
        ("a" * 41, "Chợ", VUNG_TAU, {}, "market.bad_code"),
        ("cho-a\n", "Chợ", VUNG_TAU, {}, "market.bad_code"),
        ("cho", "  ", VUNG_TAU, {}, "market.no_name"),
        ("cho", "Chợ", VUNG_TAU, {"kind": "mall"}, "market.bad_kind"),
        ("cho", "Chợ", "99999", {}, "ward.unknown"),
        ("cho", "Chợ", "26508", {}, "ward.unknown"),
        ("cho", "Chợ", "Vũng Tàu", {}, "ward.unknown"),
    ],
)
def test_what_is_no_market_is_refused(
    session: Session, code: str, name: str, ward: str, more: dict[str, Any], key: str
) -> None:
    assert refused(market.add, session, code, name, ward, since=OPENING, **more)[0] == key
    assert market.every(session) == []


def test_a_code_means_the_ward_of_its_day(session: Session) -> None:
    """26508 was Thắng Tam until June 2025 and is nobody's code after."""
    market.add(session, "cu", "Chợ cũ", "26508", since=BEFORE_REFORM)
    assert refused(market.add, session, "moi", "Chợ mới", "26508", since=OPENING)[0] == "ward.unknown"


def test_a_code_is_given_once(session: Session) -> None:
    market.add(session, "cho-a", "Chợ A", VUNG_TAU)
    assert refused(market.add, session, "cho-a", "Chợ B", VUNG_TAU) == ("market.exists", 409)
    assert refused(market.find, session, "cho-b") == ("market.unknown", 404)


def test_a_move_is_dated_and_a_second_one_of_the_same_day_takes_its_place(session: Session) -> None:
    added = market.add(session, "cho-a", "Chợ A", VUNG_TAU, since=OPENING)
    day = date(2026, 5, 1)
    market.move(session, added, "26536", since=day)
    market.move(session, added, TAM_THANG, since=day)
    assert market.moves(session)[added.key] == [Move(OPENING, VUNG_TAU), Move(day, TAM_THANG)]
    assert session.execute(text("SELECT count(*) FROM market_move")).scalar_one() == 3
    assert refused(market.move, session, added, VUNG_TAU, since=date(2025, 12, 31))[0] == "market.moved_before_it_was"
    assert refused(market.move, session, added, "99999", since=day)[0] == "ward.unknown"


# --- by command


def test_a_market_is_added_and_listed(test_settings: Any) -> None:
    done = run(test_settings, "market", "add", "cho-a", "--name", "Chợ A", "--ward", VUNG_TAU, "--since", "2026-01-01")
    assert (done.code, done.err) == (0, "")
    assert "market:cho-a" in done.out
    run(test_settings, "market", "add", "pho-b", "--name", "Phố B", "--ward", VUNG_TAU, "--kind", "street")
    assert run(test_settings, "market", "list", "--format", "json").document == [
        {"code": "cho-a", "name": "Chợ A", "kind": "market", "since": "2026-01-01", "ward": VUNG_TAU},
        {"code": "pho-b", "name": "Phố B", "kind": "street", "since": clock.today().isoformat(), "ward": VUNG_TAU},
    ]
    assert "Phố B" in run(test_settings, "market", "list").out


def test_a_market_in_a_split_ward_is_added_with_a_warning_until_it_is_moved(test_settings: Any) -> None:
    given = ("--name", "Chợ Linh Tây", "--ward", LINH_TAY, "--since", "2025-01-01")
    done = run(test_settings, "market", "add", "linh-tay", *given)
    assert done.code == 0
    assert "market move linh-tay" in done.err and "--since 2025-07-01" in done.err
    assert run(test_settings, "market", "list", "--format", "json").document[0]["ward"] is None
    moved = run(test_settings, "market", "move", "linh-tay", "--ward", THU_DUC, "--since", "2025-07-01")
    assert (moved.code, moved.err) == (0, "")
    assert run(test_settings, "market", "list", "--format", "json").document[0]["ward"] == THU_DUC


def test_the_warning_is_said_in_vietnamese_too(test_settings: Any) -> None:
    given = ("--name", "Chợ", "--ward", LINH_TAY, "--since", "01/01/2025")
    done = run(test_settings, "market", "add", "linh-tay", *given, MARKET_LANGUAGE="vi")
    assert "Từ ngày 01/07/2025" in done.err and "--since 2025-07-01" in done.err
