"""The message format: what travels between `encrypt` and `decrypt`, with exactly one text for each message.

    v1.<base64url, no padding>     of     kdf (1 byte) | salt (16) | nonce (12) | ciphertext | tag (16)

`kdf` names a row in a table of derivations (`kdf.py`), so a message cannot order one that we did not choose.
Everything before the ciphertext, the version included, is authenticated as associated data.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass

VERSION = "v1."
SALT_BYTES = 16  # RFC 9106, section 3.1: 128 bits for every application
NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2.2: 96 random bits
TAG_BYTES = 16
_HEADER_BYTES = 1 + SALT_BYTES + NONCE_BYTES


class Malformed(Exception):
    """The text is not one that `render` makes."""


@dataclass(frozen=True, slots=True)
class Header:
    """What must be known before the ciphertext can be opened. Nothing in it is secret."""

    kdf: int
    salt: bytes
    nonce: bytes

    def packed(self) -> bytes:
        return bytes([self.kdf]) + self.salt + self.nonce

    def associated_data(self) -> bytes:
        return VERSION.encode() + self.packed()


def render(header: Header, sealed: bytes) -> str:
    """The one text form; `sealed` is ciphertext and tag."""
    return VERSION + _to_base64(header.packed() + sealed)


def parse(text: str) -> tuple[Header, bytes]:
    """Header and sealed part. Raises Malformed for every text that `render` does not make."""
    blob = _from_base64(text.removeprefix(VERSION)) if text.startswith(VERSION) else None
    if blob is None or len(blob) < _HEADER_BYTES + TAG_BYTES:
        raise Malformed
    salt, nonce = blob[1 : 1 + SALT_BYTES], blob[1 + SALT_BYTES : _HEADER_BYTES]
    return Header(blob[0], salt, nonce), blob[_HEADER_BYTES:]


def _to_base64(blob: bytes) -> str:
    return urlsafe_b64encode(blob).rstrip(b"=").decode()


def _from_base64(text: str) -> bytes | None:
    """None unless `text` is canonical: the decoder skips strangers and ignores spare bits, so compare."""
    with suppress(UnicodeEncodeError, binascii.Error):
        blob = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        if _to_base64(blob) == text:
            return blob
    return None
