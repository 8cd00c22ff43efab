"""Is it genuine? Payloads and photos against the codes that were issued."""

import io
from datetime import date, timedelta
from typing import Any

import pytest
from PIL import Image
from sqlmodel import Session

from ground import clock, words
from merchants import code, emv, genuine, qr_image, vietqr
from merchants.genuine import Verdict
from tests.world import VIETCOMBANK, Street, import_roll


def resealed(payload: str, *more: str) -> str:
    """The payload with other objects before its checksum."""
    body = payload[:-8] + "".join(more) + "6304"
    return body + emv.crc(body)


def said(found: Verdict) -> tuple[str, str]:
    assert all(words.say(found.reason, language, **found.params) for language in words.LANGUAGES)
    return found.verdict, found.reason.partition(".")[2]


@pytest.fixture
def a1(street: Street) -> dict[str, Any]:
    return street.codes["A1"]


def test_what_was_issued_is_genuine(session: Session, street: Street) -> None:
    for stall, row in street.codes.items():
        found = genuine.check(session, row["payload"])
        assert said(found) == ("genuine", "genuine")
        assert (found.serial, found.market, found.stall) == (row["serial"], "cho-a", stall)


def test_a_stall_with_a_stroke_in_its_number_keeps_it(session: Session, street: Street) -> None:
    import_roll(session, street.market, "12/3;;;Lan;0912000099;;;VCB;99;;")
    (serial,) = code.issue(session, street.market)
    assert genuine.check(session, code.find(session, serial).payload).stall == "12/3"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 45_000},
        {"merchant_name": "Cô Ba bán rau"},
        {"city": "Vũng Tàu"},
        {"amount": 1, "merchant_name": "X", "city": "Y"},
    ],
    ids=["amount and 12", "name", "city", "all"],
)
def test_an_amount_or_a_name_changes_nothing(session: Session, a1: dict[str, Any], changes: dict[str, Any]) -> None:
    payload = vietqr.write(bin=a1["bin"], account=a1["account"], token=a1["token"], **changes)
    assert said(genuine.check(session, payload)) == ("genuine", "genuine")


def test_other_ways_of_writing_the_same_are_genuine(session: Session, street: Street, a1: dict[str, Any]) -> None:
    assert said(genuine.check(session, f"  {a1['payload']}\n"))[0] == "genuine"
    assert said(genuine.check(session, a1["payload"][:-4] + a1["payload"][-4:].lower()))[0] == "genuine"
    c1 = street.codes["C1"]["payload"].replace("VA0005", "va0005")
    assert said(genuine.check(session, resealed(c1)))[0] == "genuine"


def test_a_revoked_code_is_revoked_from_its_day_on(session: Session, a1: dict[str, Any]) -> None:
    day = date(2026, 5, 1)
    code.revoke(session, a1["serial"], reason="lost", on=day)
    found = genuine.check(session, a1["payload"])
    assert said(found) == ("revoked", "revoked")
    assert (found.serial, found.stall) == (a1["serial"], "A1")
    assert "01/05/2026" in words.say(found.reason, "vi", **found.params)
    assert genuine.check(session, a1["payload"], day - timedelta(days=1)).verdict == "genuine"


def test_a_code_before_its_first_day_is_not_genuine_yet(session: Session, a1: dict[str, Any]) -> None:
    assert said(genuine.check(session, a1["payload"], date(2025, 12, 31))) == ("foreign", "not_yet")


def test_the_token_with_another_account_is_a_forgery(session: Session, a1: dict[str, Any]) -> None:
    """The sticker over the sticker: everything looks right but where the money goes."""
    for forged in (
        vietqr.write(bin=a1["bin"], account="6666666", token=a1["token"]),
        vietqr.write(bin="970418", account=a1["account"], token=a1["token"]),
    ):
        found = genuine.check(session, forged)
        assert said(found) == ("foreign", "other_account")
        assert (found.serial, found.stall) == (a1["serial"], "A1")


def test_the_token_of_the_neighbour_is_foreign(session: Session, street: Street, a1: dict[str, Any]) -> None:
    swapped = vietqr.write(bin=a1["bin"], account=a1["account"], token=street.token("A2"))
    assert said(genuine.check(session, swapped)) == ("foreign", "other_account")


def test_two_stalls_with_one_account_keep_their_tokens_apart(session: Session, street: Street) -> None:
    for stall in ("B1", "B2"):
        assert genuine.check(session, street.codes[stall]["payload"]).stall == stall


