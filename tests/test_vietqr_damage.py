"""Damaged VietQR text: what every fault is called, and that nothing else is ever raised."""

import string

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ground import words
from ground.refusal import Refusal
from merchants import vietqr
from tests.handmade_qr import napas, sealed, tlv

WRITTEN = vietqr.write(bin="970436", account="0123456789", token="ZCH4K7B2C", merchant_name="Đào", city="Huế")


def refused(payload):
    with pytest.raises(Refusal) as caught:
        vietqr.read(payload)
    for language in words.LANGUAGES:
        assert caught.value.message(language)
    return caught.value.code


# --- damage


def test_every_other_printable_character_in_every_place_is_noticed():
    """A CRC-16 sees every burst of up to 16 bits; only the case of its own letters may change."""
    for at, was in enumerate(WRITTEN):
        for put in string.printable:
            if put == was:
                continue
            damaged = WRITTEN[:at] + put + WRITTEN[at + 1 :]
            if at >= len(WRITTEN) - 4 and put.upper() == was:
                assert vietqr.read(damaged).fields == vietqr.read(WRITTEN).fields
            else:
                refused(damaged)


@given(
    st.integers(0, len(WRITTEN) - 1),
    st.characters() | st.just(""),
    st.sampled_from(["replace", "insert"]),
)
@settings(max_examples=500, deadline=None)
@example(0, " ", "insert")
def test_one_character_changed_is_refused_or_read_as_something_else(at, put, how):
    damaged = WRITTEN[:at] + put + WRITTEN[at + (how == "replace") :]
    # White space around it and the case of the checksum are no change of the code.
    assume(damaged.strip()[:-4] + damaged.strip()[-4:].upper() != WRITTEN)
    try:
        read = vietqr.read(damaged)
    except Refusal:
        return
    assert read.fields != vietqr.read(WRITTEN).fields


