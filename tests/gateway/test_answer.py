"""The answer as bytes: framed for the client's version, and never whole when it is not."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import pytest

from services.gateway.answer import Answer
from services.gateway.arrival import Arrival
from services.gateway.flow import EMPTY
from services.gateway.problems import Problem


class Written(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = b""
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.bytes += data

    def abort(self) -> None:
        self.is_aborted = True


class Case:
    """An answer, and the client that it depends on."""

    def __init__(self, *, method: bytes = b"GET", version: str = "1.1", closes: bool = False) -> None:
        arrival = Arrival(method, b"/", version, EMPTY, keep_alive=not closes)
        self.written = Written()
        self.writable: asyncio.Future[None] | None = None
        self.answer = Answer(arrival, self.written, self, closes=closes)

    def date(self) -> list[tuple[bytes, bytes]]:
        return [(b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")]


def test_a_whole_response_is_one_piece() -> None:
    case = Case()
    case.answer.respond(201, b"content-length: 2\r\nx-a: b\r\n", b"ok")
    assert case.written.bytes == b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-a: b\r\n\r\nok"
    assert case.answer.began
    assert case.answer.ended


def test_the_last_one_says_so() -> None:
    case = Case(closes=True)
    case.answer.respond(200, b"content-length: 2\r\n", b"ok")
    assert case.written.bytes == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@pytest.mark.parametrize("status", [299, 418, 499, 599])
def test_a_status_without_a_known_phrase_has_a_line_all_the_same(status: int) -> None:
    case = Case()
    case.answer.respond(status, b"content-length: 0\r\n", b"")
    assert case.written.bytes.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", 200), (b"GET", 304), (b"GET", 204)])
def test_some_have_no_body(method: bytes, status: int) -> None:
    case = Case(method=method)
    case.answer.respond(status, b"etag: x\r\n", b"never sent")
    assert case.written.bytes.endswith(b"etag: x\r\n\r\n")


async def test_a_body_of_unknown_length_is_chunked() -> None:
    case = Case()
    case.answer.begin(200, b"", None)
    await case.answer.write(b"one")
    await case.answer.write(b"x" * 16)
    case.answer.end()
    assert case.written.bytes == (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n10\r\nxxxxxxxxxxxxxxxx\r\n0\r\n\r\n"
    )
    assert case.answer.ended
    assert not case.answer.closes


async def test_http_1_0_gets_no_chunks_but_the_end_of_the_connection() -> None:
    case = Case(version="1.0")
    case.answer.begin(200, b"", None)
    await case.answer.write(b"one")
    case.answer.end()
    assert case.written.bytes == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\none"
    assert case.answer.closes


async def test_a_body_of_known_length_is_written_as_it_comes() -> None:
    case = Case()
    case.answer.begin(200, b"content-length: 6\r\n", 6)
    await case.answer.write(b"one")
    await case.answer.write(b"two")
    case.answer.end()
    assert case.written.bytes == b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nonetwo"


async def test_writing_waits_while_the_client_does_not_read() -> None:
    case = Case()
    case.answer.begin(200, b"content-length: 3\r\n", 3)
    case.writable = asyncio.get_running_loop().create_future()
    writing = asyncio.create_task(case.answer.write(b"one"))
    _, waiting = await asyncio.wait([writing], timeout=0.01)
    assert waiting
    case.writable.set_result(None)
    await writing


def test_a_body_that_broke_off_never_gets_its_last_chunk() -> None:
    case = Case()
    case.answer.begin(200, b"", None)
    case.answer.abort()
    assert case.written.is_aborted
    assert not case.written.bytes.endswith(b"0\r\n\r\n")
    assert case.answer.closes


def test_a_problem_is_a_document_with_a_date() -> None:
    case = Case()
    case.answer.say(Problem(HTTPStatus.NOT_FOUND, "nothing here"))
    head, _, body = case.written.bytes.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 404 Not Found",
        b"content-type: application/problem+json",
        b"content-length: %d" % len(body),
        b"date: Thu, 01 Jan 1970 00:00:00 GMT",
    ]


def test_a_problem_for_head_has_a_length_and_no_body() -> None:
    case = Case(method=b"HEAD")
    case.answer.say(Problem(HTTPStatus.NOT_FOUND, "nothing here"))
    assert case.written.bytes.endswith(b"GMT\r\n\r\n")
    assert b"content-length: " in case.written.bytes


def test_after_switching_the_connection_belongs_to_others() -> None:
    case = Case()
    case.answer.switch(b"upgrade: websocket\r\n")
    assert case.written.bytes == b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"
    assert case.answer.hands_over
