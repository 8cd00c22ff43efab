"""VietQR text: the published vectors, what is written, and what is overlooked in reading."""

import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ground import words
from ground.refusal import Refusal
from merchants import emv, vietqr
from tests.handmade_qr import napas, sealed, tlv

VECTORS = json.loads((Path(__file__).parent / "vectors" / "vietqr_vectors.json").read_text("utf-8"))
QR_ALPHANUMERIC = set(string.digits + string.ascii_uppercase + " $%*+-./:")
WRITTEN = vietqr.write(bin="970436", account="0123456789", token="ZCH4K7B2C", merchant_name="Đào", city="Huế")

bins = st.text(string.digits, min_size=6, max_size=6)
accounts = st.text(string.digits + string.ascii_uppercase, min_size=1, max_size=19)
purposes = st.text(string.digits + string.ascii_uppercase, min_size=1, max_size=25)


def said_by(note):
    """`{01=11, 38={00=…}} — source` as the nested dict it means."""
    text = note.partition(" — ")[0]
    quoted = re.sub(r"([^{}=,]+)=", lambda match: f'"{match[1].strip()}":', text)
    return json.loads(re.sub(r":([^{}\",]+)(?=[,}])", r':"\1"', quoted))


# --- the published vectors


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["id"])
def test_a_valid_vector_decodes_as_its_note_says(vector):
    fields = said_by(vector["note"])
    code = vietqr.read(vector["payload"])
    assert code.fields == fields
    assert code.payload == vector["payload"]
    beneficiary = fields.get("38", {}).get("01", {})
    assert (code.bin, code.account) == (beneficiary.get("00"), beneficiary.get("01"))
    assert code.service == fields.get("38", {}).get("02")
    assert code.amount == (int(fields["54"]) if "54" in fields else None)
    assert code.token == fields.get("62", {}).get("08")


@pytest.mark.parametrize(("id", "code"), [("N1", "vietqr.crc"), ("N2", "vietqr.length"), ("N3", "vietqr.swallowed")])
def test_an_invalid_vector_is_refused_for_its_own_reason(id, code):
    [payload] = [vector["payload"] for vector in VECTORS["invalid"] if vector["id"] == id]
    with pytest.raises(Refusal) as caught:
        vietqr.read(payload)
    assert caught.value.code == code


def test_the_crc_is_ccitt_false():
    assert [emv.crc(text) for text in ("123456789", "00", "01")] == ["29B1", "2EC9", "3EE8"]


@pytest.mark.parametrize("id", ["P1", "P4", "P7", "P10", "P14", "P15"])
def test_a_static_vector_is_written_the_same(id):
    [vector] = [vector for vector in VECTORS["valid"] if vector["id"] == id]
    code = vietqr.read(vector["payload"])
    assert vietqr.write(bin=code.bin, account=code.account) == vector["payload"]


# --- writing


@given(bins, accounts, st.none() | st.integers(1, 10**13 - 1), st.none() | purposes)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_back(bin, account, amount, token):
    payload = vietqr.write(bin=bin, account=account, amount=amount, token=token)
    code = vietqr.read(payload)
    assert (code.bin, code.account, code.amount, code.token) == (bin, account, amount, token)
    assert (code.payload, code.service) == (payload, "QRIBFTTA")
    assert code.fields["01"] == ("11" if amount is None else "12")
    again = vietqr.write(bin=code.bin, account=code.account, amount=code.amount, token=code.token)
    assert again == payload


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_is_folded_into_qr_alphanumerics_or_refused(token, name, city):
    try:
        payload = vietqr.write(bin="970436", account="a1", token=token, merchant_name=name, city=city)
    except Refusal as refusal:
        assert refusal.code in ("vietqr.purpose", "vietqr.merchant_name", "vietqr.city")
        return
    assert set(payload) <= QR_ALPHANUMERIC
    code = vietqr.read(payload)
    assert (code.token, code.account) == (vietqr.fold(token), "A1")
    assert (code.fields["59"], code.fields["60"]) == (vietqr.fold(name), vietqr.fold(city))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Đặng Thị Ngọc Ánh", "DANG THI NGOC ANH"),
        ("Chợ Vũng Tàu — khu “B”", "CHO VUNG TAU KHU B"),
        ("ƯỚT ưỡn ợ", "UOT UON O"),
        ("Ðào", "DAO"),
        ("A & B's", "A B S"),
        ("Chuye\u0302\u0309n khoa\u0309n", "CHUYEN KHOAN"),
        ("ＭＡＩ straße", "MAI STRASSE"),
        ("张伟", ""),
    ],
)
def test_a_text_is_folded(text, folded):
    assert vietqr.fold(text) == folded


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("vietqr.bin", {"bin": "97043"}),
        ("vietqr.bin", {"bin": "9704361"}),
        ("vietqr.bin", {"bin": "97043A"}),
        ("vietqr.bin", {"bin": "٩٧٠٤٣٦"}),
        ("vietqr.bin", {"bin": "970436\n"}),
        ("vietqr.account", {"account": ""}),
        ("vietqr.account", {"account": "1" * 20}),
        ("vietqr.account", {"account": "12 34"}),
        ("vietqr.account", {"account": "Đ1"}),
        ("vietqr.amount_range", {"amount": 0}),
        ("vietqr.amount_range", {"amount": -1}),
        ("vietqr.amount_range", {"amount": 10**13}),
        ("vietqr.amount_range", {"amount": 10**5000}),
        ("vietqr.amount_range", {"amount": True}),
        ("vietqr.purpose", {"token": "A" * 26}),
        ("vietqr.purpose", {"token": " "}),
        ("vietqr.merchant_name", {"merchant_name": "A" * 26}),
        ("vietqr.merchant_name", {"merchant_name": "张伟"}),
        ("vietqr.city", {"city": "A" * 16}),
    ],
)
def test_nothing_beyond_a_limit_is_written(code, wrong):
    with pytest.raises(Refusal) as caught:
        vietqr.write(**{"bin": "970436", "account": "0123456789"} | wrong)
    assert caught.value.code == code
    assert all(caught.value.message(language) for language in words.LANGUAGES)


