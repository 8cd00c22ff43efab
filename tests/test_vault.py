"""The vault: what is sealed opens again, every seal has a nonce of its own, hashes stay comparable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground.vault import Vault

NEW, OLD = b"the new key", b"the old key"
NONCE = slice(8, 20)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_many_sealed_at_once_open_one_by_one(texts: list[bytes]) -> None:
    vault = Vault([OLD])
    sealed = vault.seal_all(texts)
    assert [vault.unseal(each) for each in sealed] == texts
    assert len({each[NONCE] for each in sealed}) == len(texts)


def test_the_same_text_is_sealed_otherwise_each_time() -> None:
    vault = Vault([OLD])
    assert len({vault.seal(b"x"), vault.seal(b"x"), *vault.seal_all([b"x", b"x"])}) == 4


def test_sealed_together_or_alone_it_opens_after_a_rotation_and_not_without_the_key() -> None:
    sealed = [Vault([OLD]).seal(b"x"), *Vault([OLD]).seal_all([b"x"])]
    assert [Vault([NEW, OLD]).unseal(each) for each in sealed] == [b"x", b"x"]
    for each in sealed:
        with pytest.raises(ValueError):
            Vault([NEW]).unseal(each)
        with pytest.raises(ValueError):
            Vault([OLD]).unseal(each[:-1] + bytes([each[-1] ^ 1]))


def test_hashes_are_the_oldest_keys_and_the_same_whenever_asked() -> None:
    vault = Vault([NEW, OLD])
    first = vault.hash("memo")
    vault.hash("another")
    assert first == vault.hash("memo") == vault.hash_all([b"memo"])[0] == Vault([OLD]).hash("memo")
    assert first != Vault([NEW]).hash("memo")
    assert first != vault.hash("memo ")
    assert len(first) == 16
