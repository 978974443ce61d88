"""AES-256-GCM under one derived key, which is not to be had back from here."""

from __future__ import annotations

from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class NotAuthentic(Exception):
    """This key did not make this ciphertext with this associated data."""


class Cipher:
    """Seal and open. `nonce` is 12 bytes that this key has never seen; `associated` is bound but not hidden."""

    __slots__ = ("_aead",)

    def __init__(self, derived_key: bytes) -> None:
        self._aead = AESGCM(derived_key)

    def seal(self, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
        """Ciphertext and tag: 16 bytes longer than the plaintext."""
        return self._aead.encrypt(nonce, plaintext, associated)

    def open(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        """The plaintext. Raises NotAuthentic, and then nothing of the plaintext is known."""
        with suppress(InvalidTag):
            return self._aead.decrypt(nonce, sealed, associated)
        raise NotAuthentic
