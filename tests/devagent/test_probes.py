"""What a check makes of servers that behave, and of those that do not."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from discovery.devagent.entries import Check
from discovery.devagent.fetch import MAX_BODY, MAX_READ
from discovery.devagent.probes import probe
from tests.devagent.values import check

OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def says(*parts: bytes, then_hold: bool = False) -> AsyncIterator[Check]:
    """A check on a server that reads a request, says these parts, and closes or holds the connection."""
    connected = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        try:
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
            if then_hold:
                await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield replace(check("c"), target=f"http://127.0.0.1:{port}/x?y=1", port=port, timeout=30.0)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("parts", "status", "output"),
    [
        ([OK + b"Content-Length: 2\r\n\r\nok"], "passing", "200 OK Output: ok"),
        ([OK + b"\r\nok, until the end"], "passing", "200 OK Output: ok, until the end"),
        ([OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"], "passing", "200 OK Output: ok"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 2\r\n\r\nok"], "passing", "200 OK Output: ok"),
        ([b"H", b"TTP/1.0 20", b"0 OK\r\n\r", b"\nok"], "passing", "200 OK Output: ok"),
        ([OK + b"Content-Length: 2\r\n\r\nok, and more"], "passing", "200 OK Output: ok"),
        ([OK + b"Content-Length: 2\r\n\r\n\xff\xfe"], "passing", "200 OK Output: \ufffd\ufffd"),
        ([b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"], "passing", "200 OK Output: "),
        ([b"HTTP/1.1 299 Own\r\nContent-Length: 0\r\n\r\n"], "passing", "299 Own Output: "),
        ([b"HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n"], "passing", "299 Output: "),
        ([b"HTTP/1.1 302 Found\r\nLocation: http://example/\r\n\r\n"], "critical", "302 Found Output: "),
    ],
)
async def test_a_server_that_answers(parts: list[bytes], status: str, output: str) -> None:
    async with says(*parts) as one:
        verdict = await probe(one)
    assert verdict.status == status
    assert verdict.output == f"HTTP GET {one.target}: {output}"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([], "EOF"),
        ([b"HTTP/1.1 200 OK\r\nContent-"], "EOF"),
        ([b"220 mail ready\r\n"], "malformed HTTP response"),
        ([b"\x16\x03\x01\x00\x00"], "malformed HTTP response"),
        ([OK + b"Content-Length: x\r\n\r\n"], "malformed HTTP response"),
    ],
)
async def test_a_server_that_does_not_speak_http(parts: list[bytes], why: str) -> None:
    async with says(*parts) as one:
        verdict = await probe(one)
    assert verdict.status == "critical"
    assert verdict.output == f'Get "{one.target}": {why}'


async def test_of_a_body_that_does_not_end_only_the_beginning_is_read() -> None:
    async with says(OK + b"\r\n", *[b"x" * 1024] * 1024, then_hold=True) as one:
        verdict = await probe(one)
    assert verdict.status == "passing"
    assert verdict.output.count("x") == MAX_BODY + 1  # and the one in the URL


async def test_a_head_that_does_not_end_is_no_answer() -> None:
    async with says(OK, *[b"X-Padding: " + b"x" * 1000 + b"\r\n"] * (2 * MAX_READ // 1000), then_hold=True) as one:
        verdict = await probe(one)
    assert verdict.status == "critical"


async def test_a_server_that_drips_has_no_more_time_than_another() -> None:
    async with says(OK + b"Content-Length: 9\r\n\r\nok", then_hold=True) as one:
        verdict = await probe(replace(one, timeout=0.2))
    assert verdict.status == "critical"
    assert "deadline exceeded" in verdict.output


async def test_a_name_that_leads_nowhere_is_critical() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        one = replace(check("c"), target=f"http://localhost:{port}/", host="localhost", port=port)
        verdict = await probe(one)
    assert verdict.status == "critical"
    assert verdict.output == f'Get "{one.target}": dial tcp localhost:{port}: connect: connection refused'


async def test_a_connection_that_is_reset_is_critical() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asking = asyncio.create_task(probe(replace(check("c"), port=port, timeout=30.0)))
        connection, _ = await asyncio.to_thread(server.accept)
        at_once = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        connection.close()
        verdict = await asking
    assert verdict.status == "critical"
    assert verdict.output.endswith(f"read tcp 127.0.0.1:{port}: connection reset by peer")


async def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert os.environ["HTTP_PROXY"]
    async with says(OK + b"Content-Length: 0\r\n\r\n") as one:
        assert (await probe(one)).status == "passing"


async def test_a_tcp_check_that_waits_too_long() -> None:
    """A full queue of connections that nobody accepts: the next one gets no answer."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        port = busy.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        one = replace(check("c"), kind="tcp", target=f"127.0.0.1:{port}", port=port, timeout=0.2)
        verdict = await probe(one)
        for each in waiting:
            each.close()
    assert verdict == ("critical", f"dial tcp 127.0.0.1:{port}: i/o timeout")
