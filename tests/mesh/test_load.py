"""The load engine against a real server: it keeps its schedule, and every request ends in exactly one answer."""

from __future__ import annotations

import asyncio
import socket
from time import monotonic

import pytest

from mesh.load import Load, post
from tests.mesh.backend import Answering, response, serving


async def run(answering: Answering, *, requests: int, rate: float = 200, timeout: float = 10.0) -> Load:
    """Load a server until it was asked often enough, and stop."""
    async with serving(answering) as backend:
        load = Load("127.0.0.1", backend.port, rate=rate, request=post("127.0.0.1", backend.port), timeout=timeout)
        await load.start()
        async with asyncio.timeout(30):
            while backend.requests < requests:
                await asyncio.sleep(0.01)
        await load.stop()
    return load


async def test_reports_who_answered_and_what_needed_another_attempt() -> None:
    async def answering(number: int) -> bytes:
        retried = "X-Attempts: 2\r\n" if number == 3 else ""
        return response(headers=f"X-Served-By: echo-{number % 2}\r\n{retried}")

    report = (await run(answering, requests=10)).report()
    assert report.failed == 0
    assert report.failures == {}
    assert sum(report.answered.values()) == report.requests >= 10
    assert set(report.answered) == {"echo-0", "echo-1"}
    assert report.retried == 1


async def test_connections_are_used_again() -> None:
    async def answering(_: int) -> bytes:
        return response()

    async with serving(answering) as backend:
        load = Load("127.0.0.1", backend.port, rate=50, request=post("127.0.0.1", backend.port))
        await load.start()
        async with asyncio.timeout(30):
            while len(load.answers) < 20:
                await asyncio.sleep(0.01)
        await load.stop()
        assert backend.connections < backend.requests / 2


async def test_a_stalled_server_shows_in_the_latency_of_everything_that_was_due_meanwhile() -> None:
    stall = 0.5
    woken = asyncio.Event()

    async def answering(number: int) -> bytes:
        if number == 20:
            asyncio.get_running_loop().call_later(stall, woken.set)
        if number >= 20:
            await woken.wait()
        return response()

    load = await run(answering, requests=130, rate=200)
    due_in_the_stall = [answer for answer in load.answers if answer.latency > stall / 2]
    assert len(due_in_the_stall) >= 200 * stall / 2 * 0.9
    assert load.report().worst_ms is not None
    assert load.report().worst_ms >= stall * 1000 * 0.9  # type: ignore[operator]


async def test_requests_are_sent_while_none_is_answered() -> None:
    async def never(_: int) -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    load = await run(never, requests=20, timeout=0.3)
    assert load.report().failures == {"hang": load.report().requests}
    assert all(answer.latency >= 0.3 for answer in load.answers)


async def test_more_requests_than_connections_wait_and_are_answered() -> None:
    async def slowly(_: int) -> bytes:
        await asyncio.sleep(0.05)
        return response()

    async with serving(slowly) as backend:
        load = Load("127.0.0.1", backend.port, rate=400, request=post("127.0.0.1", backend.port), at_once=4)
        await load.start()
        async with asyncio.timeout(30):
            while backend.requests < 20:
                await asyncio.sleep(0.01)
        report = await load.stop()
        assert backend.connections <= 4
    assert report.failed == 0
    assert report.requests == len(load.answers) >= 20


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (response(status=503), "status 503"),
        (response(status=404), "status 404"),
        (None, "broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nonly this", "hang"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "broken"),
    ],
)
async def test_failures_are_told_apart(said: bytes | None, kind: str) -> None:
    async def answering(_: int) -> bytes | None:
        return said

    report = (await run(answering, requests=5, timeout=0.3)).report()
    assert report.failures == {kind: report.requests}
    assert report.failed == report.requests


async def test_a_response_cut_off_in_the_middle_is_broken() -> None:
    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        writer.close()

    server = await asyncio.start_server(cut_off, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        load = Load("127.0.0.1", port, rate=100, request=post("127.0.0.1", port))
        await load.start()
        async with asyncio.timeout(30):
            while len(load.answers) < 3:
                await asyncio.sleep(0.01)
        report = await load.stop()
    assert report.failures == {"broken": report.requests}


async def test_a_refused_connection_is_told_apart_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    load = Load("127.0.0.1", port, rate=100, request=post("127.0.0.1", port))
    await load.start()
    async with asyncio.timeout(30):
        while len(load.answers) < 3:
            await asyncio.sleep(0.01)
    report = await load.stop()
    assert report.failures == {"refused": report.requests}


async def test_an_interim_response_is_not_taken_for_the_answer() -> None:
    async def answering(_: int) -> bytes:
        return b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(status=500)

    report = (await run(answering, requests=3)).report()
    assert report.failures == {"status 500": report.requests}


async def test_a_response_that_closes_is_followed_by_a_new_connection() -> None:
    async def answering(_: int) -> bytes:
        return response(headers="Connection: close\r\n")

    async with serving(answering) as backend:
        load = Load("127.0.0.1", backend.port, rate=100, request=post("127.0.0.1", backend.port))
        await load.start()
        async with asyncio.timeout(30):
            while len(load.answers) < 5:
                await asyncio.sleep(0.01)
        report = await load.stop()
        assert backend.connections == backend.requests
    assert report.failed == 0


async def test_the_schedule_is_kept_in_requests_for_each_second() -> None:
    async def answering(_: int) -> bytes:
        return response()

    began = monotonic()
    load = await run(answering, requests=100, rate=100)
    due = sorted(answer.scheduled_at for answer in load.answers)
    assert due[0] - began < 30
    assert due[99] - due[0] == pytest.approx(0.99, abs=0.001)


@pytest.mark.parametrize("path", ["encrypt", "/with space", "/line\r\nbreak", "/ümlaut", ""])
def test_a_path_that_would_break_the_request_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        post("127.0.0.1", 1, path)
