"""The message format: one text for each message, and nothing else is one."""

from __future__ import annotations

import base64
import string
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.encrypt.message import (
    NONCE_BYTES,
    SALT_BYTES,
    TAG_BYTES,
    VERSION,
    Header,
    Malformed,
    parse,
    render,
)

HEADER = Header(1, bytes(SALT_BYTES), bytes(NONCE_BYTES))
ALPHABET = string.ascii_letters + string.digits + "-_"

headers = st.builds(
    Header,
    st.integers(0, 255),
    st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES),
    st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES),
)


@given(headers, st.binary(min_size=TAG_BYTES, max_size=200))
def test_what_is_rendered_is_parsed(header: Header, sealed: bytes) -> None:
    assert parse(render(header, sealed)) == (header, sealed)


@given(headers, st.binary(min_size=TAG_BYTES, max_size=20))
def test_the_text_needs_no_quoting_anywhere(header: Header, sealed: bytes) -> None:
    text = render(header, sealed)
    assert text.startswith("v1.")
    assert set(text.removeprefix("v1.")) <= set(ALPHABET)


@given(st.text())
def test_any_text_is_a_message_that_renders_to_itself_or_malformed(text: str) -> None:
    for candidate in (text, VERSION + text):
        with suppress(Malformed):
            assert render(*parse(candidate)) == candidate


@given(st.data(), st.binary(min_size=TAG_BYTES, max_size=20))
def test_no_change_of_one_character_has_the_same_meaning(data: st.DataObject, sealed: bytes) -> None:
    text = render(HEADER, sealed)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(ALPHABET + "=+/ \n.\x00é").filter(lambda each: each != text[at]))
    with suppress(Malformed):
        assert parse(text[:at] + other + text[at + 1 :]) != (HEADER, sealed)


@pytest.mark.parametrize("length", [TAG_BYTES, TAG_BYTES + 1, TAG_BYTES + 2])
def test_the_last_character_has_no_spare_bits(length: int) -> None:
    text = render(HEADER, bytes(length))
    meanings = [each for each in ALPHABET if _is_message(text[:-1] + each)]
    spare = {0: 64, 2: 4, 3: 16}[len(text.removeprefix(VERSION)) % 4]
    assert len(meanings) == spare  # only those that differ in a bit of the message


OTHER_TEXTS: dict[str, Callable[[str], str]] = {
    "padding": lambda text: text + "=",
    "space before": lambda text: " " + text,
    "line break after": lambda text: text + "\n",
    "line break within": lambda text: text[:20] + "\n" + text[20:],
    "stranger within": lambda text: text[:20] + "!" + text[20:],
    "upper case": lambda text: text.upper(),
    "upper case version": lambda text: text.replace("v1.", "V1."),
    "later version": lambda text: text.replace("v1.", "v2."),
    "no dot": lambda text: text.replace("v1.", "v1"),
    "no version": lambda text: text.removeprefix("v1."),
    "two versions": lambda text: "v1." + text,
    "the other alphabet": lambda text: text.replace("-", "+").replace("_", "/"),
    "fullwidth letters": lambda text: text.replace("A", "\uff21"),
    "a lone surrogate": lambda text: text + "\ud800",
}


@pytest.mark.parametrize("name", OTHER_TEXTS)
def test_other_texts_of_the_same_message_are_malformed(name: str) -> None:
    text = render(HEADER, b"\xfb\xff\xbe" * 10)
    spoilt = OTHER_TEXTS[name](text)
    assert spoilt != text
    with pytest.raises(Malformed):
        parse(spoilt)


def test_less_than_header_and_tag_is_malformed() -> None:
    blob = HEADER.packed() + bytes(TAG_BYTES - 1)
    with pytest.raises(Malformed):
        parse(VERSION + base64.urlsafe_b64encode(blob).decode().rstrip("="))


def test_everything_before_the_ciphertext_is_associated_data() -> None:
    header = Header(7, b"s" * SALT_BYTES, b"n" * NONCE_BYTES)
    assert header.associated_data() == b"v1.\x07" + b"s" * SALT_BYTES + b"n" * NONCE_BYTES


def _is_message(text: str) -> bool:
    try:
        parse(text)
    except Malformed:
        return False
    return True