@pytest.mark.parametrize(
    ("code", "payload"),
    [
        ("vietqr.not_a_code", ""),
        ("vietqr.not_a_code", "https://example.org/"),
        ("vietqr.not_a_code", sealed("000202010211")),
        ("vietqr.not_a_code", sealed("0102110002015303704")),
        ("vietqr.too_long", "000201" + "9" * 10**6),
        ("vietqr.character", napas("5303704", "5802VN", "5903A\nB")),
        ("vietqr.character", napas("5303704", "5802VN", "5903A\0B")),
        ("vietqr.character", napas("5303704", "5802VN", "5903A\ud800B")),
        ("vietqr.no_crc", "000201010211"),
        ("vietqr.no_crc", napas()[:-1]),
        ("vietqr.no_crc", sealed(napas()[:-8] + "5908")),
        ("vietqr.crc", napas()[:-4] + "ÿÿÿÿ"),
        ("vietqr.crc", napas()[:-4] + "٠٠٠٠"),
        ("vietqr.length", napas("5303704", "5802VN", "5909AB")),
        ("vietqr.length", napas("5303704", "5802VN", "5x01A")),
        ("vietqr.length", napas("5303704", "5802VN", "٥٩01A")),
        ("vietqr.length", napas("5303704", "5802VN", "62050802A")),
        ("vietqr.length", napas("5303704", "5802VN", "6203ABC")),
        ("vietqr.length", napas("5303704", "5802VN", "6404vi  ")),
        ("vietqr.length", napas(service="0209QRIBFTTA")),
        ("vietqr.length", napas(beneficiary="0006970436" + "01110123456789")),
        ("vietqr.length", napas(beneficiary="970436 0123456789")),
        ("vietqr.length", sealed("000201" + tlv("38", "970436") + "53037045802VN")),
        ("vietqr.zero", napas("5303704", "5802VN", "5900")),
        ("vietqr.zero", napas("5303704", "5802VN", "62040800")),
        ("vietqr.zero", napas(beneficiary="00069704360100")),
        ("vietqr.zero", napas(service="0200")),
        ("vietqr.duplicate", napas("5303704", "5802VN", "5303704")),
        ("vietqr.duplicate", napas("5303704", "5802VN", "000201")),
        ("vietqr.duplicate", napas("5303704", "63041234", "5802VN")),
        ("vietqr.duplicate", napas("5303704", "5802VN", "62100801A0801B")),
        ("vietqr.duplicate", napas(service="0208QRIBFTTA0208QRIBFTTA")),
        ("vietqr.duplicate", sealed("000201" + "26100001A0001B" + "53037045802VN")),
        ("vietqr.initiation", sealed("000201010213" + tlv("26", "0001A") + "53037045802VN")),
        ("vietqr.guid", napas().replace("0727", "0728")[:-8]),
        ("vietqr.guid", "00020138" + "0901050000A"),
        ("vietqr.beneficiary", sealed("000201" + tlv("38", "0010A0000007270204QRIB") + "53037045802VN")),
        ("vietqr.beneficiary", napas(beneficiary="0006970436")),
        ("vietqr.beneficiary", napas(beneficiary="01061234560206970436")),
        ("vietqr.bin", napas(bin="97043")),
        ("vietqr.bin", napas(bin="97043A")),
        ("vietqr.bin", napas(bin="٩٧٠٤٣٦")),
        ("vietqr.account", napas(account="1" * 20)),
        ("vietqr.account", napas(account="12-34")),
        ("vietqr.account", napas(account="12Đ4")),
        ("vietqr.swallowed", napas(beneficiary="00069704360101102" + "08QRIBFTTA", service="")),
        ("vietqr.service", napas(service="0211QRIBFTTAXXX")),
        ("vietqr.service", napas(service="0203A B")),
        ("vietqr.no_currency", napas("5802VN")),
        ("vietqr.currency", napas("5303840", "5802VN")),
        ("vietqr.no_country", napas("5303704")),
        ("vietqr.country", napas("5303704", "5802TH")),
        ("vietqr.no_receiver", sealed("00020101021153037045802VN")),
        ("vietqr.amount", napas("5303704", "5802VN", "54010")),
        ("vietqr.amount", napas("5303704", "5802VN", "54040.00")),
        ("vietqr.amount", napas("5303704", "5802VN", "540650 000")),
        ("vietqr.amount", napas("5303704", "5802VN", "54071.000.0")),
        ("vietqr.amount", napas("5303704", "5802VN", "5402-5")),
        ("vietqr.amount", napas("5303704", "5802VN", "5401٥")),
        ("vietqr.amount", napas("5303704", "5802VN", "5401.")),
        ("vietqr.amount", napas("5303704", "5802VN", "541410000000000000")),
    ],
)
def test_each_fault_has_its_own_reason(code, payload):
    if code in ("vietqr.guid", "vietqr.beneficiary") and payload[-8:-4] != "6304":
        payload = sealed(payload)
    assert refused(payload) == code


def test_a_letter_cut_in_two_by_its_bytes_is_refused():
    assert refused(napas("5303704", "5802VN", "5902ễ")) == "vietqr.length"
    # By bytes the name ends inside the letter; by characters nothing fits either.
    assert refused(napas("5303704", "5802VN", "5904ABễ")) == "vietqr.length"


# --- never anything but a refusal


fragments = st.sampled_from(
    [
        "00",
        "01",
        "02",
        "04",
        "08",
        "26",
        "38",
        "62",
        "64",
        "53",
        "54",
        "58",
        "A000000727",
        "970436",
        "VN",
        "704",
        "ễ",
    ]
)


@given(st.text(max_size=60) | st.lists(fragments | st.text(max_size=3), max_size=30).map("".join), st.booleans())
@settings(max_examples=1000, deadline=None)
def test_arbitrary_text_is_read_or_refused_and_nothing_else(text, framed):
    payload = sealed("000201" + text) if framed else text
    try:
        code = vietqr.read(payload)
    except Refusal as refusal:
        assert refusal.code.startswith("vietqr.") and refusal.message("vi") and refusal.message("en")
    else:
        assert any("02" <= id <= "51" for id in code.fields)


@pytest.mark.parametrize("text", ["x", "000201", "é", "0", "\ud800", "000201" + "26990001A"], ids=ascii)
def test_a_million_characters_are_refused_at_once(text):
    assert refused(text * (10**6 // len(text))).startswith("vietqr.")
