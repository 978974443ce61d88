"""Bytes become responses: the same ones however the bytes were cut, and never one that nobody asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from discovery.errors import ResponseMalformed
from services.gateway.flow import HIGH
from services.gateway.heads import Head, understand_head
from services.gateway.response import Response
from services.gateway.responses import ResponseReader


@dataclass
class Desk:
    """Asks with these methods, one after the other, and takes in the bytes that answer."""

    methods: list[bytes]
    responses: list[Response] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    other: bytes | None = None

    def __post_init__(self) -> None:
        self.reader = ResponseReader("web-1", lambda: None)
        self.reader.expect(self.methods[0])

    def feed(self, *pieces: bytes) -> Desk:
        for piece in pieces:
            if self.problems or self.other is not None:
                break
            try:
                self.other = self.reader.feed(piece)
            except ResponseMalformed as problem:
                self.problems.append(str(problem))
        return self

    @property
    def seen(self) -> object:
        response = self.reader.response
        if response is None:
            return bool(self.problems)
        body = response.body() if response.is_complete else b""
        return response.status, response.head, body, response.is_complete, response.keeps_alive, bool(self.problems)


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


SIZED = head(b"HTTP/1.1 200 OK", b"Content-Length: 5", b"X-A: b") + b"hello"
CHUNKED = head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked") + b"3;x\r\nhel\r\n2\r\nlo\r\n0\r\nX-T: 1\r\n\r\n"
ENDLESS = head(b"HTTP/1.1 200 OK") + b"hello"
EMPTY = head(b"HTTP/1.1 204 No Content", b"Content-Length: 0")
UNCHANGED = head(b"HTTP/1.1 304 Not Modified", b"ETag: x", b"Content-Length: 5")
HINTED = head(b"HTTP/1.1 103 Early Hints", b"X-Mesh-Instance: other b", b"Link: x") + SIZED
CLOSING = head(b"HTTP/1.1 200 OK", b"Content-Length: 0", b"Connection: close")
OLD = head(b"HTTP/1.0 200 OK", b"Content-Length: 5") + b"hello"
SWITCH = head(b"HTTP/1.1 101 Switching Protocols", b"Connection: upgrade", b"Upgrade: websocket") + b"\x81\x02hi"
BROKEN = head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked") + b"3\r\nhelX\r\n"
ALL = [SIZED, CHUNKED, ENDLESS, EMPTY, UNCHANGED, HINTED, CLOSING, OLD, BROKEN]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds) if start < end]


@given(st.sampled_from(ALL), st.lists(st.integers(0, 1000), max_size=10))
@example(CHUNKED, list(range(200)))
@example(HINTED, list(range(200)))
def test_the_same_bytes_are_the_same_response_however_they_are_cut(data: bytes, places: list[int]) -> None:
    assert Desk([b"GET"]).feed(*cut(data, places)).seen == Desk([b"GET"]).feed(data).seen


@given(st.lists(st.integers(0, 1000), max_size=10))
def test_another_protocol_begins_where_it_begins(places: list[int]) -> None:
    desk = Desk([b"GET"])
    rest = b""
    for piece in cut(SWITCH, places):
        if desk.other is None:
            desk.feed(piece)
        else:
            rest += piece
    assert desk.other is not None
    assert desk.other + rest == b"\x81\x02hi"


@given(st.lists(st.sampled_from([SIZED, CHUNKED, EMPTY, UNCHANGED, HINTED]), min_size=2, max_size=4))
def test_one_after_the_other_on_one_connection_they_are_as_each_alone(messages: list[bytes]) -> None:
    desk = Desk([b"GET"])
    for message in messages:
        desk.reader.expect(b"GET")
        assert desk.feed(message).seen == Desk([b"GET"]).feed(message).seen


@given(st.sampled_from([SIZED, CHUNKED, EMPTY, UNCHANGED]), st.binary(min_size=1, max_size=40))
@example(SIZED, b"HTTP/1.1 500 Injected\r\nX: y")
@example(SIZED, SIZED)
def test_whatever_follows_a_response_does_not_change_it_and_is_noticed(message: bytes, more: bytes) -> None:
    alone = Desk([b"GET"]).feed(message).reader.response
    desk = Desk([b"GET"]).feed(message + more)
    response = desk.reader.response
    assert response is not None
    assert alone is not None
    assert (response.status, response.head, response.body()) == (alone.status, alone.head, alone.body())
    assert desk.problems or not more.strip(b"\r\n")


@given(st.sampled_from(ALL), st.integers(0, 400), st.binary(max_size=4))
def test_a_damaged_response_never_breaks_the_reader(message: bytes, place: int, damage: bytes) -> None:
    place %= len(message)
    Desk([b"GET"]).feed(message[:place] + damage + message[place + 1 :])


SAME_HEAD = head(b"HTTP/1.1 200 OK", b"Content-Length: 5", b"X-A: b")
ALIKE = [
    SIZED,
    SAME_HEAD + b"other",
    SAME_HEAD + b"\r\n\r\nx",
    SAME_HEAD + b"long",
    SAME_HEAD + b"longer",
    SAME_HEAD + b"\r\n\r\n\r\n\r\n",
    head(b"HTTP/1.1 200 OK", b"Content-Length: 5", b"X-A: c") + b"hello",
    head(b"HTTP/1.1 201 OK", b"Content-Length: 5", b"X-A: b") + b"hello",
    head(b"HTTP/1.1 200 OK", b"Content-Length: 6", b"X-A: b") + b"hello",
    head(b"HTTP/1.1 200 OK", b"Content-Length: 5", b"Connection: close") + b"hello",
    HINTED,
    CHUNKED,
    EMPTY,
]


@given(
    st.lists(st.tuples(st.sampled_from(ALIKE), st.booleans(), st.sampled_from([b"GET", b"HEAD"])), max_size=8),
)
def test_one_that_is_like_the_last_is_what_a_reader_without_a_memory_makes_of_it(
    messages: list[tuple[bytes, bool, bytes]],
) -> None:
    """In one piece, or in two, as one whose bytes come slowly is."""
    desk = Desk([b"GET"])
    for message, is_whole, method in messages:
        if method == b"HEAD":
            desk.reader.forget()  # as a connection does after it
        desk.reader.expect(method)
        desk.feed(*([message] if is_whole else cut(message, [len(message) - 3])))
        alone = Desk([method]).feed(message)
        assert desk.seen == alone.seen
        response = desk.reader.response
        if desk.problems or response is None or not (response.is_complete and response.keeps_alive):
            return
        if method == b"HEAD":
            desk.reader.forget()


def test_the_answer_to_head_has_no_body_whatever_it_says() -> None:
    desk = Desk([b"HEAD"]).feed(head(b"HTTP/1.1 200 OK", b"Content-Length: 1000"))
    assert desk.reader.response is not None
    assert desk.reader.response.is_whole
    assert desk.reader.response.body() == b""
    assert desk.reader.response.keeps_alive


def understood(*fields: tuple[bytes, bytes]) -> Head:
    return understand_head(fields, "web-1")


def test_what_matters_of_a_head_is_understood_once() -> None:
    found = understood(
        (b"Content-Length", b"12"), (b"Retry-After", b"3"), (b"X-Mesh-Instance", b"web-1 b"), (b"Date", b"now")
    )
    assert (found.length, found.retry_after, found.identity, found.has_date) == (12, 3.0, "web-1 b", True)
    assert not found.is_chunked
    assert (
        found.passed
        == b"content-length: 12\r\nretry-after: 3\r\ndate: now\r\nvia: 1.1 gateway\r\nx-served-by: web-1\r\n"
    )


@pytest.mark.parametrize("said", [b"", b"soon", b"-1", b"1.5", b"Fri, 31 Dec 1999 23:59:59 GMT", b"\xb2"])
def test_a_pause_that_is_no_number_of_seconds_is_none(said: bytes) -> None:
    assert understood((b"Retry-After", said)).retry_after is None


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Content-Length", b"1"), (b"content-length", b"1")],
        [(b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"gzip")],
        [(b"Transfer-Encoding", b"gzip, chunked")],
    ],
)
def test_a_length_that_is_not_clear_is_none(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(ResponseMalformed):
        understood(*fields)


def test_a_response_that_is_complete_no_longer_holds_back_its_connection() -> None:
    turns: list[str] = []
    response = Response(200, understood(), lambda: None, is_bodiless=False, keeps_alive=True)
    response.stream(lambda: turns.append("pause"), lambda: turns.append("resume"))
    response.feed(b"x" * (HIGH + 1))
    assert turns == ["pause"]
    response.complete()
    assert turns == ["pause", "resume"]
    assert len(response.flow.take()) == HIGH + 1
    assert turns == ["pause", "resume"]


def test_who_throws_a_response_away_does_not_wait_for_the_rest() -> None:
    aborted: list[bool] = []
    response = Response(200, understood(), lambda: aborted.append(True), is_bodiless=False, keeps_alive=True)
    response.discard()
    assert aborted == [True]
    response.complete()
    response.discard()
    assert aborted == [True]
