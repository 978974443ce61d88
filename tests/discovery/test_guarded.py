"""HTTP as httpx2 speaks it, on connections that are judged by where they lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from discovery.addresses import Forbidden
from discovery.errors import ConnectFailed
from discovery.exchange import attempt
from discovery.guarded import GuardedTransport, judge
from tests.fakes.http_server import closed_port, closes, hangs, response, sends, tiny_server
from tests.fakes.instances import instance


@asynccontextmanager
async def guarded(forbidden: Forbidden | None = None, *, keep: int | None = None) -> AsyncIterator[GuardedTransport]:
    transport = GuardedTransport(forbidden or Forbidden(), max_keepalive_connections=keep)
    try:
        yield transport
    finally:
        await transport.aclose()


async def test_what_may_be_called_is_called_and_the_connection_kept() -> None:
    async with tiny_server(sends(response("hello", x_a="b"))) as server, guarded() as transport:
        async with httpx2.AsyncClient(transport=transport) as http:
            for _ in range(3):
                got = await http.post(server.url + "/a?b=c", content=b"body")
                assert (got.status_code, got.text, got.headers["x-a"]) == (200, "hello", "b")
        assert server.connections == 1
        assert {(each.target, each.body) for each in server.requests} == {("/a?b=c", b"body")}


async def test_connections_are_not_kept_by_who_does_not_want_it() -> None:
    async with tiny_server(sends(response("hello"))) as server, guarded(keep=0) as transport:
        async with httpx2.AsyncClient(transport=transport) as http:
            for _ in range(3):
                await http.get(server.url)
        assert server.connections == 3


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.1"])
async def test_a_name_that_leads_where_it_must_not_is_not_sent_a_byte(address: str) -> None:
    async with tiny_server(sends(response("hello"))) as server, guarded(Forbidden(loopback=True)) as transport:
        who = instance(address=address, port=server.port)
        request = httpx2.Request("GET", "http://web/")
        with pytest.raises(ConnectFailed, match="must not be called: loopback"):
            await attempt(transport, request, who, hold=True, closing=set())
        assert server.requests == []


async def test_nor_is_the_registry_or_a_listener_of_ours_on_every_address() -> None:
    async with tiny_server(sends(response("hello"))) as server:
        for forbidden in (
            Forbidden(registry={("127.0.0.1", server.port)}),
            Forbidden(own=frozenset({("", server.port)})),
        ):
            async with guarded(forbidden) as transport:
                with pytest.raises(ConnectFailed):
                    await transport.handle_async_request(httpx2.Request("GET", server.url))
        assert server.requests == []


def test_a_connection_that_is_gone_before_it_can_be_looked_at_is_none() -> None:
    with pytest.raises(ConnectFailed):
        judge(Forbidden(), None, ("127.0.0.1", 1))


async def test_errors_are_those_of_httpx2() -> None:
    async with guarded() as transport, httpx2.AsyncClient(transport=transport) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.get(f"http://127.0.0.1:{closed_port()}")
        async with tiny_server(closes) as server:
            with pytest.raises(httpx2.RemoteProtocolError):
                await http.get(server.url)
        async with tiny_server(hangs) as server:
            with pytest.raises(httpx2.ReadTimeout):
                await http.get(server.url, timeout=0.1)


async def test_also_in_the_middle_of_a_body() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"
    async with (
        tiny_server(sends(half, close=True)) as server,
        guarded() as transport,
        httpx2.AsyncClient(transport=transport) as http,
        http.stream("GET", server.url) as got,
    ):
        with pytest.raises(httpx2.RemoteProtocolError):
            await got.aread()


async def test_nothing_is_left_of_what_nobody_reads() -> None:
    async with tiny_server(sends(response("hello"))) as server, guarded() as transport:
        got = await transport.handle_async_request(httpx2.Request("GET", server.url))
        await got.aclose()
        before = asyncio.all_tasks()
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() <= before
