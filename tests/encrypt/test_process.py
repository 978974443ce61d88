"""The process that people start: at the real cost of a derivation, and without a registry."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2

from .doubles import DEADLINE

KEY, TEXT = "hush-key-51c0", "hush-text-08be"


@dataclass
class Instance:
    process: Process
    url: str
    said: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def instance(**variables: str) -> AsyncIterator[Instance]:
    """`python -m services.encrypt` on a free port, with a registry that refuses connections."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        consul = f"127.0.0.1:{deaf.getsockname()[1]}"
        environment = os.environ | {"CONSUL_HTTP_ADDR": consul, "SERVICE_PORT": "0"} | variables
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.encrypt", env=environment, stderr=PIPE
        )
        try:
            running = Instance(process, "")
            async with asyncio.timeout(DEADLINE):
                running.url = await _address(running)
            reading = asyncio.create_task(_keep_reading(running))
            yield running
            await _end(process)
            await reading
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _address(running: Instance) -> str:
    """From the log line that says where it listens."""
    assert running.process.stderr is not None
    while line := await running.process.stderr.readline():
        running.said.append(line)
        if b'"serving"' in line:
            return f"http://{json.loads(line)['address']}"
    raise AssertionError(b"".join(running.said).decode())


async def _keep_reading(running: Instance) -> None:
    assert running.process.stderr is not None
    running.said.append(await running.process.stderr.read())


async def _end(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(DEADLINE):
        await process.wait()


async def test_it_serves_and_says_nothing_of_what_it_was_asked() -> None:
    async with instance() as running, httpx2.AsyncClient(base_url=running.url, timeout=DEADLINE) as http:
        sealed = await http.post("/encrypt", json={"text": TEXT, "key": KEY}, headers={"X-Request-ID": "r-77"})
        opened = await http.post("/decrypt", json=sealed.json() | {"key": KEY})
        refused = await http.post("/decrypt", json=sealed.json() | {"key": KEY + "!"})
        assert opened.json() == {"text": TEXT}
        assert refused.status_code == 422
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.put("/faults", json={"sick": True})).status_code == 404
        assert "encrypt_derivation_seconds_count 2.0" in (await http.get("/metrics")).text
    assert running.process.returncode == 0
    said = b"".join(running.said)
    assert said.count(b'"event": "request"') == 3
    assert b'"request_id": "r-77"' in said
    assert b"hush" not in said
    assert sealed.json()["message"][10:].encode() not in said


async def test_it_answers_while_fifty_keys_are_derived_at_the_real_cost() -> None:
    limits = httpx2.Limits(max_connections=100)
    async with (
        instance() as running,
        httpx2.AsyncClient(base_url=running.url, timeout=DEADLINE, limits=limits) as http,
    ):
        asked = [
            asyncio.create_task(http.post("/encrypt", json={"text": TEXT, "key": f"{KEY} {number}"}))
            for number in range(50)
        ]
        alive = 0
        while not all(task.done() for task in asked):
            assert (await http.get("/livez")).status_code == 200
            alive += not all(task.done() for task in asked)
        answered = [task.result() for task in asked]
    assert alive > 5
    assert {response.status_code for response in answered} <= {200, 503}
    assert sum(response.status_code == 200 for response in answered) >= 34
    assert all("retry-after" in response.headers for response in answered if response.status_code == 503)


async def test_it_can_be_made_sick_when_it_was_started_for_drills() -> None:
    async with (
        instance(ENCRYPT_FAULTS="1") as running,
        httpx2.AsyncClient(base_url=running.url, timeout=DEADLINE) as http,
    ):
        assert (await http.put("/faults", json={"sick": True})).status_code == 200
        assert (await http.post("/encrypt", json={"text": TEXT, "key": KEY})).status_code == 500
        assert (await http.get("/livez")).status_code == 200
        assert (await http.put("/faults", json={})).status_code == 200
        assert (await http.post("/encrypt", json={"text": TEXT, "key": KEY})).status_code == 200
