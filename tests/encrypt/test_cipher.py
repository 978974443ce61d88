"""AES-256-GCM: opens what it sealed and nothing else."""

from __future__ import annotations

import pytest

from services.encrypt.cipher import Cipher, NotAuthentic

KEY, NONCE = bytes(range(32)), bytes(12)


def test_it_is_aes_256_gcm() -> None:
    """Test case 14 of the GCM specification (McGrew and Viega): a zero key, nonce and block."""
    sealed = Cipher(bytes(32)).seal(bytes(12), bytes(16), b"")
    assert sealed.hex() == "cea7403d4d606b6e074ec5d3baf39d18" + "d0d1c8a799996bf0265b98b5d48ab919"


def test_it_opens_what_it_sealed() -> None:
    assert Cipher(KEY).open(NONCE, Cipher(KEY).seal(NONCE, b"text", b"bound"), b"bound") == b"text"


@pytest.mark.parametrize(
    ("key", "nonce", "associated"),
    [(bytes(32), NONCE, b"bound"), (KEY, b"another one!", b"bound"), (KEY, NONCE, b"other"), (KEY, NONCE, b"")],
)
def test_another_key_nonce_or_associated_data_opens_nothing(key: bytes, nonce: bytes, associated: bytes) -> None:
    sealed = Cipher(KEY).seal(NONCE, b"text", b"bound")
    with pytest.raises(NotAuthentic) as caught:
        Cipher(key).open(nonce, sealed, associated)
    assert caught.value.__context__ is None


def test_a_cipher_does_not_show_its_key() -> None:
    cipher = Cipher(b"k" * 32)
    assert "kkkk" not in repr(cipher)
    assert not hasattr(cipher, "__dict__")
