"""The business: seal a text under a key, and open it again.

A damaged, forged, foreign or truncated message and a wrong key are one and the same error. What is no message at
all by its form is refused at once, the rest after a derivation: that tells a sender only what the text shows anyway.
Python cannot wipe a string; keys and texts are dropped when a call ends, and no object that lives longer has them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from services.encrypt.cipher import NotAuthentic
from services.encrypt.errors import CannotDecrypt, InvalidInput, TextTooLong
from services.encrypt.keyring import Keyring, UnknownKdf
from services.encrypt.message import NONCE_BYTES, Header, Malformed, parse, render

KEY_CHARACTERS = 1024


class EncryptService(Protocol):
    """Both raise InvalidInput for a key that is not 1 to 1024 characters of Unicode, and Overloaded."""

    async def encrypt(self, key: str, text: str) -> str:
        """A message, another one each time. Raises InvalidInput for a text with lone surrogates, TextTooLong."""

    async def decrypt(self, key: str, message: str) -> str:
        """The text. Raises CannotDecrypt."""


class PassphraseEncryption:
    """`text_bytes` limits a text in UTF-8; `random` gives that many random bytes, fit for nonces."""

    def __init__(self, keyring: Keyring, *, text_bytes: int, random: Callable[[int], bytes]) -> None:
        self._keyring = keyring
        self._text_bytes = text_bytes
        self._random = random

    async def encrypt(self, key: str, text: str) -> str:
        secret, plaintext = usable_key(key), utf8("text", text)
        if len(plaintext) > self._text_bytes:
            raise TextTooLong("text", f"must be at most {self._text_bytes} bytes in UTF-8")
        sealing = await self._keyring.for_sealing(secret)
        header = Header(sealing.name.kdf, sealing.name.salt, self._random(NONCE_BYTES))
        return render(header, sealing.cipher.seal(header.nonce, plaintext, header.associated_data()))

    async def decrypt(self, key: str, message: str) -> str:
        secret = usable_key(key)
        with suppress(Malformed, UnknownKdf, NotAuthentic, UnicodeDecodeError):
            return await self._open(secret, message)
        raise CannotDecrypt("the message cannot be decrypted with this key")  # without a cause, so no plaintext

    async def _open(self, secret: bytes, message: str) -> str:
        header, sealed = parse(message)
        opening = await self._keyring.for_opening(secret, header.kdf, header.salt)
        plaintext = opening.cipher.open(header.nonce, sealed, header.associated_data())
        self._keyring.trust(opening)
        return plaintext.decode()


def usable_key(key: str) -> bytes:
    """The key as bytes, exactly as typed (no Unicode normalization). Raises InvalidInput."""
    if not 1 <= len(key) <= KEY_CHARACTERS:
        raise InvalidInput("key", f"must have 1 to {KEY_CHARACTERS} characters")
    return utf8("key", key)


def utf8(field: str, value: str) -> bytes:
    """Raises InvalidInput for a lone surrogate, which JSON can write and Unicode cannot."""
    with suppress(UnicodeEncodeError):
        return value.encode()
    raise InvalidInput(field, "must be valid Unicode, without lone surrogates")
