"""The stall token: every small error is noticed, banks do not lose it, and nothing else passes for one."""

import random
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merchants import token
from merchants.vietqr import fold

NAMES = """NGUYEN VAN AN, TRAN THI BICH, LE HOANG ANH, PHAM QUOC ZUNG, DANG THI ZIEM, VO ZCHAN HUNG, BUI CZ,
    CONG TY ANZ CHAN, CONG TY TNHH ZARA CHO LON, HKD BUI ZI CHUNG, Nguyễn Thị Hoà, Đặng Zũng, Trần Chí Zân,
    Phạm Z Chương"""
# Many lead up to "…Z CH" on purpose: ordinary memos hardly have a Z.
WORDS = """chuyen tien, tien rau, thanh toan, CHO VUNG TAU, mua ca, KHACH 400000, tra no, tiền hàng, chợ Đầm,
    sap A12, ANZ CH, lo hang Z, CH 12A, tien com, gui me, dong tien hang thang, QR, z c h, ZC, chuyển khoản,
    số 5 Z, gia 45k, BIZ CHIEU NAY, kg 2.5, mua 3Z CH4K tinh, JAZZ CH 2B 05, Jazz Chill, hoá đơn, ĐT,
    QUIZ CHAM DIEM 9, MBZ CHI 1 TRIEU, xyz ch1 a2, Z CH 5T 20, Viettel Z CH 1M2"""
NAMES, WORDS = (re.split(r",\s+", text) for text in (NAMES, WORDS))
BANKS = ["VIETCOMBANK", "BIDV", "Techcombank", "MB", "ANZ", "AGRIBANK - CN CHO LON", "SACOMBANK"]
TOKEN = token.draw(random.Random(3))
BASE36 = string.digits + string.ascii_uppercase

tokens = st.integers(0, 2**32).map(lambda seed: token.draw(random.Random(seed)))


def digits(source, length):
    return f"{source.randrange(10**length):0{length}}"


def real_looking(source):
    """One memo as they stand in statements and notices, without a token."""
    words = " ".join(source.choices(WORDS, k=source.randint(1, 4)))
    sender, receiver = source.choice(NAMES), source.choice(NAMES)
    reference = "".join(source.choices(BASE36, k=source.choice([8, 12, 16, 20])))
    day = f"{source.randint(1, 28):02}/{source.randint(1, 12):02}/2026"
    shapes = [
        f"MBVCB.{digits(source, 10)}.{digits(source, 6)}.{words}.CT tu {digits(source, 13)} {sender} toi "
        f"{digits(source, 10)} {receiver} tai {source.choice(BANKS)}",
        f"{sender} chuyen tien-{reference}",
        f"FT{digits(source, 14)} {words} {day}",
        f"{words} 09{digits(source, 8)} {reference}",
        f"SEVQR {reference} {words}-CHUYEN TIEN-OQCH{digits(source, 10)}-MOMO{digits(source, 11)}MOMO",
        f"{reference}{words}{digits(source, 6)}",
        f"IBFT {words} {sender} {source.randint(1, 999)}000 VND {day}",
    ]
    memo = source.choice(shapes)
    return source.choice([str.upper, str.lower, str, lambda text: text.replace(" ", "")])(memo)


# --- the token itself


def test_a_drawn_token_is_a_token_and_short_enough_for_every_memo():
    for seed in range(3000):
        drawn = token.draw(random.Random(seed))
        assert re.fullmatch("ZCH[0-9][GHJNP-SV-Z][0-9][0-9A-HJKMNP-TV-Z]{3}", drawn)
        assert token.is_token(drawn)
        assert token.find(drawn) == [drawn]


def test_tokens_come_from_the_system_unless_a_seed_is_given():
    assert len({token.draw() for _ in range(1000)}) > 990
    assert token.draw(random.Random(7)) == token.draw(random.Random(7))


def test_no_weight_is_zero_and_no_two_are_equal():
    """The code is linear over GF(32): this alone proves the two tests after it for all tokens."""
    weights = []
    for place in range(5):
        body = "0" * place + "1" + "0" * (4 - place)
        weights.append(token.ALPHABET.index(token._check_character(body)))
    assert len({*weights, 1, 0}) == 7
    # Linear: the check of a sum is the sum of the checks.
    source = random.Random(1)
    for _ in range(1000):
        one, other = ([source.randrange(32) for _ in range(5)] for _ in range(2))
        added = [a ^ b for a, b in zip(one, other, strict=True)]
        check = [
            token.ALPHABET.index(token._check_character("".join(map(token.ALPHABET.__getitem__, body))))
            for body in (one, other, added)
        ]
        assert check[0] ^ check[1] == check[2]
    # And no value but zero is turned into nothing by a weight, because multiplying is one-to-one.
    assert sorted(token._TIMES_X) == list(range(32))


@given(tokens)
@settings(max_examples=200, deadline=None)
def test_every_wrong_character_is_noticed(drawn):
    for at, was in enumerate(drawn):
        for put in BASE36:
            if put != was:
                damaged = drawn[:at] + put + drawn[at + 1 :]
                assert not token.is_token(damaged)
                assert token.find(damaged) == []


