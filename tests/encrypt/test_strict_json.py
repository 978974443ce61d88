"""Strict JSON: a clear refusal for everything that is not exactly what the API wants."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.encrypt.documents import EncryptBody
from services.encrypt.refused import FieldError, Refused
from services.encrypt.strict_json import document

UNKNOWN = FieldError("#", "has a field that the API does not know; it knows text, key")
NO_OBJECT = FieldError("#", "must be a JSON object with text, key")

NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "space": b" \n\t ",
    "a word": b"text",
    "half": b'{"text": "a", "key"',
    "two": b'{"text":"a","key":"k"}{}',
    "single quotes": b"{'text':'a','key':'k'}",
    "trailing comma": b'{"text":"a","key":"k",}',
    "comment": b'{"text":"a","key":"k"}//',
    "control character": b'{"text":"a\nb","key":"k"}',
    "bad escape": b'{"text":"\\x41","key":"k"}',
    "NaN": b'{"text":NaN,"key":"k"}',
    "Infinity": b'{"text":-Infinity,"key":"k"}',
    "byte order mark": b'\xef\xbb\xbf{"text":"a","key":"k"}',
    "Latin-1": '{"text":"é","key":"k"}'.encode("latin-1"),
    "UTF-16": '{"text":"a","key":"k"}'.encode("utf-16"),
    "overlong UTF-8": b'{"text":"\xc0\x80","key":"k"}',
    "surrogate in UTF-8": b'{"text":"\xed\xa0\x80","key":"k"}',
    "the same name twice": b'{"text":"a","text":"b","key":"k"}',
    "the same name twice, escaped": b'{"text":"a","\\u0074ext":"b","key":"k"}',
    "the same name twice, within": b'{"text":{"a":1,"a":2},"key":"k"}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "many lists": b"[" + b"[]," * 300_000 + b"[]]",
    "many names": b"{" + b",".join(b'"%d":1' % each for each in range(90_000)) + b"}",
    "a long number": b'{"text":' + b"9" * 100_000 + b',"key":"k"}',
    "only quotes": b'"' * 990_000,
    "only escaped quotes": b'"' + b'\\"' * 480_000,
}


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_not_json_is_a_400(name: str) -> None:
    with pytest.raises(Refused) as caught:
        document(NO_JSON[name], EncryptBody)
    assert caught.value.status == 400
    assert caught.value.detail
    assert caught.value.errors == ()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{}", FieldError("#/text", "is required")),
        (b'{"key":"k"}', FieldError("#/text", "is required")),
        (b'{"text":1,"key":"k"}', FieldError("#/text", "must be a string")),
        (b'{"text":1e999,"key":"k"}', FieldError("#/text", "must be a string")),
        (b'{"text":null,"key":"k"}', FieldError("#/text", "must be a string")),
        (b'{"text":true,"key":"k"}', FieldError("#/text", "must be a string")),
        (b'{"text":["a"],"key":"k"}', FieldError("#/text", "must be a string")),
        (b'{"text":{"a":"b"},"key":"k"}', FieldError("#/text", "must be a string")),
        (b'{"text":"a","key":0}', FieldError("#/key", "must be a string")),
        (b'{"text":"a","key":"k","more":1}', UNKNOWN),
        (b'{"text":"a","key":"k","Text":"a"}', UNKNOWN),
        (b'{"message":"a","key":"k"}', UNKNOWN),
        (b"[]", NO_OBJECT),
        (b"null", NO_OBJECT),
        (b"17", NO_OBJECT),
        (b'"text"', NO_OBJECT),
        (b"[" * 100 + b"]" * 100, NO_OBJECT),
    ],
)
def test_what_is_another_document_is_a_422_that_says_where(body: bytes, error: FieldError) -> None:
    with pytest.raises(Refused) as caught:
        document(body, EncryptBody)
    assert caught.value.status == 422
    assert error in caught.value.errors


@given(st.text(), st.text(), st.booleans(), st.sampled_from([None, 0, 1, 4]))
def test_every_way_to_write_a_document_is_read(text: str, key: str, ascii_only: bool, indent: int | None) -> None:
    written = json.dumps({"key": key, "text": text}, ensure_ascii=ascii_only, indent=indent)
    assert document(written.encode(), EncryptBody) == EncryptBody(text=text, key=key)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_document_or_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        document(body, EncryptBody)


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_is_a_document_or_refused(value: object) -> None:
    with pytest.raises(Refused):
        document(json.dumps({"text": "a", "key": "k", "more": value}).encode(), EncryptBody)
    with suppress(Refused):
        assert document(json.dumps({"text": value, "key": "k"}).encode(), EncryptBody).text == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"hush-hush":1,"text":"a","key":"k"}',
        b'{"hush-hush":1,"hush-hush":2}',
        b'{"text":["hush-hush"],"key":{"hush-hush":1}}',
        b'"hush-hush"',
        b'{"text":"hush-hush',
        b"hush-hush",
        b'{"text":"hush-hush","key":"k"\xff',
    ],
)
def test_a_refusal_quotes_nothing(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        document(body, EncryptBody)
    assert "hush" not in f"{caught.value!r} {caught.value.detail} {caught.value.errors}"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_document_does_not_show_what_is_in_it() -> None:
    body = document(b'{"text":"hush-hush","key":"hush-hush"}', EncryptBody)
    assert "hush" not in f"{body} {body!r}"
