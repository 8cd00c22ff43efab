"""What may not lie in clear: encrypted with a key derived from the secret key, or known only by a keyed hash."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from copy import copy

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_MARK = 8  # bytes that name the key a text was sealed with, so that keys can be rotated
_NONCE = 12  # NIST SP 800-38D: 96-bit nonces, drawn at random


class Vault:
    """Seals with the first key, opens with any of them.

    `keys` are the values of MARKET_SECRET_KEY, the newest first. Hashes must stay comparable over every rotation, so
    they have a key of their own, `hash_key`, which the books keep sealed; books that have none yet hash with what the
    oldest of `keys` gives.
    """

    def __init__(self, keys: list[bytes], hash_key: bytes | None = None) -> None:
        assert keys and all(keys), "a vault needs a key"
        self._keys = keys
        self._ciphers = {_derive(key, b"mark")[:_MARK]: AESGCM(_derive(key, b"seal")) for key in keys}
        self._mark, self._cipher = next(iter(self._ciphers.items()))
        self.fingerprints = [_derive(key, b"fingerprint").hex()[:16] for key in keys]
        self.hash_key = hash_key or _derive(keys[-1], b"hash")
        self._keyed = hashlib.blake2b(key=self.hash_key, digest_size=16)

    def __reduce__(self) -> tuple[type["Vault"], tuple[list[bytes], bytes]]:
        """For a worker process, which is told the keys themselves."""
        return Vault, (self._keys, self.hash_key)

    @property
    def fingerprint(self) -> str:
        """Of the key it seals with."""
        return self.fingerprints[0]

    @property
    def old_marks(self) -> list[bytes]:
        """What texts begin with that were sealed with another key than the first."""
        return [mark for mark in self._ciphers if mark != self._mark]

    def hashing_with(self, hash_key: bytes) -> "Vault":
        """The same seals, and hashes with the books' own key."""
        other = copy(self)
        other.hash_key, other._keyed = hash_key, hashlib.blake2b(key=hash_key, digest_size=16)
        return other

    def seal(self, text: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return self._mark + nonce + self._cipher.encrypt(nonce, text, self._mark)

    def seal_all(self, texts: Sequence[bytes]) -> list[bytes]:
        """As `seal`, for many at once: the system is asked for their nonces once."""
        mark, encrypt = self._mark, self._cipher.encrypt
        nonces = os.urandom(_NONCE * len(texts))
        drawn = (nonces[at : at + _NONCE] for at in range(0, len(nonces), _NONCE))
        return [mark + nonce + encrypt(nonce, text, mark) for nonce, text in zip(drawn, texts, strict=True)]

    def unseal(self, sealed: bytes) -> bytes:
        """The text sealed before; ValueError when it was sealed with a key that is not here, or was touched."""
        mark, nonce, body = sealed[:_MARK], sealed[_MARK : _MARK + _NONCE], sealed[_MARK + _NONCE :]
        cipher = self._ciphers.get(mark)
        if cipher is None:
            raise ValueError("sealed with a key that is not here")
        try:
            return cipher.decrypt(nonce, body, mark)
        except InvalidTag as error:
            raise ValueError("sealed text was changed") from error

    def hash(self, text: str) -> bytes:
        """The same 16 bytes for the same text under this key, and nothing to be learnt from them without it."""
        return self.hash_all([text.encode()])[0]

    def hash_all(self, contents: Iterable[bytes], kind: bytes = b"text:") -> list[bytes]:
        """As `hash`, of many texts at once, encoded. What is of another `kind` has another hash."""
        begun, hashes = self._keyed.copy(), []
        begun.update(kind)  # works the key in, once for all
        for content in contents:
            keyed = begun.copy()
            keyed.update(content)
            hashes.append(keyed.digest())
        return hashes


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"market40:" + purpose).derive(key)