def test_the_limits_themselves_are_written():
    name, city, token = "A" * 25, "B" * 15, "C" * 25
    payload = vietqr.write(
        bin="970436",
        account="9" * 19,
        amount=10**13 - 1,
        token=token,
        merchant_name=name,
        city=city,
    )
    code = vietqr.read(payload)
    assert (code.fields["59"], code.fields["60"], code.token) == (name, city, token)
    assert (code.account, code.amount) == ("9" * 19, 10**13 - 1)


# --- leniency


@pytest.mark.parametrize(
    "payload",
    [f"  {WRITTEN}\r\n", WRITTEN[:-4] + WRITTEN[-4:].lower()],
    ids=["white space around", "checksum in lower case"],
)
def test_what_does_not_matter_is_overlooked(payload):
    assert vietqr.read(payload).fields == vietqr.read(WRITTEN).fields


def test_a_static_code_may_have_an_amount_and_a_dynamic_one_none():
    assert vietqr.read(napas("5303704", "5802VN", "540510000")).amount == 10000
    assert vietqr.read(sealed(napas()[:-8].replace("010211", "010212"))).amount is None
    assert vietqr.read(sealed(napas()[:-8].replace("010211", ""))).account == "0123456789"


@pytest.mark.parametrize(
    ("text", "amount"),
    [("50000", 50000), ("50000.", 50000), ("50000.00", 50000), ("007", 7), ("50000.5", None), ("0.5", None)],
)
def test_an_amount_is_whole_dong_or_only_a_text(text, amount):
    code = vietqr.read(napas("5303704", "5802VN", tlv("54", text)))
    assert (code.amount, code.fields["54"]) == (amount, text)


def test_objects_come_in_any_order_and_unknown_ones_are_kept():
    payload = sealed("000201" + "8003123" + "5802VN" + "64050001v" + napas()[12:70] + "65011" + "5303704")
    code = vietqr.read(payload)
    assert list(code.fields) == ["80", "58", "64", "38", "65", "53"]
    assert (code.fields["80"], code.fields["64"]) == ("123", {"00": "v"})


def test_a_third_partys_template_is_opened_one_level_or_left_as_text():
    objects = ["0206123456", tlv("26", "0002AB0108000212345"[:14]), tlv("27", "not objects"), "53037045802VN"]
    code = vietqr.read(sealed("000201" + "".join(objects)))
    assert code.fields["02"] == "123456"
    assert code.fields["26"] == "0002AB01080002"
    assert code.fields["27"] == "not objects"
    assert (code.bin, code.account, code.service, code.token) == (None, None, None, None)
    nested = vietqr.read(sealed("000201" + tlv("26", "0002AB01060002CD") + "53037045802VN"))
    assert nested.fields["26"] == {"00": "AB", "01": "0002CD"}


def test_only_a_napas_code_is_bound_to_dong_and_viet_nam():
    code = vietqr.read(sealed("000201" + tlv("30", "0002AB") + "53037645802TH"))
    assert (code.fields["53"], code.fields["58"]) == ("764", "TH")


def test_the_service_may_be_missing_or_new():
    assert vietqr.read(napas(service="")).service is None
    assert vietqr.read(napas(service="0206QRPUSH")).service == "QRPUSH"
    # With the service in its place, a further object of the beneficiary is the bank's own affair.
    extra = vietqr.read(napas(beneficiary="0006970436" + "01021A" + "0203ABC"))
    assert extra.fields["38"]["01"] == {"00": "970436", "01": "1A", "02": "ABC"}


@pytest.mark.parametrize("size", [len, lambda text: len(text.encode())], ids=["characters", "bytes"])
def test_lengths_count_characters_or_bytes(size):
    additional = tlv("08", "tiền cá — chợ Đầm", size)
    payload = napas(
        "5303704",
        "5802VN",
        tlv("59", "Nguyễn Thị Hoà", size),
        tlv("62", additional, size),
        tlv("64", tlv("00", "vi") + tlv("01", "Cô Hoà", size), size),
    )
    code = vietqr.read(payload)
    assert (code.fields["59"], code.token) == ("Nguyễn Thị Hoà", "tiền cá — chợ Đầm")
    assert code.fields["64"] == {"00": "vi", "01": "Cô Hoà"}


objects = st.dictionaries(
    st.integers(0, 99).map("{:02}".format),
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20),
    max_size=4,
)


@given(
    objects,
    objects,
    st.dictionaries(st.integers(65, 99).map("{:02}".format), st.text("ABC ễ", min_size=1), max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_whatever_objects_another_writer_puts_in_come_out_the_same(template, additional, unreserved):
    def body(fields):
        return "".join(tlv(id, value) for id, value in fields.items())

    assume(len(body(template)) <= 99 and len(body(additional)) <= 99)
    assume(all(len(value) <= 99 for value in unreserved.values()))
    fields = {"26": template, "62": additional} | unreserved
    root = "".join(tlv(id, body(v) if isinstance(v, dict) else v) for id, v in fields.items() if v)
    read = vietqr.read(napas("5303704", root, "5802VN")).fields
    assert {id: read[id] for id, value in fields.items() if value} == {id: v for id, v in fields.items() if v}
