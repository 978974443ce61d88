"""`python -m discovery.devagent`: how it starts, how it does not, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM, Signals

import httpx2
import psutil
import pytest

from mesh.registry import wait_until_ready
from tests.contract.asking import eventually
from tests.registries import DEADLINE, Registry

MODULE = [sys.executable, "-m", "discovery.devagent"]


def run(**settings: str) -> subprocess.CompletedProcess[str]:
    """To its end, which is to come soon."""
    return subprocess.run(
        MODULE, env={**os.environ, **settings}, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


@contextmanager
def running(**settings: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(MODULE, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def url_of(process: subprocess.Popen[str]) -> str:
    """From the line that it logs at the start."""
    assert process.stderr is not None
    for line in process.stderr:
        if "url" in (said := json.loads(line)):
            return str(said["url"])
    raise AssertionError("it ended without a word")


@pytest.mark.parametrize("signal", [SIGTERM, SIGINT])
async def test_it_ends_at_once_and_answers_those_who_wait(signal: Signals) -> None:
    registry = Registry("embedded")
    await registry.start()
    try:
        async with httpx2.AsyncClient(base_url=registry.url, timeout=DEADLINE, trust_env=False, verify=False) as http:
            await http.put("/v1/agent/service/register", json={"Name": "a"})
            index = (await http.get("/v1/health/service/a")).headers["x-consul-index"]
            paths = [f"/v1/health/service/a?index={index}&wait=10m"] * 20 + ["/ui/events"]
            at_rest = psutil.Process(registry.pid).num_fds()
            waiting = [asyncio.create_task(http.get(path)) for path in paths]

            async def all_wait() -> bool:
                return psutil.Process(registry.pid).num_fds() >= at_rest + 20

            await eventually(all_wait)
            for _ in range(5):  # connected is not asked yet: let the questions arrive
                await http.get("/v1/status/leader")
            assert not any(each.done() for each in waiting)
            assert await registry.stop(signal) == 0
            assert {(await each).status_code for each in waiting} == {200}
    finally:
        registry.kill()


async def test_a_check_that_hangs_does_not_keep_it_from_ending() -> None:
    registry = Registry("embedded")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        await registry.start()
        try:
            async with httpx2.AsyncClient(base_url=registry.url, trust_env=False, verify=False) as http:
                port = mute.getsockname()[1]
                check = {"HTTP": f"http://127.0.0.1:{port}/", "Interval": "1s", "Timeout": "10m"}
                await http.put("/v1/agent/service/register", json={"Name": "a", "Check": check})
                caller, _ = await asyncio.to_thread(mute.accept)
            with caller:
                assert await registry.stop() == 0
        finally:
            registry.kill()


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run(DEVAGENT_PORT=str(port))
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"devagent: cannot listen on 127.0.0.1:{port}: Address already in use"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example", "localhost.example"])
def test_it_listens_for_no_other_machine(host: str) -> None:
    ended = run(DEVAGENT_HOST=host)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("devagent: DEVAGENT_HOST: ")
    assert "for one machine" in line


def test_a_port_that_is_none_is_one_clear_line() -> None:
    ended = run(DEVAGENT_PORT="http")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("devagent: DEVAGENT_PORT: ")
    assert "'http'" not in line


async def test_any_free_port_will_do_and_a_misspelt_setting_is_named() -> None:
    with running(DEVAGENT_PORT="0", DEVAGENT_HOTS="x") as process:
        assert process.stderr is not None
        warning = json.loads(process.stderr.readline())
        assert (warning["variable"], warning["meant"]) == ("DEVAGENT_HOTS", "DEVAGENT_HOST")
        url = httpx2.URL(url_of(process))
        assert url.port
        await wait_until_ready(url.netloc.decode(), seconds=DEADLINE)


@pytest.mark.parametrize("host", ["localhost", "[::1]"])
async def test_other_names_of_this_machine_will_do(host: str) -> None:
    if host == "[::1]" and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    with running(DEVAGENT_HOST=host, DEVAGENT_PORT="0") as process:
        url = httpx2.URL(url_of(process))
        await wait_until_ready(url.netloc.decode(), seconds=DEADLINE)


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False