def test_our_account_without_our_token_is_foreign(session: Session, a1: dict[str, Any]) -> None:
    for token, reason in ((None, "no_token"), ("TRA TIEN RAU", "other_token")):
        found = genuine.check(session, vietqr.write(bin=a1["bin"], account=a1["account"], token=token))
        assert said(found) == ("foreign", reason)
        assert found.serial is None


def test_nobody_we_know_is_foreign(session: Session, street: Street) -> None:
    found = genuine.check(session, vietqr.write(bin=VIETCOMBANK, account="4242424242", token="HELLO"))
    assert said(found) == ("foreign", "not_ours")
    assert (found.serial, found.market, found.stall) == (None, None, None)
    card = resealed("00020101021226250010A00000077501079999999520454995303704540450005802VN63041111")
    assert said(genuine.check(session, card)) == ("foreign", "not_ours")


def test_a_second_receiver_beside_ours_is_a_forgery(session: Session, a1: dict[str, Any]) -> None:
    """Which of two receivers a payer's app takes is not ours to say."""
    two = resealed(a1["payload"], emv.put("26", emv.put("00", "A000000775") + emv.put("01", "9999999")))
    assert said(genuine.check(session, two)) == ("foreign", "other_receiver")


def test_what_is_no_payment_code_is_unreadable(session: Session, a1: dict[str, Any]) -> None:
    damaged = a1["payload"].replace(a1["account"], "1000009")
    for text in ("", "https://example.org", damaged, a1["payload"][:-1]):
        found = genuine.check(session, text)
        assert said(found)[0] == "unreadable"
        assert (found.fields, found.serial) == (None, None)


def test_fields_are_all_but_the_ends_opened_as_the_contract_says(session: Session, a1: dict[str, Any]) -> None:
    extra = (emv.put("64", emv.put("00", "vi") + emv.put("01", "Cô Ba")), emv.put("80", "0004ABCD"))
    found = genuine.check(session, resealed(a1["payload"], *extra))
    assert found.verdict == "genuine"
    assert found.fields == {
        "01": "11",
        "38": {"00": "A000000727", "01": {"00": "970436", "01": "1000001"}, "02": "QRIBFTTA"},
        "53": "704",
        "58": "VN",
        "62": {"08": a1["token"]},
        "64": {"00": "vi", "01": "Cô Ba"},
        "80": "0004ABCD",
    }


# --- photos


def photo(*payloads: str, angle: float = 0) -> bytes:
    """The codes side by side on a counter, as JPEG."""
    codes = [Image.open(io.BytesIO(qr_image.png(payload, 6))).convert("L") for payload in payloads]
    scene = Image.new("L", (sum(code.width for code in codes) + 200, 600), 190)
    for index, picture in enumerate(codes):
        scene.paste(picture, (100 + sum(code.width for code in codes[:index]), 100))
    kept = io.BytesIO()
    scene.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=190).save(kept, "JPEG", quality=80)
    return kept.getvalue()


@pytest.mark.parametrize("angle", [0, 12, 90, 180])
def test_a_photo_of_a_genuine_code_is_genuine(session: Session, a1: dict[str, Any], angle: float) -> None:
    found = genuine.check_photo(session, photo(a1["payload"], angle=angle))
    assert (found.verdict, found.serial) == ("genuine", a1["serial"])


def test_the_worst_code_in_a_photo_decides(session: Session, street: Street, a1: dict[str, Any]) -> None:
    forged = vietqr.write(bin=a1["bin"], account="6666666", token=a1["token"])
    code.revoke(session, street.codes["A2"]["serial"], reason="lost", on=clock.today())
    revoked, address = street.codes["A2"]["payload"], "https://example.org/menu"
    for payloads, verdict in (
        ((a1["payload"], street.codes["B1"]["payload"]), "genuine"),
        ((a1["payload"], address), "unreadable"),
        ((a1["payload"], revoked), "revoked"),
        ((a1["payload"], forged), "foreign"),
        ((revoked, forged), "foreign"),
        ((address, forged), "foreign"),
    ):
        assert genuine.check_photo(session, photo(*payloads)).verdict == verdict
        assert genuine.check_photo(session, photo(*reversed(payloads))).verdict == verdict


def test_a_photo_without_a_code_and_what_is_no_photo_are_unreadable(session: Session, street: Street) -> None:
    assert said(genuine.check_photo(session, photo())) == ("unreadable", "no_code")
    assert said(genuine.check_photo(session, b"%PDF-1.7"))[0] == "unreadable"
    assert said(genuine.check_photo(session, b""))[0] == "unreadable"
