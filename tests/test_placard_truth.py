"""/v/{serial}: anybody may ask whether a placard is genuine, and learns what it must say, no more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock
from merchants import code, placard_truth
from tests.world import Street


def test_a_live_code_shows_what_a_genuine_placard_says(client: TestClient, street: Street) -> None:
    answer = client.get(f"/v/{street.codes['A1']['serial']}")
    assert answer.status_code == 200
    for said in ("đang được dùng", "Chợ cho-a", ">A1<", "Cô Ba", "Vietcombank", "••••0001", "NGUYEN T. BA"):
        assert said in answer.text
    assert "1000001" not in answer.text and "0912" not in answer.text and "NGUYEN THI BA" not in answer.text
    assert street.token("A1") not in answer.text
    assert answer.headers["x-robots-tag"] == "noindex" and "<script" not in answer.text


def test_a_revoked_code_is_said_to_be_revoked_and_since_when(
    client: TestClient, session: Session, street: Street
) -> None:
    serial, on = street.codes["A2"]["serial"], clock.today() - timedelta(days=3)
    code.revoke(session, serial, reason="stolen", on=on)
    session.commit()
    said = client.get(f"/v/{serial}").text
    assert "đã bị thu hồi" in said and f"{on:%d/%m/%Y}" in said and "Đừng trả tiền" in said
    assert "TRAN V. TU" not in said, "nobody is told whom to pay"


def test_a_code_that_begins_tomorrow_is_not_in_use_yet(client: TestClient, session: Session, street: Street) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    code.revoke(session, street.codes["B1"]["serial"], reason="change", on=tomorrow)
    [serial] = code.issue(session, street.market, since=tomorrow)
    session.commit()
    assert "not in use yet" in client.get(f"/v/{serial}?lang=en").text
    assert "is in use" in client.get(f"/v/{street.codes['B1']['serial']}?lang=en").text


def test_a_virtual_account_names_nobody_to_expect(client: TestClient, street: Street) -> None:
    said = client.get(f"/v/{street.codes['C1']['serial']}").text
    assert "BIDV" in said and "••••0005" in said and "PHAM" not in said


@pytest.mark.parametrize("serial", ["C0000000", "xyz", "C<b>0000", "C00000000000000000000000000", "🙂", "%00"])
def test_an_unknown_serial_is_a_clear_404(client: TestClient, street: Street, serial: str) -> None:
    answer = client.get(f"/v/{serial}")
    assert answer.status_code == 404
    assert "Không có biển mã" in answer.text and "đừng trả tiền" in answer.text and "<b>0000" not in answer.text


def test_the_serial_may_be_typed_as_it_is_read(client: TestClient, street: Street) -> None:
    serial = str(street.codes["A1"]["serial"])
    typed = serial.lower().replace("0", "o").replace("1", "l")
    for address in (f"/v?serial={typed[:4]}-{typed[4:]}%20", f"/v/{typed}"):
        answer = client.get(address, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/v/{serial}")
    assert "Nhập mã số" in client.get("/v").text
    assert client.get("/v?serial=nothing").status_code == 404


@given(st.text(max_size=30))
def test_whatever_is_typed_is_a_serial_or_refused(typed: str) -> None:
    try:
        read = placard_truth.read_serial(typed)
    except placard_truth.Refusal as refusal:
        assert refusal.status == 404
    else:
        assert placard_truth.read_serial(read) == read


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("NGUYEN THI BA", "NGUYEN T. BA"),
        ("Nguyễn Thị Thu Hà", "Nguyễn T. T. Hà"),
        ("Cô Ba", "Cô Ba"),
        ("Hộ kinh doanh Hải sản Năm Sao", "Hộ kinh doanh Hải sản Năm Sao"),
        ("", ""),
    ],
)
def test_a_persons_name_is_shortened_and_a_shops_is_not(name: str, short: str) -> None:
    assert placard_truth.shorten(name) == short
