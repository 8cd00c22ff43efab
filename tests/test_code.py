"""Codes: who gets one, from when on it is live, what it carries, and how it ends."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from ground import clock, words
from ground.refusal import Refusal
from merchants import code, market, token, vietqr
from merchants.market import Market
from tests.world import STREET, VUNG_TAU, Street, import_roll

OPENING = date(2026, 1, 1)
MARCH, MAY = date(2026, 3, 1), date(2026, 5, 1)
FIELDS = {
    "serial",
    "market",
    "stall",
    "merchant",
    "rail",
    "bin",
    "account",
    "virtual_account",
    "token",
    "payload",
    "live_from",
    "issued_at",
    "revoked_at",
}


@pytest.fixture
def found(session: Session) -> Market:
    return market.add(session, "cho-b", "Chợ B", VUNG_TAU, since=OPENING)


def issue(session: Session, found: Market, since: date | None = None) -> dict[str, Any]:
    """The codes just issued, by stall."""
    serials = code.issue(session, found, since=since)
    rows = code.every(session, found, serials)
    assert [row["serial"] for row in rows] == serials
    return {row["stall"]: row for row in rows}


def refused(call: Any, *given: Any, **named: Any) -> str:
    with pytest.raises(Refusal) as caught:
        call(*given, **named)
    assert all(caught.value.message(language) for language in words.LANGUAGES)
    return caught.value.code


def line(stall: str, number: str = "", *, status: str = "", since: str = "", virtual: str = "") -> str:
    return f"{stall};;;Hộ {stall};;{status};{since};{'VCB' if number or virtual else ''};{number};;{virtual}"


# --- who gets one


def test_only_a_trading_stall_with_merchant_and_account_gets_a_code(session: Session, found: Market) -> None:
    import_roll(session, found, STREET + line("F1", "66", status="tạm nghỉ") + "\n" + line("G1", "77", status="đóng"))
    assert set(issue(session, found)) == {"A1", "A2", "B1", "B2", "C1"}
    assert issue(session, found) == {}


def test_a_later_stall_gets_its_code_later(session: Session, found: Market) -> None:
    import_roll(session, found, line("A1", "1"))
    assert set(issue(session, found)) == {"A1"}
    import_roll(session, found, f"{line('A1', '1')}\n{line('A2', '2')}")
    assert set(issue(session, found)) == {"A2"}


def test_a_revoked_code_is_replaced(session: Session, found: Market) -> None:
    import_roll(session, found, line("A1", "1"))
    first = issue(session, found, MARCH)["A1"]
    code.revoke(session, first["serial"], reason="torn", on=MAY)
    second = issue(session, found, MARCH)["A1"]
    assert (second["live_from"], second["token"] == first["token"]) == ("2026-05-01", False)
    assert [row["revoked_on"] for row in code.every(session, found)] == ["2026-05-01", None]


def test_a_code_to_be_revoked_later_is_live_until_then(session: Session, found: Market) -> None:
    import_roll(session, found, line("A1", "1"))
    first = issue(session, found)["A1"]
    soon = clock.today() + timedelta(days=3)
    code.revoke(session, first["serial"], reason="moves out", on=soon)
    assert issue(session, found) == {}
    assert issue(session, found, soon)["A1"]["live_from"] == soon.isoformat()


# --- from when on


def test_a_code_is_live_from_today(session: Session, found: Market) -> None:
    import_roll(session, found, line("A1", "1"))
    row = issue(session, found)["A1"]
    assert row["live_from"] == clock.today().isoformat()
    assert row["revoked_at"] is None


def test_since_in_the_past_reaches_back_to_the_first_trading_day(session: Session, found: Market) -> None:
    import_roll(session, found, f"{line('A1', '1')}\n{line('A2', '2', since='01/05/2026')}")
    suspended_first = f"{line('A3', '3', status='tạm nghỉ')}"
    import_roll(session, found, suspended_first, on=OPENING)
    import_roll(session, found, line("A3", "3"), on=MAY)
    issued = issue(session, found, MARCH)
    assert {stall: row["live_from"] for stall, row in issued.items()} == {
        "A1": "2026-03-01",
        "A2": "2026-05-01",
        "A3": "2026-05-01",
    }
    assert all(row["issued_at"].startswith(clock.now().date().isoformat()[:4]) for row in issued.values())


def test_since_in_the_future_asks_for_the_roll_of_that_day(session: Session, found: Market) -> None:
    soon = clock.today() + timedelta(days=10)
    import_roll(session, found, f"{line('A1', '1')}\n{line('A2', '2')}")
    import_roll(session, found, line("A2", "2", status="đóng", since=soon.isoformat()))
    import_roll(session, found, line("A3", "3", since=soon.isoformat()))
    assert {stall: row["live_from"] for stall, row in issue(session, found, soon).items()} == {
        "A1": soon.isoformat(),
        "A3": soon.isoformat(),
    }


def test_the_books_themselves_refuse_two_live_codes_at_once(session: Session, street: Street) -> None:
    twice = text("""
        INSERT INTO code (serial, stall_id, merchant_id, account_id, virtual_account, token, payload, live_from,
            issued_at)
        SELECT 'X', stall_id, merchant_id, account_id, false, 'X', 'X', live_from, now() FROM code LIMIT 1
    """)
    with pytest.raises(IntegrityError, match="one_live_code_a_stall"):
        session.execute(twice)


# --- what it carries


def test_the_payload_is_a_static_transfer_to_the_account_with_the_token(session: Session, street: Street) -> None:
    for stall, row in street.codes.items():
        read = vietqr.read(row["payload"])
        assert read.fields == {
            "01": "11",
            "38": {"00": "A000000727", "01": {"00": row["bin"], "01": row["account"]}, "02": "QRIBFTTA"},
            "53": "704",
            "58": "VN",
            "62": {"08": row["token"]},
        }
        assert token.is_token(row["token"]), stall
        assert re.fullmatch(r"[0-9A-Z $%*+./:-]+", row["payload"])


def test_the_virtual_account_is_preferred(session: Session, street: Street) -> None:
    c1, a1 = street.codes["C1"], street.codes["A1"]
    assert (c1["account"], c1["virtual_account"], c1["bin"]) == ("VA0005", True, "970418")
    assert (a1["account"], a1["virtual_account"]) == ("1000001", False)


def test_the_list_says_what_the_contract_says(session: Session, street: Street) -> None:
    row = street.codes["A1"]
    assert row.keys() >= FIELDS
    assert (row["market"], row["stall"], row["merchant"], row["rail"]) == ("cho-a", "A1", "Cô Ba", "vietqr")
    assert (row["live_from"], row["revoked_at"]) == ("2026-01-01", None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["issued_at"])


# --- tokens


def test_no_token_is_given_twice(session: Session, found: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The die falls on the same sides again: on one given today and on one that was revoked long ago."""
    import_roll(session, found, f"{line('A1', '1')}\n{line('A2', '2')}")
    one, two, three = token.draw(), token.draw(), token.draw()
    dice = iter([one, one, two, one, two, three])
    monkeypatch.setattr(token, "draw", lambda: next(dice))
    first = issue(session, found)
    assert {row["token"] for row in first.values()} == {one, two}
    serial = first["A1"]["serial"]
    code.revoke(session, serial, reason="lost")
    assert issue(session, found)["A1"]["token"] == three


