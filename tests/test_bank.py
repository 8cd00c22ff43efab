"""Banks: found by whatever people, bank apps and providers call them, and never mistaken for one another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merchants import bank
from merchants.bank import Bank

EVERY = pytest.mark.parametrize("one", bank.banks(), ids=lambda one: one.key)


def named(text: str) -> str | None:
    found = bank.find(text)
    return found.key if found else None


def test_there_are_61_banks_of_58_bins() -> None:
    assert len(bank.banks()) == 61
    assert len({one.bin for one in bank.banks()}) == 58
    assert len({one.key for one in bank.banks()}) == 61


@EVERY
def test_every_bank_is_found_by_its_own_names(one: Bank) -> None:
    for text in (one.bin, one.code, one.key, one.short_name, one.name):
        found = bank.find(text)
        assert found is not None and found.bin == one.bin, text
    assert named(one.key) == named(one.short_name) == named(one.name) == one.key


@EVERY
def test_case_accents_spaces_and_signs_do_not_matter(one: Bank) -> None:
    for text in (
        one.name.upper(),
        f"  {one.name.lower()}. ",
        one.short_name.replace(" ", ""),
        one.code.lower(),
    ):
        found = bank.find(text)
        assert found is not None and found.bin == one.bin, text


def test_no_two_banks_share_a_spelling() -> None:
    for form, claimants in bank.spellings().items():
        assert len({one.bin for one in claimants}) == 1, (form, claimants)
    assert "" not in bank.spellings()


@pytest.mark.parametrize(("bin", "key"), [("970406", "vikki"), ("970414", "mbv"), ("970449", "lpbank")])
def test_a_bin_of_two_names_is_the_bank_of_today(bin: str, key: str) -> None:
    assert bank.by_bin(bin) == bank.find(bin)
    assert named(bin) == key
    assert named("LPB") == "lpbank"


def test_an_unknown_bin_is_nobodys() -> None:
    assert bank.by_bin("123456") is None
    assert bank.find("123456") is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Vietcombank", "vietcombank"),
        ("VCB", "vietcombank"),
        ("NH Ngoại thương", "vietcombank"),
        ("Ngân hàng TMCP Ngoại thương VN", "vietcombank"),
        ("Ngân hàng thương mại cổ phần Ngoại Thương Việt Nam", "vietcombank"),
        ("ngan hang ngoai thuong", "vietcombank"),
        ("Vietcombank CN Vũng Tàu", "vietcombank"),
        ("Vietcombank - Chi nhánh Bà Rịa", "vietcombank"),
        ("Vietcombank - Vũng Tàu", "vietcombank"),
        ("VCB (Ngoại thương)", "vietcombank"),
        ("970436 - Vietcombank", "vietcombank"),
        ("MB", "mbbank"),
        ("MBBank", "mbbank"),
        ("MB Bank", "mbbank"),
        ("Quân đội", "mbbank"),
        ("NHTMCP Quân Đội", "mbbank"),
        ("Vietinbank", "vietinbank"),
        ("Công thương", "vietinbank"),
        ("BIDV", "bidv"),
        ("Đầu tư & Phát triển", "bidv"),
        ("Agribank", "agribank"),
        ("NN&PTNT", "agribank"),
        ("Ngân hàng Nông nghiệp và PTNT Việt Nam", "agribank"),
        ("ACB", "acb"),
        ("Á Châu", "acb"),
        ("TPBank", "tpbank"),
        ("TP Bank", "tpbank"),
        ("Sài Gòn Thương Tín", "sacombank"),
        ("Ngân hàng TMCP Sài Gòn", "scb"),
        ("NH TMCP Sài Gòn - Hà Nội", "shb"),
        ("Saigonbank", "saigonbank"),
        ("HSBC", "hsbc"),
        ("OCB", "ocb"),
        ("ABBANK", "abbank"),
        ("Nam Á", "namabank"),
        ("Bắc Á", "bacabank"),
        ("Ngân hàng số CAKE by VPBank", "cake"),
        ("Ví MoMo", "momo"),
    ],
)
def test_common_spellings_are_known(text: str, key: str) -> None:
    assert named(text) == key


@pytest.mark.parametrize(
    "gateway",
    [
        "Vietcombank",
        "VietinBank",
        "BIDV",
        "MBBank",
        "Techcombank",
        "Agribank",
        "ACB",
        "VPBank",
        "TPBank",
        "OCB",
        "KienLongBank",
        "MSB",
        "Sacombank",
        "HDBank",
        "ABBANK",
        "PVcomBank",
        "Eximbank",
        "SHB",
        "VIB",
        "SeABank",
    ],
)
def test_the_gateway_names_of_a_provider_are_known(gateway: str) -> None:
    assert named(gateway) == gateway.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-",
        "Ngân hàng",
        "Sài Gòn",
        "Ngân hàng Sài Gòn",
        "Kookmin",
        "IBK",
        "Kookmin - Chi nhánh Đà Nẵng",
        "ACB - SHB",
        "CAKE / VPBank",
        "Bản Việt - Timo",
        "Vietcombank, Agribank",
        "Ngân hàng của tôi",
        "Viet Nam",
        "Ngân hàng TMCP",
        "chi nhánh Vũng Tàu",
        "97043",
        "9704366",
        "Vũng Tàu - Vietcombankk",
        "x" * 201,
    ],
)
def test_in_doubt_it_is_nobodys(text: str) -> None:
    assert bank.find(text) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_an_answer(text: str) -> None:
    found = bank.find(text)
    assert found is None or found in bank.banks()


def test_a_very_long_text_is_answered_at_once() -> None:
    assert bank.find(" " * 60_000 + "x") is None
