"""The parts of a drill: the load, the count, the processes, and when one of them serves."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import httpx2
import pytest

from discovery.drills.load import Load
from discovery.drills.process import Process
from discovery.drills.report import Report, Tally
from discovery.drills.settings import environment
from discovery.drills.stage import consul_settings, unregistered
from discovery.errors import DrillFailed
from discovery.instance import Health, Instance
from tests.discovery.processes import until
from tests.mesh.waiting import is_alive

STARTED = 1_795_400_000.0


def test_what_is_counted() -> None:
    tally = Tally()
    tally.answered("hello-2", 0.01)
    tally.answered("hello-1", 0.02)
    tally.answered("hello-2", 0.03)
    tally.failed("status 503", 0.5)
    assert tally.report() == Report(
        requests=4, failed=1, reasons={"status 503": 1}, worst=0.5, answered={"hello-1": 1, "hello-2": 2}
    )


def test_the_most_frequent_reason_comes_first() -> None:
    tally = Tally()
    for reason in ("a", "b", "b"):
        tally.failed(reason, 0.0)
    assert list(tally.report().reasons) == ["b", "a"]


class Service:
    """Answers what it is told to, and counts who waits for it."""

    def __init__(self, *answers: int | Exception) -> None:
        self.waiting = 0
        self.begun = 0
        self.open = asyncio.Event()
        self.open.set()
        self._answers = answers or (200,)

    async def __call__(self) -> httpx2.Response:
        answer = self._answers[self.begun % len(self._answers)]
        self.begun += 1
        self.waiting += 1
        try:
            await self.open.wait()
        finally:
            self.waiting -= 1
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer, extensions={"instance": "hello-1"})


@asynccontextmanager
async def load_on(service: Service, tally: Tally, expected: int = 200) -> AsyncIterator[Load]:
    load = Load(service, tally, expected=expected, rate=200)
    load.start()
    try:
        yield load
    finally:
        await load.aclose()


async def test_requests_begin_on_schedule_though_nobody_answers() -> None:
    service, tally = Service(), Tally()
    service.open.clear()
    async with load_on(service, tally) as load:
        await until(lambda: service.waiting >= 20)
        assert tally.requests == 0
        service.open.set()
        await load.stop()
    assert tally.report().failed == 0
    assert tally.report().answered == {"hello-1": service.begun}
    assert tally.report().worst >= 18 / 200  # the first has waited for as long as the others took to be sent


async def test_what_is_on_its_way_is_broken_off_when_nobody_waits_for_it() -> None:
    service, tally = Service(), Tally()
    service.open.clear()
    async with load_on(service, tally):
        await until(lambda: service.waiting >= 5)
    assert (service.waiting, tally.requests) == (0, 0)


async def test_more_returns_when_as_many_have_ended() -> None:
    service, tally = Service(), Tally()
    async with load_on(service, tally) as load:
        await load.more(0.1)
        assert tally.requests >= 20


async def test_why_requests_fail() -> None:
    service, tally = Service(503, httpx2.ConnectError("nobody"), ValueError("odd"), 204), Tally()
    async with load_on(service, tally, expected=204) as load:
        await until(lambda: tally.requests >= 8)
        await load.stop()
    report = tally.report()
    assert set(report.reasons) == {"status 503", "ConnectError: nobody", "ValueError: odd"}
    assert report.failed + report.answered["hello-1"] == report.requests


def entry(name: str = "hello-1", after: float = 0.25, health: Health = "passing") -> Instance:
    boot_id = f"{int((STARTED + after) * 1000):012x}" + "0123456789abcdef"
    return Instance(name, "hello", "127.0.0.1", 1, meta={"boot_id": boot_id}, health=health)


@pytest.mark.parametrize(
    ("listed", "missing"),
    [
        ([entry()], ""),
        ([entry("hello-2"), entry()], ""),
        ([entry(after=0.0)], ""),
        ([], "it has not registered (the registry knows nobody of its service)"),
        ([entry("x"), entry("hello-2")], "it has not registered (the registry knows hello-2, x of its service)"),
        ([entry(after=-60.0)], "it has not registered again"),
        ([entry(health="critical")], "the registry calls it critical"),
        ([Instance("hello-1", "hello", "127.0.0.1", 1)], "it has not registered again"),
    ],
)
def test_what_is_missing_until_it_serves(listed: list[Instance], missing: str) -> None:
    assert unregistered("hello-1", STARTED, listed) == missing


def test_what_is_drilled_is_told_of_no_other_registry() -> None:
    assert os.environ["PATH"] == environment({})["PATH"]
    assert not [name for name in environment({}) if name.startswith(("CONSUL_", "SERVICE_", "DEVAGENT_"))]
    assert environment({"SERVICE_ID": "hello-1"})["SERVICE_ID"] == "hello-1"


def test_our_own_registry_is_spoken_to_without_tls_and_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "elsewhere:1")
    monkeypatch.setenv("CONSUL_HTTP_SSL", "true")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "secret")
    monkeypatch.setenv("CONSUL_HTTP_TOKEN_FILE", "/nowhere")
    found = consul_settings(4711)
    assert (found.host, found.port, found.scheme, found.token()) == ("127.0.0.1", 4711, "http", None)


SLEEPS = "import time; time.sleep(3600)"
TWO = "import os, time; os.fork(); print(os.getpid(), flush=True); time.sleep(3600)"


@asynccontextmanager
async def running(directory: Path, code: str) -> AsyncIterator[Process]:
    argv = [sys.executable, "-I", "-S", "-c", code]
    process = Process("tiny", argv, port=0, environment=dict(os.environ), log=directory / "tiny.log")
    process.start()
    try:
        yield process
    finally:
        process.end()
    assert not process.is_running


def log_of(directory: Path) -> str:
    return (directory / "tiny.log").read_text()


async def test_a_process_that_is_told_to_end_is_no_surprise(tmp_path: Path) -> None:
    async with running(tmp_path, SLEEPS) as process:
        for number in (SIGSTOP, SIGCONT, SIGTERM):
            assert process.surprise() == ""
            process.signal(number)
        assert await process.ended() == -SIGTERM
        assert process.surprise() == ""
        with pytest.raises(DrillFailed, match="tiny does not run"):
            process.signal(SIGKILL)


async def test_a_process_that_ends_by_itself_is_one_and_is_quoted(tmp_path: Path) -> None:
    async with running(tmp_path, "print('so long'); raise SystemExit(3)") as process:
        assert await process.ended() == 3
        assert (
            process.surprise() == f"tiny ended by itself with 3; its log is {tmp_path}/tiny.log, and ends with: so long"
        )


async def test_a_process_that_is_held_is_ended_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, SLEEPS) as process:
        process.signal(SIGSTOP)
        assert await process.leave() == -SIGKILL


async def test_what_a_process_has_started_ends_with_it(tmp_path: Path) -> None:
    async with running(tmp_path, TWO):
        await until(lambda: len(log_of(tmp_path).splitlines()) == 2)
        pids = [int(line) for line in log_of(tmp_path).splitlines()]
        assert all(map(is_alive, pids))
    await until(lambda: not any(map(is_alive, pids)))


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    process = Process("tiny", ["/nowhere/at/all"], port=0, environment={}, log=tmp_path / "tiny.log")
    with pytest.raises(DrillFailed, match="/nowhere/at/all cannot be started"):
        process.start()
    process.end()
