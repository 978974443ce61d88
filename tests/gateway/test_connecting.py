"""Instances that cannot, or must not, be connected to."""

from __future__ import annotations

import asyncio
import socket

import pytest

from discovery.addresses import Forbidden
from discovery.errors import ConnectFailed, NeverSent
from discovery.instance import Instance
from services.gateway.request import Request
from services.gateway.response import Response
from services.gateway.wire import Wire

from .front import front
from .instances import Side, answer, raw_instance, says
from .waiting import DEADLINE, until

HELLO = answer(b"hello")
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


def at(address: str, port: int = 9) -> Instance:
    return Instance("bad-1", "web", address, port, ("urlprefix-/",))


async def outcome(instance: Instance, forbidden: Forbidden | None = None) -> Response | Exception:
    """What comes of one request for an instance, sent without the care that is taken before."""
    settled: asyncio.Future[Response | Exception] = asyncio.get_running_loop().create_future()
    wire = Wire(asyncio.get_running_loop().time, forbidden)
    wire.start(instance, Request(b"GET", b"/", b"host: a\r\n"), settled.set_result, hold=True)
    async with asyncio.timeout(DEADLINE):
        found = await settled
    assert wire.open <= 1
    await wire.aclose()
    assert wire.open == 0
    return found


@pytest.mark.parametrize(
    "address", ["a..b", "x" * 64 + ".invalid", "no such name", "256.256.256.256", "a\x00b", "\udc80"]
)
async def test_an_address_that_is_none_is_nobody_there(address: str, caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(await outcome(at(address)), NeverSent)
    assert address not in caplog.text


@pytest.mark.parametrize("port", [-1, 0, 65536, 1 << 40])
async def test_neither_is_one_behind_a_port_that_is_none(port: int) -> None:
    assert isinstance(await outcome(at("127.0.0.1", port)), NeverSent)


@pytest.mark.parametrize("hidden", ["127.1", "2130706433", "0x7f000001", "127.0.0.1", "::ffff:127.0.0.1"])
async def test_an_address_is_judged_by_what_it_leads_to(hidden: str) -> None:
    """Some are none for whoever reads the registry's answer, and loopback for whoever connects."""
    async with raw_instance(says(HELLO)) as web:
        port = web.instance.port
        assert isinstance(await outcome(at(hidden, port)), Response)
        for forbidden in (Forbidden(loopback=True), Forbidden(own=frozenset({("127.0.0.1", port)}))):
            failure = await outcome(at(hidden, port), forbidden)
            assert isinstance(failure, ConnectFailed)
            assert "must not be called" in str(failure)
        assert len(web.requests) == 1


async def test_a_port_that_nobody_listens_on_is_out_of_rotation_after_one_request() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        nobody = at("127.0.0.1", deaf.getsockname()[1])
        async with raw_instance(says(HELLO)) as web, front(web, nobody) as gateway:
            answers = [await gateway.ask(POST) for _ in range(10)]
            assert {each.body for each in answers} == {b"hello"}
            assert sum(bool(each.all(b"x-attempts")) for each in answers) <= 1


async def test_an_instance_that_hangs_up_before_it_is_asked_has_not_been_asked() -> None:
    async def hangs_up(side: Side) -> None:
        side.reset()

    async with raw_instance(hangs_up) as web, front(web) as gateway:
        for _ in range(20):
            assert (await gateway.ask(POST)).status in (502, 503)
        assert not web.requests
        await until(lambda: not gateway.wire.open)


async def test_one_that_accepts_nobody_costs_the_time_for_a_connection() -> None:
    """Its queue is full: the kernel lets further ones wait."""
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())
        async with raw_instance(says(HELLO)) as web, front(web, at(*full.getsockname())) as gateway:
            answers = [await gateway.ask(POST) for _ in range(6)]
            assert {each.body for each in answers} == {b"hello"}


async def test_an_instance_that_comes_later_is_found_without_a_restart() -> None:
    get = b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n"
    async with (
        raw_instance(says(HELLO), tags=("urlprefix-/early",)) as early,
        raw_instance(says(HELLO), name="late-1", service="late", tags=("urlprefix-/late",)) as late,
        front(early) as gateway,
    ):
        assert (await gateway.ask(get)).status == 404
        gateway.registry.list(early.instance, late.instance)
        await until(lambda: gateway.table.match("/late"))
        assert (await gateway.ask(get)).one(b"x-served-by") == b"late-1"
