"""The business: what is sealed can be opened with its key, and in no other way."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.encrypt.errors import CannotDecrypt, EncryptError, InvalidInput, TextTooLong
from services.encrypt.kdf import ALLOWED, CURRENT, Argon2idCost
from services.encrypt.message import Header, render
from services.encrypt.service import KEY_CHARACTERS, PassphraseEncryption

from .doubles import Different, QuickDerivation, keyring

KEYS = st.text(min_size=1, max_size=50)
GOLDEN_KEY = "schlüssel 🔑"
GOLDEN_TEXT = "Grüße, \x00 and 中文"
GOLDEN = "v1.AQABAgMEBQYHCAkKCwwNDg9kZWZnaGlqa2xtbm8HZyDRfd6g8rI-KpH4bqXeGKcoChyKRJ9XRgC8zOWkqiNxc9Zk"


def service(derivation: QuickDerivation | None = None, *, text_bytes: int = 1000) -> PassphraseEncryption:
    random = Different()
    ring = keyring(derivation or QuickDerivation(), random=random)
    return PassphraseEncryption(ring, text_bytes=text_bytes, random=random)


@given(KEYS, st.text(max_size=200))
async def test_what_was_encrypted_is_decrypted(key: str, text: str) -> None:
    encrypt = service()
    assert await encrypt.decrypt(key, await encrypt.encrypt(key, text)) == text


@given(KEYS, KEYS, st.text(max_size=20))
async def test_another_key_decrypts_nothing(key: str, other: str, text: str) -> None:
    encrypt = service()
    message = await encrypt.encrypt(key, text)
    if other != key:
        with pytest.raises(CannotDecrypt):
            await encrypt.decrypt(other, message)


@given(KEYS, st.text(max_size=20), st.text(max_size=20))
async def test_another_process_decrypts_it_too(key: str, text: str, other: str) -> None:
    one, another = service(), service()
    await another.encrypt(key, other)
    assert await another.decrypt(key, await one.encrypt(key, text)) == text


@given(KEYS, st.text())
async def test_text_that_nobody_encrypted_cannot_be_decrypted(key: str, message: str) -> None:
    for candidate in (message, "v1." + message):
        with pytest.raises(CannotDecrypt):
            await service().decrypt(key, candidate)


@settings(max_examples=10)
@given(KEYS, st.text(max_size=50))
async def test_argon2id_does_the_same(key: str, text: str) -> None:
    random = Different()
    ring = keyring(Argon2idCost(memory_kib=8, iterations=1, lanes=1), random=random)
    encrypt = PassphraseEncryption(ring, text_bytes=1000, random=random)
    assert await encrypt.decrypt(key, await encrypt.encrypt(key, text)) == text


async def test_a_message_of_version_1_stays_decryptable() -> None:
    """Made when the format was: at the real cost. If this fails, people cannot read what they have."""
    random = Different()
    ring = keyring(ALLOWED[1], random=random)
    encrypt = PassphraseEncryption(ring, text_bytes=1000, random=random)
    assert await encrypt.decrypt(GOLDEN_KEY, GOLDEN) == GOLDEN_TEXT
    assert CURRENT in ALLOWED


async def test_two_messages_of_the_same_text_are_different() -> None:
    encrypt = service()
    assert len({await encrypt.encrypt("key", "text") for _ in range(100)}) == 100


async def test_a_message_does_not_show_its_text_or_key() -> None:
    message = await service().encrypt("a key to find", "a text to find")
    blob = base64.urlsafe_b64decode(message.removeprefix("v1.") + "==")
    assert b"find" not in blob
    assert len(blob) == 1 + 16 + 12 + len("a text to find") + 16


THE_ANSWER = (CannotDecrypt, "the message cannot be decrypted with this key")


async def refusal(encrypt: PassphraseEncryption, key: str, message: str) -> tuple[type[BaseException], str]:
    """All that a caller is told."""
    with pytest.raises(EncryptError) as caught:
        await encrypt.decrypt(key, message)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return type(caught.value), str(caught.value)


async def test_every_flipped_bit_of_a_message_gets_the_same_answer() -> None:
    encrypt = service()
    message = await encrypt.encrypt("key", "a sample")
    blob = base64.urlsafe_b64decode(message.removeprefix("v1.") + "==")
    for bit in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        text = "v1." + base64.urlsafe_b64encode(flipped).decode().rstrip("=")
        assert await refusal(encrypt, "key", text) == THE_ANSWER, f"bit {bit}"


async def test_every_flipped_bit_of_the_text_of_a_message_gets_the_same_answer() -> None:
    encrypt = service()
    message = await encrypt.encrypt("key", "a sample")
    for bit in range(len(message) * 8):
        at, mask = bit // 8, 1 << bit % 8
        text = message[:at] + chr(ord(message[at]) ^ mask) + message[at + 1 :]
        assert await refusal(encrypt, "key", text) == THE_ANSWER, f"bit {bit}"


async def test_every_truncation_and_the_wrong_key_get_the_same_answer() -> None:
    encrypt = service()
    message = await encrypt.encrypt("key", "a sample")
    for length in range(len(message)):
        assert await refusal(encrypt, "key", message[:length]) == THE_ANSWER
        assert await refusal(encrypt, "key", message[length + 1 :]) == THE_ANSWER
    assert await refusal(encrypt, "another key", message) == THE_ANSWER
    assert await refusal(encrypt, "key", message + "AAAA") == THE_ANSWER


async def test_a_message_cannot_order_a_derivation_that_is_not_in_the_table() -> None:
    derivation = QuickDerivation()
    encrypt = service(derivation)
    blob = bytearray(base64.urlsafe_b64decode((await encrypt.encrypt("key", "text"))[3:] + "=="))
    derivation.salts.clear()
    for kdf in (0, *range(2, 256)):
        blob[0] = kdf
        text = "v1." + base64.urlsafe_b64encode(blob).decode().rstrip("=")
        assert await refusal(encrypt, "key", text) == THE_ANSWER
    assert derivation.salts == []


async def test_a_key_that_opened_a_message_is_not_derived_again_and_a_guess_is() -> None:
    derivation = QuickDerivation()
    reader, message = service(derivation), await service().encrypt("key", "text")
    for _ in range(3):
        assert await reader.decrypt("key", message) == "text"
    assert len(derivation.salts) == 1
    for _ in range(3):
        await refusal(reader, "a guess", message)
    assert len(derivation.salts) == 4


async def test_garbage_costs_no_derivation() -> None:
    derivation = QuickDerivation()
    for garbage in ("", "v1.", "v1." + "A" * 58, "v1.!" + "A" * 70, "v2." + "A" * 80):
        await refusal(service(derivation), "key", garbage)
    assert derivation.salts == []


async def test_an_authentic_message_that_is_no_text_gets_the_same_answer() -> None:
    """Made by someone who has the key and does not use it for text; the error must not hold the plaintext."""
    random = Different()
    ring = keyring(QuickDerivation(), random=random)
    encrypt = PassphraseEncryption(ring, text_bytes=1000, random=random)
    sealing = await ring.for_sealing(b"key")
    header = Header(1, sealing.name.salt, bytes(12))
    sealed = sealing.cipher.seal(header.nonce, b"\xff\xfe secret", header.associated_data())
    assert await refusal(encrypt, "key", render(header, sealed)) == THE_ANSWER


@pytest.mark.parametrize("key", ["", "k" * (KEY_CHARACTERS + 1), "\ud800", "key\udfff"])
async def test_a_key_that_cannot_be_used_is_refused_without_being_quoted(key: str) -> None:
    encrypt = service()
    for call in (encrypt.encrypt(key, "text"), encrypt.decrypt(key, "v1.AAAA")):
        with pytest.raises(InvalidInput) as caught:
            await call
        assert caught.value.field == "key"
        assert "kkk" not in str(caught.value)
        assert caught.value.__context__ is None


async def test_keys_of_any_length_up_to_the_limit_are_used_whole() -> None:
    encrypt = service()
    longest = "🔑" * KEY_CHARACTERS
    message = await encrypt.encrypt(longest, "text")
    assert await encrypt.decrypt(longest, message) == "text"
    with pytest.raises(CannotDecrypt):
        await encrypt.decrypt(longest[:-1], message)


async def test_keys_are_taken_exactly_as_they_are() -> None:
    encrypt = service()
    message = await encrypt.encrypt("caf\u00e9", "text")
    for other in ("cafe\u0301", "CAF\u00c9", "caf\u00e9 ", " caf\u00e9"):
        with pytest.raises(CannotDecrypt):
            await encrypt.decrypt(other, message)


async def test_the_limit_of_a_text_is_in_bytes() -> None:
    encrypt = service(text_bytes=10)
    for text in ("", "0123456789", "ééééé"):
        assert await encrypt.decrypt("key", await encrypt.encrypt("key", text)) == text
    for text in ("01234567890", "éééééé"):
        with pytest.raises(TextTooLong, match="10 bytes"):
            await encrypt.encrypt("key", text)


async def test_a_text_that_unicode_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidInput, match="surrogates") as caught:
        await service().encrypt("key", "half a pair: \ud83d")
    assert caught.value.__context__ is None
