"""What a probe finds on real ports."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest

from discovery.addresses import Forbidden
from discovery.identity import HEADER
from discovery.instance import Instance
from discovery.probe import Probe, Verdict
from tests.fakes.http_server import Behaviour, closed_port, closes, drips, hangs, resets, response, sends, tiny_server
from tests.fakes.instances import BOOT, NEWER_BOOT, instance, says

QUICK = 0.3
"""Seconds that a probe waits here: long for a loopback answer, short for a test that waits it out."""


def named(who: Instance, status: int = 200) -> bytes:
    return response("ok", status, **{HEADER.replace("-", "_"): says(who)})


async def found(behave: Behaviour, who: Instance | None = None, *, timeout: float = 10.0) -> Verdict:
    async with tiny_server(behave) as server:
        return await asked(replace(who or instance(), address="127.0.0.1", port=server.port), timeout)


async def asked(who: Instance, timeout: float = 10.0) -> Verdict:
    async with probe(timeout) as asking:
        return await asking.ask(who)


@asynccontextmanager
async def probe(timeout: float = 10.0) -> AsyncIterator[Probe]:
    asking = Probe(timeout=timeout)
    try:
        yield asking
    finally:
        await asking.aclose()


async def test_the_instance_itself_answers() -> None:
    assert await found(sends(named(instance()))) is Verdict.ANSWERS


async def test_so_does_its_successor() -> None:
    assert await found(sends(named(instance(boot=NEWER_BOOT)))) is Verdict.ANSWERS


@pytest.mark.parametrize("who", [sends(response("ok")), sends(named(instance("other-1"))), sends(response("no", 404))])
async def test_somebody_else_is_a_stranger(who: Behaviour) -> None:
    assert await found(who) is Verdict.STRANGER


@pytest.mark.parametrize("status", [500, 503, 404, 302])
async def test_one_that_answers_but_not_well_is_as_good_as_silent(status: int) -> None:
    assert await found(sends(named(instance(), status))) is Verdict.SILENT


@pytest.mark.parametrize(
    "behave", [closes, resets, sends(b"\x00nonsense\r\n\r\n"), sends(b"SSH-2.0-x\r\n", close=True)]
)
async def test_one_that_does_not_speak_http_is_silent(behave: Behaviour) -> None:
    assert await found(behave) is Verdict.SILENT


async def test_one_that_does_not_answer_in_time_is_silent() -> None:
    assert await found(hangs, timeout=QUICK) is Verdict.SILENT


async def test_one_that_drips_is_not_listened_to_for_ever() -> None:
    async with asyncio.timeout(30):
        assert await found(drips(named(instance()), pause=QUICK / 3), timeout=QUICK) is Verdict.SILENT


async def test_an_endless_body_does_no_harm() -> None:
    async def endless(_: object, writer: asyncio.StreamWriter) -> None:
        writer.write(named(instance()).replace(b"content-length: 2", b"content-length: 999999999999"))
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with asyncio.timeout(30):
        assert await found(endless) is Verdict.ANSWERS


async def test_nobody_listens() -> None:
    assert await asked(instance(address="127.0.0.1", port=closed_port())) is Verdict.REFUSED
    assert await asked(instance(address="127.0.0.1", port=closed_port(), boot="")) is Verdict.REFUSED


async def test_one_of_others_only_has_to_take_a_connection() -> None:
    async with tiny_server(hangs) as server:
        assert await asked(instance(address="127.0.0.1", port=server.port, boot="")) is Verdict.ANSWERS
        assert server.requests == []


@pytest.mark.parametrize("boot", ["", NEWER_BOOT])
@pytest.mark.parametrize("address", ["nowhere.invalid", "a" * 70, "x..y", "\x00", "[::1", "ü" * 300])
async def test_an_address_that_cannot_be_had_proves_nothing(address: str, boot: str) -> None:
    assert await asked(instance(address=address, boot=boot)) is Verdict.SILENT


@contextmanager
def no_file_descriptors() -> Iterator[None]:
    """This process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[socket.socket] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        while True:
            try:
                taken.append(socket.socket())
            except OSError:
                break
        yield
    finally:
        for each in taken:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("boot", ["", NEWER_BOOT])
async def test_our_own_limits_are_no_proof_against_anybody(boot: str) -> None:
    port = closed_port()
    async with probe() as asking:
        with no_file_descriptors():
            verdict = await asking.ask(instance(address="127.0.0.1", port=port, boot=boot))
        assert verdict is Verdict.SILENT


async def test_each_question_has_a_connection_of_its_own() -> None:
    async with tiny_server(sends(named(instance()))) as server, probe() as asking:
        who = instance(address="127.0.0.1", port=server.port)
        for _ in range(3):
            assert await asking.answers(who)
        assert server.connections == 3
        assert {each.target for each in server.requests} == {"/livez"}


@pytest.mark.parametrize(
    ("behave", "live"),
    [
        (sends(response("ok")), True),
        (sends(response("", 204)), True),
        (sends(response("no", 503)), False),
        (closes, False),
    ],
)
async def test_a_health_check_that_would_pass(behave: Behaviour, live: bool) -> None:
    async with tiny_server(behave) as server, probe() as asking:
        assert await asking.is_live(server.url + "/livez") is live


async def test_a_health_check_that_cannot_be_asked_does_not_pass() -> None:
    async with probe() as asking:
        assert not await asking.is_live(f"http://127.0.0.1:{closed_port()}/livez")
        assert not await asking.is_live("http://[broken/livez")


@pytest.mark.parametrize("boot", [BOOT, ""], ids=["ours", "foreign"])
@pytest.mark.parametrize("address", ["localhost", "127.0.0.1"])
async def test_a_name_is_judged_by_where_it_leads(boot: str, address: str) -> None:
    who = instance(boot=boot)
    async with tiny_server(sends(named(who))) as server:
        there = replace(who, address=address, port=server.port)
        for forbidden, verdict in ((Forbidden(), Verdict.ANSWERS), (Forbidden(loopback=True), Verdict.SILENT)):
            before = len(server.requests)
            asking = Probe(forbidden, timeout=10.0)
            assert await asking.ask(there) is verdict
            await asking.aclose()
            assert len(server.requests) - before == (verdict is Verdict.ANSWERS and bool(boot))
