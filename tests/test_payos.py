"""payOS's door: the signature over the fields as they came, the test call, and what is no payment."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payos import PayOS
from payos._crypto import CryptoProvider
from payos.types.webhooks import WebhookData
from pydantic import SecretStr
from starlette.testclient import TestClient

from ground import clock
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from payments import finding, replay, verify
from payments.providers import payos
from tests import rails
from tests.rails import PAYOS_KEY, body, door, kept, payos_signed
from tests.test_webhooks import wait_for
from tests.world import Street

DOOR = "/webhooks/payos"
PUBLISHED_KEY = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
PUBLISHED = {
    "code": "00",
    "desc": "success",
    "success": True,
    "data": {
        "orderCode": 123,
        "amount": 3000,
        "description": "VQRIO123",
        "accountNumber": "12345678",
        "reference": "TF230204212323",
        "transactionDateTime": "2023-02-04 18:25:00",
        "currency": "VND",
        "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18",
        "code": "00",
        "desc": "Thành công",
        "counterAccountBankId": "",
        "counterAccountBankName": "",
        "counterAccountName": "",
        "counterAccountNumber": "",
        "virtualAccountName": "",
        "virtualAccountNumber": "",
    },
    "signature": "412e915d2871504ed31be63c8f62a149a4410d34c4c42affc9006ef9917eaa03",
}


@pytest.fixture
def client(books: Store) -> Iterator[TestClient]:
    with door(books) as opened:
        yield opened


def send(client: TestClient, told: Any) -> Any:
    return client.post(DOOR, content=told if isinstance(told, bytes) else body(told))


@cache
def keyed(key: str) -> Settings:
    return Settings(payos_checksum_key=SecretStr(key))


def is_authentic(content: bytes, key: str = PUBLISHED_KEY) -> bool:
    try:
        payos.verify({}, content, keyed(key), clock.now())
    except Refusal as refusal:
        assert refusal.status in (400, 401)
        return False
    return True


def test_the_published_message_is_authentic() -> None:
    assert is_authentic(body(PUBLISHED))
    assert is_authentic(json.dumps(PUBLISHED).encode())


def test_one_byte_changed_anywhere_breaks_the_published_signature() -> None:
    """Anywhere in what is signed: `code`, `desc` and `success` beside `data` are not, and are never read."""
    content = body(PUBLISHED)
    unsigned = json.loads(content)
    for place in range(len(content)):
        for flip in (1, 32):
            changed = content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
            if is_authentic(changed):
                told = json.loads(changed)
                assert (told["data"], told["signature"]) == (unsigned["data"], unsigned["signature"]), changed


@settings(max_examples=150, deadline=None)
@given(
    unknown=st.dictionaries(
        st.text("abcđễ", min_size=1, max_size=4),
        st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(st.characters(codec="utf-8"), max_size=9),
        max_size=3,
    ),
    place=st.integers(0, 10**6),
    flip=st.integers(1, 255),
)
def test_unknown_fields_are_signed_like_the_known_ones(unknown: dict[str, Any], place: int, flip: int) -> None:
    """Against the provider's own library: what it signs is authentic, and no other data with that signature."""
    data = rails.payos(7) | unknown
    signature = CryptoProvider().create_signature_from_object(data, PAYOS_KEY)
    content = body({"code": "00", "desc": "success", "success": True, "data": data, "signature": signature})
    assert is_authentic(content, PAYOS_KEY)
    place %= len(content)
    changed = content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
    if is_authentic(changed, PAYOS_KEY):
        assert says(json.loads(changed)["data"]) == says(data)


def says(data: dict[str, Any]) -> set[str]:
    """What the signature is over: it does not tell 5 from "5", nor where a value ends."""
    return {"&".join(f"{name}={payos._written(data[name])}" for name in sorted(data))}


def test_a_message_of_the_providers_own_library_is_taken(client: TestClient, books: Store) -> None:
    library = PayOS("client", "api-key", PAYOS_KEY)
    data = WebhookData(**rails.payos(11, counterAccountNumber=None))
    signature = library.crypto.create_signature_from_object(data, PAYOS_KEY)
    told = {"code": "00", "desc": "success", "data": data.model_dump_camel_case(), "signature": signature}
    assert library.webhooks.verify(body(told)) == data
    assert send(client, told).status_code == 200
    assert [row.external_id for row in kept(books)] == ["11:TF11"]


def test_a_new_field_that_the_library_does_not_know_yet_is_taken(client: TestClient, books: Store) -> None:
    told = payos_signed(rails.payos(12, channel="napas", items=None, fee=0))
    assert send(client, told).status_code == 200
    assert len(kept(books)) == 1