def test_tokens_follow_no_order(session: Session, found: Market) -> None:
    """Who knows a neighbour's token knows nothing of the next one."""
    import_roll(session, found, "\n".join(line(f"S{n}", str(n)) for n in range(1, 40)))
    tokens = [row["token"] for row in issue(session, found).values()]
    assert tokens != sorted(tokens)


# --- how it ends


def test_a_code_is_revoked_from_today_or_from_the_day_that_is_said(session: Session, street: Street) -> None:
    code.revoke(session, street.codes["A1"]["serial"], reason=" lost ")
    code.revoke(session, street.codes["A2"]["serial"], reason="moved", on=MAY)
    rows = {row["stall"]: row for row in code.every(session, street.market)}
    assert rows["A1"]["revoked_on"] == clock.today().isoformat()
    assert (rows["A1"]["revoke_reason"], rows["A2"]["revoked_on"]) == ("lost", "2026-05-01")
    assert rows["A1"]["revoked_at"] is not None and rows["B1"]["revoked_at"] is None


def test_a_code_that_is_yet_to_become_live_can_be_revoked(session: Session, found: Market) -> None:
    import_roll(session, found, line("A1", "1"))
    soon = clock.today() + timedelta(days=10)
    code.revoke(session, issue(session, found, soon)["A1"]["serial"], reason="misprint")
    assert code.every(session, found)[0]["revoked_on"] == soon.isoformat()
    assert issue(session, found)["A1"]["live_from"] == clock.today().isoformat()


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"serial": "C999999", "reason": "x"}, "code.unknown"),
        ({"reason": "  "}, "code.no_reason"),
        ({"reason": "x", "on": date(2025, 12, 31)}, "code.revoked_before_it_was"),
    ],
)
def test_what_may_not_be_revoked(session: Session, street: Street, given: dict[str, Any], key: str) -> None:
    assert refused(code.revoke, session, **{"serial": street.codes["A1"]["serial"], **given}) == key


def test_a_code_is_revoked_once(session: Session, street: Street) -> None:
    serial = street.codes["A1"]["serial"]
    code.revoke(session, serial, reason="lost")
    assert refused(code.revoke, session, serial, reason="lost again") == "code.revoked_already"


def test_the_registry_is_another_after_codes_were_issued_or_revoked(session: Session, found: Market) -> None:
    def version() -> int:
        return int(session.execute(text("SELECT registry_version FROM installation")).scalar_one())

    import_roll(session, found, line("A1", "1"))
    seen = [version()]
    serial = issue(session, found)["A1"]["serial"]
    seen.append(version())
    code.revoke(session, serial, reason="lost")
    seen.append(version())
    assert seen == sorted(set(seen))


def test_the_payload_of_a_serial(session: Session, street: Street) -> None:
    row = street.codes["A1"]
    assert code.find(session, row["serial"]).payload == row["payload"]
    assert refused(code.find, session, "C999999") == "code.unknown"