@given(tokens)
@settings(max_examples=500, deadline=None)
def test_every_exchange_of_two_characters_is_noticed(drawn):
    for one in range(len(drawn)):
        for other in range(one + 1, len(drawn)):
            if drawn[one] != drawn[other]:
                letters = list(drawn)
                letters[one], letters[other] = letters[other], letters[one]
                assert not token.is_token("".join(letters))


@pytest.mark.parametrize(
    "text", ["", "ZCH", "ZCH4N7B2", "ZCHI", "é" * 9, TOKEN.lower(), f" {TOKEN}", f"{TOKEN}\n", TOKEN * 2]
)
def test_what_is_not_exactly_a_token_is_none(text):
    assert not token.is_token(text)


# --- found in what banks make of it


def bank_memos(drawn, source):
    number, name = digits(source, 10), source.choice(NAMES)
    prefixed = f"MBVCB.{number}.{digits(source, 6)}.{drawn}.CT tu {number} {name} toi {number} {name} tai ANZ"
    start = source.randrange(65)
    mt940 = "x" * start + prefixed
    spaced = list(drawn)
    for at in sorted(source.sample(range(1, len(drawn)), source.randint(1, 4)), reverse=True):
        spaced.insert(at, source.choice([" ", ".", "\n", "\r\n", "-", "  ", "\u00a0", "/", "_"]))
    yield drawn.lower()
    yield prefixed
    yield prefixed.lower().replace(" ", "")
    yield prefixed[: prefixed.index(drawn) + len(drawn)]
    yield prefixed[prefixed.index(drawn) :]
    yield f"SEVQR {drawn} thanh toan-CHUYEN TIEN-OQCH{number}-MOMO{number}MOMO"
    yield f"FT{digits(source, 14)}{drawn}{source.choice(WORDS)}"
    yield f"{source.choice(WORDS)}{drawn}{digits(source, 12)}"
    yield "\n".join(mt940[at : at + 65] for at in range(0, len(mt940), 65))
    yield f"tien ca {''.join(spaced)} cam on"
    yield f"Nguyễn Thị Hoà trả tiền cá {drawn} chợ Vũng Tàu"
    yield f"{drawn} {drawn.lower()} {drawn}"
    # The bank kept the beginning of the memo and then the whole of it.
    yield f"{drawn[:6]}{drawn}"
    yield f"ZCH {drawn} ZCH"


def test_a_token_is_found_in_every_kind_of_bank_memo():
    source = random.Random(40)
    for _ in range(1000):
        drawn = token.draw(source)
        for memo in bank_memos(drawn, source):
            assert token.find(memo) == [drawn], memo


@given(tokens, st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=500, deadline=None)
def test_whatever_stands_round_a_token_does_not_hide_it(drawn, before, after):
    assert drawn in token.find(before + drawn + after)


@given(tokens, tokens, st.text(BASE36, max_size=20))
@settings(max_examples=300, deadline=None)
def test_two_tokens_are_told_in_order_and_once(one, other, between):
    found = token.find(one + between + other + one)
    assert [text for text in found if text in (one, other)] == list(dict.fromkeys([one, other]))
    assert len(found) == len(set(found))


def test_a_cut_token_is_never_guessed():
    source = random.Random(41)
    for _ in range(2000):
        drawn = token.draw(source)
        for kept in range(len(drawn)):
            assert token.find(f"MBVCB.{digits(source, 10)}.{drawn[:kept]}") == []
            assert token.find(f"{drawn[kept + 1 :]}.CT tu {digits(source, 13)} tai MB") == []


# --- and never where there is none


def test_no_false_hit_in_a_hundred_thousand_real_looking_memos():
    source = random.Random(2026)
    memos = (real_looking(source) for _ in range(100_000))
    hits = [(memo, found) for memo in memos if (found := token.find(memo))]
    assert hits == []


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_searched_without_an_error(memo):
    assert all(token.is_token(found) for found in token.find(memo))


@given(
    st.lists(
        st.one_of(
            tokens,
            tokens.map(str.lower),
            tokens.map(lambda drawn: drawn[:-2]),
            st.sampled_from(["ZCH", "zc", "Z.C-H", " ", "-", "_", "Nguyễn Hoà", "Đặng"]),
            st.text(st.characters(max_codepoint=127), max_size=6),
        ),
        max_size=8,
    ).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_what_is_found_is_what_a_look_at_every_place_finds(memo):
    squeezed = re.sub("[^A-Z0-9]", "", fold(memo))
    places = (squeezed[at : at + len(TOKEN)] for at in range(len(squeezed)))
    assert token.find(memo) == list(dict.fromkeys(filter(token.is_token, places)))


@pytest.mark.parametrize("text", ["z", "zc ", "zch", "zch4k7", "z\u0315\u0300", "Z C H ", "ễz"], ids=ascii)
def test_a_hostile_memo_costs_no_more_than_its_length(text):
    assert token.find(text * 20_000) == []