def test_a_notice_is_kept_in_our_words_and_posted(client: TestClient, books: Store, street: Street) -> None:
    told = rails.payos(
        5,
        50_000,
        transactionDateTime="2026-10-06 00:30:00",
        counterAccountBankId="970415",
        counterAccountNumber="0011 2233",
    )
    answer = send(client, payos_signed(told))
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (row,) = kept(books)
    assert (row.provider, row.external_id, row.direction, row.amount) == ("payos", "5:TF5", "in", 50_000)
    assert (row.bank, row.bin, row.account, row.virtual_account) == (None, None, "1000001", None)
    assert (row.occurred_at.isoformat(), str(row.business_date)) == ("2026-10-05T17:30:00+00:00", "2026-10-06")
    assert row.payer_hash == books.vault.hash("00112233")
    wait_for(books, "SELECT sum(sales_value) FROM stall_day", 50_000)
    assert replay.replay(books, everything=True)[:3] == (1, 0, 0)
    assert verify.verify(books).ok


def test_a_virtual_account_names_its_stall(client: TestClient, books: Store, street: Street) -> None:
    told = rails.payos(1, accountNumber="999", virtualAccountNumber="VA0005")
    send(client, payos_signed(told))
    wait_for(books, "SELECT count(*) FROM entry WHERE kind = 'sale'", 1)


def test_one_order_may_be_paid_in_parts(client: TestClient, books: Store) -> None:
    for reference in ("FT1", "FT2", "FT1"):
        assert send(client, payos_signed(rails.payos(1, reference=reference))).status_code == 200
    assert [row.external_id for row in kept(books)] == ["1:FT1", "1:FT2"]


def test_the_test_call_is_answered_and_neither_kept_nor_known(books: Store) -> None:
    """`confirm-webhook` calls with the documentation's example, signed with the key of whoever asked."""
    with door(books, payos_checksum_key=PUBLISHED_KEY) as client:
        for _ in range(2):
            answer = send(client, PUBLISHED)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert kept(books) == []


def test_a_payment_that_failed_is_none(client: TestClient, books: Store) -> None:
    assert send(client, payos_signed(rails.payos(1, code="01"))).status_code == 200
    assert kept(books) == []


def test_a_secret_has_two_values_while_it_is_rotated_and_an_empty_one_is_a_closed_door(books: Store) -> None:
    data = rails.payos(1)
    with door(books, payos_checksum_key="new,old") as client:
        assert send(client, payos_signed(data, "old")).status_code == 200
        assert send(client, payos_signed(data, "new")).status_code == 200
        assert send(client, payos_signed(data)).status_code == 401
    for empty in ("", ",", None):
        with door(books, payos_checksum_key=empty) as client:
            assert send(client, payos_signed(data, "")).status_code == 404


def test_without_its_signature_a_message_is_not_authentic(client: TestClient, books: Store) -> None:
    for signature in (None, "", "x", 5, ["x"], "412E915D" * 8, "chữ ký"):
        assert send(client, payos_signed(rails.payos(1)) | {"signature": signature}).status_code == 401
        assert send(client, payos_signed(rails.payos(1)) | {"data": [signature]}).status_code == 401
    assert kept(books) == []


UNREADABLE: dict[str, bytes] = {
    "not JSON": b"{",
    "not an object": b"[]",
    "not UTF-8": b'{"data": "\xff"}',
    "NaN": body(payos_signed(rails.payos(1))).replace(b"20000", b"NaN"),
    "deeply nested": b'{"data":' * 7_000,
    "deeply nested and closed": b'{"signature":"x","data":{"a":' + b"[" * 900 + b"]" * 900 + b"}}",
    "a key twice": body(payos_signed(rails.payos(1))).replace(b'"amount":', b'"amount":1,"amount":'),
    "60,000 digits": body(payos_signed(rails.payos(1))).replace(b"20000", b"9" * 60_000),
}


def test_what_cannot_be_read_is_refused(client: TestClient, books: Store) -> None:
    for what, content in UNREADABLE.items():
        answer = send(client, content)
        assert (answer.status_code, answer.json()["code"]) == (400, "webhook.unreadable"), what
    assert kept(books) == []


WRONG: dict[str, dict[str, Any]] = {
    "no amount": {"amount": None},
    "no đồng": {"amount": 0},
    "money going out": {"amount": -20_000},
    "half a đồng": {"amount": 20_000.5},
    "an amount as text": {"amount": "20000"},
    "another currency": {"currency": "USD"},
    "no reference": {"reference": ""},
    "no order": {"orderCode": None},
    "no account": {"accountNumber": ""},
    "no date": {"transactionDateTime": ""},
    "an account with more fields in it": {"accountNumber": "1000001&amount=3000"},
}


def test_a_field_that_is_missing_or_of_the_wrong_type_is_refused(client: TestClient, books: Store) -> None:
    for what, wrong in WRONG.items():
        answer = send(client, payos_signed(rails.payos(1, **wrong)))
        assert (answer.status_code, answer.json()["code"]) == (400, "webhook.unreadable"), what
    assert kept(books) == []


def test_what_cannot_be_believed_is_kept_but_not_posted(client: TestClient, books: Store, street: Street) -> None:
    assert send(client, payos_signed(rails.payos(1, 10**13))).status_code == 200
    wait_for(books, "SELECT count(*) FROM finding WHERE kind = 'implausible'", 1)
    with books.session() as session:
        assert [row["provider"] for row in finding.every(session)] == ["payos"]
