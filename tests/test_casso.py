"""Casso's door: both versions, both ways to write what is signed, and what is no payment at all."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from casso_pg import CassoClient
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import text
from starlette.testclient import TestClient

from ground import clock
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from payments import finding, notice, replay, verify
from payments.providers import casso
from tests.rails import (
    CASSO_KEY,
    CASSO_TOKEN,
    SECRETS,
    body,
    casso_header,
    casso_signed,
    casso_v1,
    casso_v2,
    door,
    kept,
)
from tests.test_webhooks import wait_for
from tests.world import Street, post

DOOR = "/webhooks/casso"
TOKEN = {"secure-token": CASSO_TOKEN}
PUBLISHED_KEY = "mgExMrjj4i7a1p8Cs6LmFbpCd8lbw4sSX4LZXPag7TKazeIogtR90tvWYTkwQbvs"
PUBLISHED = (
    b'{"error":0,"data":{"id":0,"reference":"MA_GIAO_DICH_THU_NGHIEM","description":"giao dich thu nghiem",'
    b'"amount":599000,"runningBalance":25000000,"transactionDateTime":"2024-10-03 15:06:37",'
    b'"accountNumber":"88888888","bankName":"VPBank","bankAbbreviation":"VPB","virtualAccountNumber":"",'
    b'"virtualAccountName":"","counterAccountName":"NGUYEN VAN A","counterAccountNumber":"8888888888",'
    b'"counterAccountBankId":"970415","counterAccountBankName":"VietinBank"}}'
)
PUBLISHED_HEADER = (
    "t=1727948258788,v1=ed0a4bd2e826d5cb69988cdb141e6c1a080e21f3b57eb72cd78192220042b9e7dde0868fc667faea8e224900f"
    "a7904e7c88dfa098032fb2d6b6996856e8b7ff3"
)


@pytest.fixture
def client(books: Store) -> Iterator[TestClient]:
    with door(books) as opened:
        yield opened


def send(client: TestClient, told: Any, headers: dict[str, str] | None = None) -> Any:
    content = told if isinstance(told, bytes) else body(told)
    return client.post(DOOR, content=content, headers=casso_signed(told) if headers is None else headers)


@cache
def keyed(key: str) -> Settings:
    return Settings(casso_checksum_key=SecretStr(key))


def is_authentic(content: bytes, header: str, key: str = PUBLISHED_KEY) -> bool:
    try:
        casso.verify({"x-casso-signature": header}, content, keyed(key), clock.now())
    except Refusal as refusal:
        assert refusal.status in (400, 401)
        return False
    return True


def test_the_published_message_is_authentic() -> None:
    assert is_authentic(PUBLISHED, PUBLISHED_HEADER)


def test_one_byte_changed_anywhere_breaks_the_published_signature() -> None:
    """Each byte by itself, to two others; the message has no spaces and no escapes that could be written otherwise."""
    for place in range(len(PUBLISHED)):
        for flip in (1, 32):
            changed = PUBLISHED[:place] + bytes([PUBLISHED[place] ^ flip]) + PUBLISHED[place + 1 :]
            assert not is_authentic(changed, PUBLISHED_HEADER), (place, changed)
    for place in range(len(PUBLISHED_HEADER)):
        changed_header = PUBLISHED_HEADER[:place] + "7" + PUBLISHED_HEADER[place + 1 :]
        assert changed_header == PUBLISHED_HEADER or not is_authentic(PUBLISHED, changed_header), changed_header


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcđễ", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    told=st.dictionaries(st.text("abcđễ", min_size=1, max_size=3), TREES, max_size=4),
    ascii=st.booleans(),
    place=st.integers(0, 10**6),
    flip=st.integers(1, 255),
)
def test_either_form_of_the_json_is_authentic_and_a_change_of_what_it_says_is_not(
    told: dict[str, Any], ascii: bool, place: int, flip: int
) -> None:
    content = body(told)
    header = casso_signed(told, ascii=ascii)["X-Casso-Signature"]
    assert is_authentic(content, header, CASSO_KEY)
    place %= len(content)
    changed = content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :]
    if is_authentic(changed, header, CASSO_KEY):
        assert json.loads(changed) == told  # written otherwise, said the same


def test_a_vietnamese_memo_is_authentic_in_both_forms(client: TestClient, books: Store) -> None:
    for id, ascii in ((1, False), (2, True)):
        told = casso_v2(id, description="Trả tiền rau, cảm ơn cô Ba ❤")
        assert send(client, told, casso_signed(told, ascii=ascii)).status_code == 200
    assert len(kept(books)) == 2


def test_a_number_is_signed_as_it_is_written() -> None:
    content = b'{"data":{"amount":599000.0,"rate":1E3},"error":0}'
    assert is_authentic(content, casso_header(content.decode()), CASSO_KEY)
    assert not is_authentic(content.replace(b"000.0", b"000"), casso_header(content.decode()), CASSO_KEY)


def test_a_notice_is_kept_in_our_words_and_posted(client: TestClient, books: Store, street: Street) -> None:
    told = casso_v2(5, 50_000, description=f"mua rau {street.token('A1')}", transactionDateTime="2026-10-06 00:30:00")
    answer = send(client, told)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    (row,) = kept(books)
    assert (row.provider, row.external_id, row.direction, row.amount) == ("casso", "5", "in", 50_000)
    assert (row.bin, row.account, row.virtual_account, row.reference) == ("970436", "1000001", None, "FT5")
    assert (row.occurred_at.isoformat(), str(row.business_date)) == ("2026-10-05T17:30:00+00:00", "2026-10-06")
    assert row.tokens == [street.token("A1")]
    assert row.payer_hash == books.vault.hash("8888888888")
    wait_for(books, "SELECT sum(sales_value) FROM stall_day", 50_000)


def test_the_payers_bank_is_not_the_receivers(client: TestClient, books: Store) -> None:
    send(client, casso_v2(1, bankName="Techcombank", bankAbbreviation="TCB", counterAccountBankId="970436"))
    send(client, casso_v2(2, bankName="", bankAbbreviation="", counterAccountBankId="970436"))
    assert [(row.bank, row.bin) for row in kept(books)] == [("Techcombank", "970407"), (None, None)]


def test_several_payments_of_one_request_are_kept_in_one_commit(
    client: TestClient, books: Store, street: Street
) -> None:
    assert send(client, casso_v1(1, 2, 3), TOKEN).status_code == 200
    rows = kept(books)
    assert [(row.external_id, row.reference, row.amount) for row in rows] == [
        ("1", "TF1", 20_000),
        ("2", "TF2", 20_000),
        ("3", "TF3", 20_000),
    ]
    assert {str(row.business_date) for row in rows} == {"2026-10-05"}
    assert [json.loads(books.vault.unseal(row.raw))["data"][0]["id"] for row in rows] == [1, 2, 3]
    wait_for(books, "SELECT sum(sales_count) FROM stall_day", 3)
    assert replay.replay(books, everything=True)[:3] == (3, 0, 0)
    assert verify.verify(books).ok


def test_one_unreadable_payment_and_the_request_is_refused_whole(client: TestClient, books: Store) -> None:
    told = casso_v1(1, 2)
    told["data"][1]["amount"] = "20000"
    assert send(client, told, TOKEN).status_code == 400
    assert kept(books) == []


def test_the_two_versions_tell_of_one_payment(client: TestClient, books: Store) -> None:
    send(client, casso_v2(77))
    send(client, casso_v1(77), TOKEN)
    assert len(kept(books)) == 1


def test_a_negative_amount_is_money_going_out(client: TestClient, books: Store, street: Street) -> None:
    assert send(client, casso_v2(1, -30_000)).status_code == 200
    assert send(client, casso_v1(2, amount=-40_000.0), TOKEN).status_code == 200
    assert [(row.direction, row.amount, row.raw, row.memo, row.payer_hash) for row in kept(books)] == [
        ("out", 30_000, None, None, None),
        ("out", 40_000, None, None, None),
    ]
    assert post(books) >= 0
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM entry")).scalar_one() == 0


def test_a_test_call_is_answered_and_neither_kept_nor_known(client: TestClient, books: Store) -> None:
    key = f"{PUBLISHED_KEY}, {CASSO_KEY}"
    with door(books, casso_checksum_key=key) as rotating:
        for _ in range(2):
            answer = send(rotating, PUBLISHED, {"X-Casso-Signature": PUBLISHED_HEADER})
            assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert send(client, casso_v1(0, 0), TOKEN).status_code == 200
    assert send(client, casso_v1(), TOKEN).status_code == 200
    assert send(client, casso_v1(0, 9), TOKEN).status_code == 200
    assert [row.external_id for row in kept(books)] == ["9"]


def test_a_day_alone_has_begun(client: TestClient, books: Store) -> None:
    send(client, casso_v1(1, when="2026-10-05"), TOKEN)
    send(client, casso_v1(2, when="2026-10-05 23:59:59"), TOKEN)
    assert [(row.occurred_at.isoformat(), str(row.business_date)) for row in kept(books)] == [
        ("2026-10-04T17:00:00+00:00", "2026-10-05"),
        ("2026-10-05T16:59:59+00:00", "2026-10-05"),
    ]


def test_a_secret_has_two_values_while_it_is_rotated(books: Store) -> None:
    told = casso_v2(1)
    with door(books, casso_checksum_key="new,old", casso_secure_token="new,old") as client:
        assert send(client, told, casso_signed(told, "old")).status_code == 200
        assert send(client, told, casso_signed(told, "new")).status_code == 200
        assert send(client, told, casso_signed(told)).status_code == 401
        assert send(client, told, {"secure-token": "old"}).status_code == 200
        assert send(client, told, {"secure-token": "new,old"}).status_code == 401


def test_an_empty_secret_is_a_closed_door(books: Store) -> None:
    told = casso_v2(1)
    with door(books, casso_checksum_key=" , ", casso_secure_token=None) as client:
        assert send(client, told, casso_signed(told, "")).status_code == 404
    with door(books, casso_checksum_key="", casso_secure_token=CASSO_TOKEN) as client:
        assert send(client, told, casso_signed(told, "")).status_code == 401
        assert send(client, told, {"secure-token": ""}).status_code == 401
    assert kept(books) == []


def test_every_proof_carried_must_be_right(client: TestClient, books: Store) -> None:
    told = casso_v2(1)
    right = casso_signed(told)
    stamp = right["X-Casso-Signature"].split(",")
    for headers in (
        {},
        right | {"secure-token": "wrong"},
        TOKEN | {"X-Casso-Signature": "t=1,v1=00"},
        {"X-Casso-Signature": ""},
        {"X-Casso-Signature": stamp[0]},
        {"X-Casso-Signature": stamp[1]},
        {"X-Casso-Signature": f"{right['X-Casso-Signature']},{stamp[1]}"},
        {"X-Casso-Signature": f"t=x,{stamp[1]}"},
        {"X-Casso-Signature": "ä"},
    ):
        content = body(told)
        raw_headers = {name: value.encode("latin-1") for name, value in headers.items()}
        assert client.post(DOOR, content=content, headers=raw_headers).status_code == 401, headers
    assert kept(books) == []
    assert send(client, told, right | TOKEN).status_code == 200


UNREADABLE: dict[str, bytes] = {
    "not JSON": b"{",
    "not an object": b"[]",
    "not UTF-8": b'{"data": "\xff"}',
    "UTF-16": '{"data": {}}'.encode("utf-16"),
    "NaN": body(casso_v2(1)).replace(b"20000", b"NaN"),
    "an infinite amount": body(casso_v2(1)).replace(b"20000", b"1e999"),
    "deeply nested": b"[" * 20_000,
    "deeply nested and closed": b'{"data":' + b"[" * 900 + b"]" * 900 + b"}",
    "a key twice": body(casso_v2(1)).replace(b'"id":1,', b'"id":1,"id":2,'),
    "half a surrogate pair": body(casso_v2(1)).replace(b"mua rau", b"\\ud800"),
    "60,000 digits": body(casso_v2(1)).replace(b"20000", b"9" * 60_000),
}


def test_what_cannot_be_read_cannot_be_signed_either(client: TestClient, books: Store) -> None:
    for what, content in UNREADABLE.items():
        for header in (PUBLISHED_HEADER, casso_header(content.decode("utf-8", "replace"))):
            answer = send(client, content, {"X-Casso-Signature": header})
            assert (answer.status_code, answer.json()["code"]) == (400, "webhook.unreadable"), what
        if what != "a key twice":
            assert send(client, content, TOKEN).status_code == 400, what
    assert kept(books) == []


WRONG: dict[str, Any] = {
    "no data": {"error": 0},
    "data as text": {"data": "x"},
    "an array of texts": {"data": ["x"]},
    "no id": casso_v2(1) | {"data": {k: v for k, v in casso_v2(1)["data"].items() if k != "id"}},
    "a text for an id": casso_v2("1"),
    "true for an id": casso_v2(True),
    "a negative id": casso_v2(-1),
    "an id whose last digits are lost": casso_v2(10**23),
    "no đồng": casso_v2(1, 0),
    "half a đồng": casso_v2(1, 20_000.5),
    "an amount as text": casso_v2(1, "20000"),
    "no account": casso_v2(1, accountNumber=""),
    "an account as a number": casso_v2(1, accountNumber=1000001),
    "no date": casso_v2(1, transactionDateTime=""),
    "no such date": casso_v2(1, transactionDateTime="2026-02-30 08:00:00"),
    "a memo that is a list": casso_v2(1, description=[]),
    "a bank that is a number": casso_v2(1, bankName=5),
    "a day that is none": casso_v1(1, when="2026-13-01"),
    "no account in the first version": casso_v1(1, subAccId="", bank_sub_acc_id=""),
}


def test_a_field_that_is_missing_or_of_the_wrong_type_is_refused(client: TestClient, books: Store) -> None:
    for what, wrong in WRONG.items():
        for headers in (casso_signed(wrong), TOKEN):
            answer = send(client, wrong, headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "webhook.unreadable"), what
    assert kept(books) == []


def test_what_cannot_be_believed_is_kept_but_not_posted(client: TestClient, books: Store, street: Street) -> None:
    for id, amount in ((1, 10**12 + 1), (2, 10**30)):
        assert send(client, casso_v2(id, amount)).status_code == 200
    wait_for(books, "SELECT count(*) FROM finding WHERE kind = 'implausible'", 2)
    with books.session() as session:
        assert {(row["provider"], row["external_id"]) for row in finding.every(session)} == {
            ("casso", "1"),
            ("casso", "2"),
        }


def test_the_providers_own_library_asks_for_the_same_token() -> None:
    """`casso-pg` signs nothing and knows no v2; what it does know is which token a v1 request must carry."""
    library = CassoClient(secure_token=CASSO_TOKEN)
    settings_ = Settings(**SECRETS)  # type: ignore[arg-type]
    for token in (CASSO_TOKEN, CASSO_TOKEN + "x", CASSO_TOKEN[:-1], ""):
        try:
            casso.verify({"secure-token": token}, b"{}", settings_, clock.now())
            ours = True
        except Refusal:
            ours = False
        assert ours == library.verify_webhook(token)


def test_translating_says_no_word_of_the_payer_in_clear(books: Store) -> None:
    (told,) = casso.translate(body(casso_v2(1)))
    row = notice.seal(told, books.vault, clock.now())
    assert "8888888888" not in str(row)
    assert "NGUYEN" not in str(row)
