"""The supervisor with real processes: it starts again what ends, leaves down what it is told to, and leaves nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from mesh.errors import NoSuchInstance
from mesh.keeper import Event, pause_after
from mesh.ports import free_port, is_free
from mesh.program import GATEWAY, REGISTRY, SERVICE
from mesh.supervisor import Running, Supervisor
from tests.mesh.programs import DEAF, FAILING, LISTENER, SLEEPER, TELLS_WHEN_IT_ENDS, program
from tests.mesh.waiting import is_alive, until


@asynccontextmanager
async def supervising(
    directory: Path, events: list[Event] | None = None, *, grace: float = 30.0
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(directory, (events if events is not None else []).append, grace=grace)
    try:
        yield supervisor
    finally:
        supervisor.hurry()
        await supervisor.close()


def only(supervisor: Supervisor) -> Running:
    (one,) = supervisor.running()
    return one


async def started(supervisor: Supervisor, *, other_than: int | None = None) -> int:
    """Wait until the only program runs, as another process than the one named."""
    await until(lambda: only(supervisor).pid not in (None, other_than))
    pid = only(supervisor).pid
    assert pid is not None
    return pid


async def said(directory: Path, word: str, *, instance: str = "tiny-1") -> None:
    """Wait until a program has said so in its log: it is then past its own preparations."""
    log = directory / f"{instance}.log"
    await until(lambda: log.exists() and word in log.read_text())


async def test_what_is_killed_by_anybody_starts_again(tmp_path: Path) -> None:
    events: list[Event] = []
    async with supervising(tmp_path, events) as supervisor:
        supervisor.add(program(SLEEPER))
        first = await started(supervisor)
        os.kill(first, signal.SIGKILL)
        second = await started(supervisor, other_than=first)
        assert is_alive(second)
        assert not is_alive(first)
    assert [event.kind for event in events][:3] == ["started", "ended", "restarted"]
    assert events[1].detail.startswith("SIGKILL after ")


async def test_what_has_lived_for_a_while_starts_again_without_a_pause(tmp_path: Path) -> None:
    events: list[Event] = []
    async with supervising(tmp_path, events) as supervisor:
        supervisor.add(program(SLEEPER))
        first = await started(supervisor)
        await asyncio.sleep(2.1)
        os.kill(first, signal.SIGKILL)
        await started(supervisor, other_than=first)
        assert only(supervisor).short_lives == 0


async def test_what_cannot_live_is_started_again_ever_more_slowly(tmp_path: Path) -> None:
    events: list[Event] = []
    async with supervising(tmp_path, events) as supervisor:
        supervisor.add(program(FAILING))
        began = monotonic()
        await until(lambda: only(supervisor).starts >= 3)
        assert monotonic() - began >= pause_after(1) + pause_after(2)
        assert only(supervisor).last_end == "exit code 3"


def test_pauses_double_up_to_five_seconds() -> None:
    assert [pause_after(lives) for lives in (0, 1, 2, 3, 4, 5, 6, 10_000)] == [0, 0.25, 0.5, 1, 2, 4, 5, 5]


async def test_killed_on_purpose_stays_down_until_it_is_restarted(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        supervisor.add(program(SLEEPER))
        first = await started(supervisor)
        assert supervisor.signal("tiny-1", signal.SIGKILL)
        await until(lambda: only(supervisor).state == "down")
        await asyncio.sleep(pause_after(1) * 2)
        assert only(supervisor).pid is None
        second = await supervisor.restart("tiny-1")
        assert second != first
        assert is_alive(second)
        assert only(supervisor).state == "running"


async def test_killed_on_purpose_while_it_waits_to_be_started_again_stays_down_too(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        supervisor.add(program(FAILING))
        await until(lambda: only(supervisor).state == "waiting" and only(supervisor).short_lives >= 2)
        assert not supervisor.signal("tiny-1", signal.SIGTERM)
        await until(lambda: only(supervisor).state == "down")


async def test_restart_ends_what_runs_and_starts_another(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        supervisor.add(program(SLEEPER))
        first = await started(supervisor)
        second = await supervisor.restart("tiny-1")
        assert second != first
        assert not is_alive(first)
        assert only(supervisor).pid == second


async def test_restart_does_not_wait_for_one_that_was_stopped(tmp_path: Path) -> None:
    async with supervising(tmp_path, grace=3600) as supervisor:
        supervisor.add(program(SLEEPER))
        first = await started(supervisor)
        supervisor.signal("tiny-1", signal.SIGSTOP)
        assert only(supervisor).state == "running"
        async with asyncio.timeout(30):
            second = await supervisor.restart("tiny-1")
        assert not is_alive(first)
        assert is_alive(second)


async def test_a_stopped_one_that_dies_later_is_started_again(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        supervisor.add(program(SLEEPER))
        first = await started(supervisor)
        supervisor.signal("tiny-1", signal.SIGSTOP)
        os.kill(first, signal.SIGKILL)
        await started(supervisor, other_than=first)


async def test_one_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    async with supervising(tmp_path, grace=0.2) as supervisor:
        supervisor.add(program(DEAF))
        first = await started(supervisor)
        await said(tmp_path, "deaf")
        await supervisor.restart("tiny-1")
        assert not is_alive(first)


async def test_a_port_is_kept_over_restarts(tmp_path: Path) -> None:
    port = free_port()
    async with supervising(tmp_path) as supervisor:
        supervisor.add(program(LISTENER, port=port, variable="PORT"))
        await until(lambda: not is_free(port))
        await supervisor.restart("tiny-1")
        await until(lambda: not is_free(port))
        assert only(supervisor).port == port


async def test_a_port_that_somebody_else_took_is_given_up(tmp_path: Path) -> None:
    port = free_port()
    async with supervising(tmp_path) as supervisor:
        supervisor.add(program(LISTENER, port=port, variable="PORT"))
        await until(lambda: not is_free(port))
        supervisor.signal("tiny-1", signal.SIGKILL)
        await until(lambda: only(supervisor).state == "down")
        with socket.create_server(("127.0.0.1", port)):
            await supervisor.restart("tiny-1")
            other = only(supervisor).port
            assert other != port
            await until(lambda: not is_free(other))


async def test_a_port_that_others_count_on_is_never_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with supervising(tmp_path) as supervisor:
            supervisor.add(program(SLEEPER, port=port))
            await started(supervisor)
            assert only(supervisor).port == port


async def test_everything_ends_in_order(tmp_path: Path) -> None:
    book = tmp_path / "book"
    ranks = {"registry": REGISTRY, "gateway": GATEWAY, "echo": SERVICE}
    supervisor = Supervisor(tmp_path, lambda _: None)
    for name, rank in ranks.items():
        supervisor.add(program(TELLS_WHEN_IT_ENDS, str(book), name, instance=name, rank=rank))
    for name in ranks:
        await said(tmp_path, "ready", instance=name)
    await supervisor.close()
    assert book.read_text().split() == ["echo", "gateway", "registry"]
    assert supervisor.running() == []


async def test_in_a_hurry_nobody_is_waited_for(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda _: None, grace=3600)
    supervisor.add(program(DEAF))
    await said(tmp_path, "deaf")
    closing = asyncio.create_task(supervisor.close())
    await asyncio.sleep(0.1)
    assert not closing.done()
    supervisor.hurry()
    async with asyncio.timeout(30):
        await closing


async def test_logs_are_for_their_owner_only(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        supervisor.add(program(DEAF))
        await said(tmp_path, "deaf")
        assert (tmp_path / "tiny-1.log").stat().st_mode & 0o777 == 0o600


async def test_nobody_is_restarted_who_is_not_known(tmp_path: Path) -> None:
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(NoSuchInstance, match="echo-9"):
            await supervisor.restart("echo-9")


async def test_a_killed_supervisor_leaves_no_process_and_no_port(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.mesh.supervising", str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).decode() for _ in range(3)]
    await said(tmp_path, "listening", instance="listener-1")
    await said(tmp_path, "deaf", instance="deaf-1")
    pids, ports = zip(*(map(int, re.findall(r"\d+", line)) for line in lines), strict=True)
    assert all(map(is_alive, pids))
    process.kill()
    await process.communicate()
    await until(lambda: not any(map(is_alive, pids)))
    assert all(is_free(port) for port in ports if port)
