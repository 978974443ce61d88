"""The order of an instance's life, and that nothing about being found can keep it from living or ending."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import uvicorn

from discovery.errors import ListenError, RegistryUnreachable
from discovery.server import WITHDRAWAL, Server, companion, signals_end_the_process
from discovery.sockets import bind
from tests.discovery.processes import DEADLINE, answer
from tests.discovery.served import app
from tests.fakes.enrolment import FakeEnrolment


def configuration() -> uvicorn.Config:
    return uvicorn.Config(app, log_config=None, access_log=False, http="httptools", timeout_graceful_shutdown=5)


@dataclass(slots=True)
class Running:
    """A server in this process, and what it does about being found."""

    server: Server
    enrolment: FakeEnrolment
    listening: socket.socket
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/hello"

    async def until(self, step: str) -> None:
        async with asyncio.timeout(DEADLINE):
            while step not in self.enrolment.done:
                await asyncio.sleep(0.01)

    async def ended(self) -> None:
        self.server.should_exit = True
        async with asyncio.timeout(DEADLINE):
            await self.task


@asynccontextmanager
async def running(enrolment: FakeEnrolment | None = None, *, linger: float = 0.2) -> AsyncIterator[Running]:
    enrolment = enrolment or FakeEnrolment()
    listening = bind("127.0.0.1", 0)
    server = Server(configuration(), enrolment, linger=linger, on_leaving=lambda: enrolment.done.append("leaving"))
    task = asyncio.create_task(server.serve([listening]))
    found = Running(server, enrolment, listening, task)
    try:
        yield found
    finally:
        server.force_exit = True
        await found.ended()


async def test_it_registers_only_once_the_port_answers() -> None:
    enrolment = FakeEnrolment()
    async with running(enrolment) as at:
        seen = []

        async def look() -> None:
            seen.append(await answer(at.url))

        enrolment.on_keep = look
        await at.until("keep")
        assert seen[0] is not None
        assert seen[0].text == "hello"


async def test_it_leaves_the_registry_first_and_answers_on() -> None:
    enrolment = FakeEnrolment()
    async with running(enrolment, linger=1.0) as at:
        seen = []

        async def look() -> None:
            seen.append(await answer(at.url))

        enrolment.on_withdraw = look
        await at.until("keep")
        at.server.should_exit = True
        await at.until("withdrawn")
        seen.append(await answer(at.url))
        await at.ended()
        assert [each and each.text for each in seen] == ["hello", "hello"]
        assert seen[1] is not None
        assert seen[1].headers["connection"] == "close"
    assert enrolment.done == ["keep", "leaving", "kept", "withdraw", "withdrawn"]


async def test_a_registry_that_is_away_does_not_keep_it_from_ending() -> None:
    async def fail() -> None:
        raise RegistryUnreachable("down")

    async with running() as at:
        at.enrolment.on_withdraw = fail
        await at.until("keep")
        await at.ended()


async def test_a_registry_that_hangs_keeps_it_for_two_seconds_only() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    async with running(linger=0) as at:
        at.enrolment.on_withdraw = hang
        await at.until("keep")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await at.ended()
        assert loop.time() - began >= WITHDRAWAL


async def test_a_bug_in_keeping_is_noticed_and_outlived(caplog: pytest.LogCaptureFixture) -> None:
    enrolment = FakeEnrolment()
    enrolment.trouble = [ZeroDivisionError("a bug")]
    async with running(enrolment) as at:
        async with asyncio.timeout(DEADLINE):
            while enrolment.done.count("keep") < 2:
                await asyncio.sleep(0.01)
        assert any(each.exc_info and each.exc_info[0] is ZeroDivisionError for each in caplog.records)
        assert await answer(at.url) is not None
        await at.ended()
    assert enrolment.done[-1] == "withdrawn"


async def test_a_bug_in_withdrawing_does_not_keep_it_from_ending() -> None:
    async def fail() -> None:
        raise ZeroDivisionError("a bug")

    async with running() as at:
        at.enrolment.on_withdraw = fail
        await at.until("keep")
        await at.ended()


async def test_told_to_end_before_it_has_begun_it_leaves_in_order() -> None:
    async with running() as at:
        await at.ended()
    assert at.enrolment.done in (["leaving"], ["leaving", "withdraw", "withdrawn"])


async def test_a_port_that_another_took_meanwhile_is_said() -> None:
    """Both may bind it while neither listens."""
    with socket.socket() as other, bind("127.0.0.1", 0) as listening:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(listening.getsockname())
        other.listen()
        server = Server(configuration(), FakeEnrolment(), linger=0)
        with pytest.raises(ListenError, match="in use"):
            await server.serve([listening])


async def test_a_companion_serves_for_as_long_as_the_context_lasts() -> None:
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/hello"
    before = signal.getsignal(signal.SIGTERM)
    async with companion(configuration(), listening):
        async with asyncio.timeout(DEADLINE):
            while (found := await answer(url)) is None:
                await asyncio.sleep(0.01)
        assert found.text == "hello"
        assert signal.getsignal(signal.SIGTERM) is before
    assert await answer(url) is None


def test_signals_end_the_process_with_success_and_only_while_told_so() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, signals_end_the_process():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 0
    assert signal.getsignal(signal.SIGTERM) is before
