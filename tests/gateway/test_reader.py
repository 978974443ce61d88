"""Bytes become requests: the same ones however the bytes were cut, within limits, and nothing that is not HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.gateway.arrival import Arrival
from services.gateway.fields import Fields
from services.gateway.flow import HIGH
from services.gateway.forwarded import Peer
from services.gateway.framing import FIELD_LIMIT, HEAD_LIMIT, LINE_LIMIT
from services.gateway.problems import Problem
from services.gateway.reader import RequestReader

LIMIT = 1 << 17

IN_CHUNKS = b"Transfer-Encoding: chunked"


@dataclass
class Desk:
    """Takes in bytes and keeps what they became. `tunnel`: whether a request for another protocol is granted."""

    tunnel: bool = False
    arrivals: list[Arrival] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    preamble: bytes = b""
    pauses: int = 0

    def __post_init__(self) -> None:
        self.reader = RequestReader(self._head, self._pause, self._resume, peer=Peer("192.0.2.7"), body_limit=LIMIT)

    def feed(self, *pieces: bytes) -> Desk:
        for piece in pieces:
            if self.problems:
                break
            if self.tunnel and self.arrivals and self.arrivals[-1].upgrade:
                self.preamble += piece
                continue
            try:
                self.preamble += self.reader.feed(piece)
            except Problem as problem:
                self.problems.append(problem)
        return self

    @property
    def ended(self) -> list[Arrival]:
        return [arrival for arrival in self.arrivals if arrival.is_complete]

    @property
    def only(self) -> Arrival:
        (arrival,) = self.arrivals
        return arrival

    @property
    def statuses(self) -> list[HTTPStatus]:
        return [problem.status for problem in self.problems]

    @property
    def seen(self) -> list[object]:
        """All that anybody can see of the requests, to compare."""
        return [
            (a.method, a.target, a.version, a.fields, a.keep_alive, a.upgrade, a.is_complete, a.flow.take())
            for a in self.arrivals
        ] + [self.preamble, self.statuses]

    def _head(self, arrival: Arrival) -> None:
        if not self.tunnel:
            arrival.upgrade = b""
        self.arrivals.append(arrival)

    def _pause(self) -> None:
        self.pauses += 1

    def _resume(self) -> None:
        self.pauses -= 1


def fields_of(arrival: Arrival) -> Fields:
    assert arrival.fields is not None
    return arrival.fields


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


GET = head(b"GET /a?b=c HTTP/1.1", b"Host: a")
POST = head(b"POST /p HTTP/1.1", b"Host: a", b"Content-Length: 5") + b"hello"
CHUNKED = head(b"PUT /c HTTP/1.1", b"Host: a", IN_CHUNKS) + b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n"
TRAILED = CHUNKED[:-2] + b"X-Trailer: 1\r\nHost: b\r\n\r\n"
EMPTY_FIELD = head(b"GET /e HTTP/1.1", b"X-Empty:", b"Host: a", b"X-Blank:   ")
OLD = head(b"GET /old HTTP/1.0")
LAST = head(b"GET /last HTTP/1.1", b"Host: a", b"Connection: close")
TO_H2C = b"Host: a", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: A"
H2C = head(b"GET /h2c HTTP/1.1", *TO_H2C)
H2C_POST = head(b"POST /h2c HTTP/1.1", *TO_H2C, b"Content-Length: 5") + b"world"
H2C_CHUNKED = head(b"POST /h2c HTTP/1.1", *TO_H2C, IN_CHUNKS) + b"5\r\nworld\r\n0\r\n\r\n"
SOCKET = head(b"GET /ws HTTP/1.1", b"Host: a", b"Connection: Upgrade", b"Upgrade: WebSocket") + b"\x81\x05first"
BROKEN = head(b"POST /p HTTP/1.1", b"Host: a", IN_CHUNKS) + b"3\r\nabcX\r\n"
GARBAGE = b"\x16\x03\x01\x02\x00"

CONVERSATIONS = [
    GET,
    POST,
    CHUNKED,
    TRAILED,
    EMPTY_FIELD,
    OLD,
    LAST,
    H2C,
    H2C_POST,
    H2C_CHUNKED,
    SOCKET,
    BROKEN,
    GARBAGE,
]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(bounds) if start < end]


@given(
    st.lists(st.sampled_from(CONVERSATIONS), min_size=1, max_size=4),
    st.lists(st.integers(0, 4096), max_size=12),
    st.booleans(),
)
@example([TRAILED, GET], [], False)
@example([H2C_POST, GET], [], False)
def test_the_same_bytes_are_the_same_requests_however_they_are_cut(
    messages: list[bytes], places: list[int], tunnel: bool
) -> None:
    data = b"".join(messages)
    assert Desk(tunnel).feed(*cut(data, places)).seen == Desk(tunnel).feed(data).seen


@pytest.mark.parametrize("data", [message + GET for message in CONVERSATIONS])
@pytest.mark.parametrize("tunnel", [True, False])
def test_byte_for_byte_is_no_different(data: bytes, tunnel: bool) -> None:
    assert Desk(tunnel).feed(*(bytes([byte]) for byte in data)).seen == Desk(tunnel).feed(data).seen


def test_a_head_is_told_before_its_body_comes() -> None:
    desk = Desk().feed(POST[:-5])
    assert (desk.only.method, desk.only.target, fields_of(desk.only).length) == (b"POST", b"/p", 5)
    assert desk.reader.is_in_body
    assert not desk.only.is_complete
    assert not desk.ended
    desk.feed(b"hello")
    assert desk.ended == [desk.only]
    assert desk.only.flow.take() == b"hello"
    assert not desk.reader.is_in_body


def test_names_are_in_lower_case_and_values_as_they_came() -> None:
    desk = Desk().feed(head(b"GET / HTTP/1.1", b"HOST: a", b"X-Mixed:  V a\tL\xe9"))
    assert fields_of(desk.only).raw == [(b"host", b"a"), (b"x-mixed", b"V a\tL\xe9")]


def test_a_field_without_a_value_is_one() -> None:
    assert fields_of(Desk().feed(EMPTY_FIELD).only).raw == [(b"x-empty", b""), (b"host", b"a"), (b"x-blank", b"")]


def test_trailers_are_dropped_and_do_not_reach_the_next_request() -> None:
    desk = Desk().feed(TRAILED + GET)
    first, second = desk.arrivals
    assert first.flow.take() == b"abcde"
    assert fields_of(first).raw == [(b"host", b"a"), (b"transfer-encoding", b"chunked")]
    assert fields_of(second).raw == [(b"host", b"a")]


@pytest.mark.parametrize("message", [H2C_POST, H2C_CHUNKED])
def test_the_body_of_an_upgrade_that_is_not_granted_is_a_body(message: bytes) -> None:
    """The parser takes it for the other protocol; what reads it as a request lets one be smuggled in."""
    desk = Desk().feed(message + GET)
    first, second = desk.arrivals
    assert first.flow.take() == b"world"
    assert first.is_complete
    assert second.target == b"/a?b=c"
    assert desk.statuses == []


def test_what_follows_a_granted_upgrade_is_not_read_as_http() -> None:
    desk = Desk(tunnel=True).feed(SOCKET + GET)
    assert desk.only.upgrade == b"websocket"
    assert desk.preamble == b"\x81\x05first" + GET


def test_thousands_of_upgrades_in_one_piece_are_no_deeper_than_one() -> None:
    desk = Desk().feed(H2C * 3000)
    assert len(desk.ended) == 3000


@pytest.mark.parametrize("data", [OLD, head(b"GET / HTTP/1.0", b"Connection: keep-alive"), LAST])
def test_after_some_requests_the_connection_ends(data: bytes) -> None:
    assert not Desk().feed(data).only.keep_alive


def test_after_connect_too() -> None:
    assert not Desk().feed(head(b"CONNECT a:443 HTTP/1.1", b"Host: a")).only.keep_alive


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\r\n\r\n"])
def test_it_is_in_a_head_from_its_first_byte_to_its_last(before: bytes) -> None:
    desk = Desk()
    assert not desk.reader.is_in_head
    for byte in before + GET[:-1]:
        desk.feed(bytes([byte]))
        assert desk.reader.is_in_head
    desk.feed(GET[-1:])
    assert not desk.reader.is_in_head


def test_the_beginning_of_a_head_after_a_whole_request_counts() -> None:
    assert Desk().feed(POST + b"G").reader.is_in_head
    assert not Desk().feed(POST).reader.is_in_head


def test_a_target_may_be_long_and_not_longer() -> None:
    target = b"/" + b"a" * (LINE_LIMIT - 1)
    assert Desk().feed(head(b"GET " + target + b" HTTP/1.1", b"Host: a")).only.target == target
    desk = Desk().feed(head(b"GET " + target + b"a HTTP/1.1", b"Host: a"))
    assert desk.statuses == [HTTPStatus.REQUEST_URI_TOO_LONG]


def test_so_many_fields_and_no_more() -> None:
    fields = [b"x-%d: y" % number for number in range(FIELD_LIMIT - 1)]
    assert len(fields_of(Desk().feed(head(b"GET / HTTP/1.1", b"Host: a", *fields)).only).raw) == FIELD_LIMIT
    desk = Desk().feed(head(b"GET / HTTP/1.1", b"Host: a", *fields, b"one-more: y"))
    assert desk.statuses == [HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE]


@pytest.mark.parametrize("step", [1000, HEAD_LIMIT * 2])
def test_a_head_that_is_too_large_is_refused_before_it_ends(step: int) -> None:
    endless = b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + b"a" * (HEAD_LIMIT + LINE_LIMIT + 1)
    desk = Desk().feed(*(endless[start : start + step] for start in range(0, len(endless), step)))
    assert desk.statuses == [HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE]


def test_many_small_requests_are_not_one_large_head() -> None:
    assert len(Desk().feed(GET * 5000).ended) == 5000


@pytest.mark.parametrize("step", [1, 7, LIMIT])
def test_a_body_is_counted_as_it_comes(step: int) -> None:
    chunk = b"%x\r\n%b\r\n" % (1 << 12, b"x" * (1 << 12))
    start = head(b"POST / HTTP/1.1", b"Host: a", IN_CHUNKS)
    desk = Desk().feed(start, *[chunk] * (LIMIT >> 12))
    assert desk.statuses == []
    assert desk.only.seen == LIMIT
    desk.feed(*(b"1\r\nx\r\n"[at : at + step] for at in range(0, 6, step)))
    assert desk.statuses == [HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    assert desk.only.problem is desk.problems[0]


def test_a_large_body_asks_the_client_to_pause() -> None:
    desk = Desk().feed(head(b"POST / HTTP/1.1", b"Host: a", b"Content-Length: 100000"), b"x" * (HIGH + 1))
    assert desk.pauses == 1
    desk.only.flow.take()
    assert desk.pauses == 0


async def test_whoever_reads_a_body_that_turns_out_to_be_none_is_told() -> None:
    desk = Desk().feed(BROKEN)
    assert await anext(desk.only.flow) == b"abc"
    with pytest.raises(Problem):
        await anext(desk.only.flow)


BAD = {
    "no length twice": (b"Content-Length: 5", b"Content-Length: 5"),
    "two lengths": (b"Content-Length: 5", b"Content-Length: 6"),
    "a list of lengths": (b"Content-Length: 5, 5",),
    "a negative length": (b"Content-Length: -5",),
    "a length with a sign": (b"Content-Length: +5",),
    "a length in hexadecimal": (b"Content-Length: 0x5",),
    "a length with a fraction": (b"Content-Length: 5.0",),
    "a length beyond all": (b"Content-Length: 99999999999999999999999999",),
    "an empty length": (b"Content-Length:",),
    "length and coding": (b"Content-Length: 5", IN_CHUNKS),
    "coding and length": (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "a space before the colon": (b"X-A : b",),
    "a tab before the colon": (b"X-A\t: b",),
    "a space before the name": (b" X-A: b",),
    "a folded line": (b"X-A: b", b" c"),
    "a folded line with a tab": (b"X-A: b", b"\tc"),
    "no colon": (b"X-A",),
    "no name": (b": b",),
    "NUL in a value": (b"X-A: b\x00c",),
    "NUL in a name": (b"X\x00A: b",),
    "a bare CR in a value": (b"X-A: b\rX-B: c",),
    "a bare LF in a value": (b"X-A: b\nX-B: c",),
    "an escape in a value": (b"X-A: \x1b[2J",),
    "DEL in a value": (b"X-A: \x7f",),
    "a name in another alphabet": (b"X-\xc3\xa9: b",),
    "a name with parentheses": (b"X(A): b",),
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD.keys())
def test_fields_that_servers_read_differently_are_refused(fields: tuple[bytes, ...]) -> None:
    desk = Desk().feed(head(b"POST / HTTP/1.1", b"Host: a", *fields) + b"hello")
    assert desk.statuses == [HTTPStatus.BAD_REQUEST]
    assert not desk.ended


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1 ",
        b"GET / HTTP/11",
        b"GET / HTTP/1.10",
        b"GET / http/1.1",
        b"GET / HTTP/1.3",
        b"GET / HTTP/2.0",
        b"GET /",
        b"GET / ",
        b"GET /a b HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /a\tb HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET\t/ HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / ICE/1.0",
        b"PRI * HTTP/2.0",
    ],
)
def test_a_request_line_has_one_form(line: bytes) -> None:
    """The versions that the parser lets pass are left to `check_version`."""
    desk = Desk().feed(head(line, b"Host: a"))
    if desk.statuses:
        assert desk.statuses[0] in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED)
    else:
        assert desk.only.version not in ("1.0", "1.1")


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n", GET[:-2] + b"\n"])
def test_lines_end_with_both_characters(data: bytes) -> None:
    desk = Desk().feed(data + GET)
    assert desk.statuses == [HTTPStatus.BAD_REQUEST]


@pytest.mark.parametrize("method", [b"BREW", b"get", b"G\x00T", b"GETT"])
def test_a_method_that_nobody_knows_is_refused(method: bytes) -> None:
    desk = Desk().feed(head(method + b" / HTTP/1.1", b"Host: a"))
    assert desk.statuses[0] in (HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.BAD_REQUEST)


@pytest.mark.parametrize(
    "chunks",
    [
        b"g\r\nabc\r\n0\r\n\r\n",
        b"-3\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r0\r\n\r\n",
        b"3;\x00\r\nabc\r\n0\r\n\r\n",
        b"3;a\nb\r\nabc\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX : y\r\n\r\n",
        b"3\r\nabc\r\n0\r\nX: y\n\r\n",
        b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n",
        b"3\r\nabc\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_chunks_have_one_form(chunks: bytes) -> None:
    desk = Desk().feed(head(b"POST / HTTP/1.1", b"Host: a", IN_CHUNKS) + chunks)
    assert desk.statuses == [HTTPStatus.BAD_REQUEST]
    assert not desk.only.is_complete


@given(st.binary(max_size=300))
def test_noise_is_refused_or_waited_for_and_nothing_else(noise: bytes) -> None:
    desk = Desk().feed(noise)
    assert not desk.ended or b"HTTP/" in noise or b"RTSP/" in noise or b"ICE/" in noise


@given(st.sampled_from(CONVERSATIONS), st.integers(0, 400), st.binary(max_size=4))
@example(H2C_CHUNKED, H2C_CHUNKED.index(b"ed\r\n"), b"")
def test_a_damaged_message_never_breaks_the_reader(message: bytes, place: int, damage: bytes) -> None:
    place %= len(message)
    Desk(tunnel=True).feed(message[:place] + damage + message[place + 1 :] + GET)
