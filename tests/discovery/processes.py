"""Start the small application as a process of its own, read what it says, and end it whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from signal import SIGKILL, Signals
from typing import Any

import httpx2

DEADLINE = 30.0
"""Seconds that a slow machine gets for what takes a moment."""


class Served:
    """One process. `said` are its log lines so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.said: list[dict[str, Any]] = []
        self.raw = ""
        self._process = process
        self._reading = asyncio.create_task(self._read())

    async def says(self, event: str) -> dict[str, Any]:
        """The first log line with this event."""
        await until(lambda: any(each.get("event") == event for each in self.said) or self._reading.done())
        return next(each for each in self.said if each.get("event") == event)

    async def url(self) -> str:
        """Where it answers, once it does."""
        url = f"http://{(await self.says('serving'))['address']}"
        async with asyncio.timeout(DEADLINE):
            while await answer(url + "/livez") is None:
                await asyncio.sleep(0.01)
        return url

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        """The exit code, when it has one and everything that it said is read."""
        async with asyncio.timeout(DEADLINE):
            await self._reading
            return await self._process.wait()

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(SIGKILL)
        await self.ended()

    async def _read(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self.raw += line.decode()
            try:
                self.said.append(json.loads(line))
            except ValueError:
                self.said.append({"event": line.decode().strip()})


@asynccontextmanager
async def served(*module: str, **environment: str) -> AsyncIterator[Served]:
    """Or another module, with arguments. Of `CONSUL_…`, `SERVICE_…` and `OTEL_…` it is told only what is given here."""
    ours = ("CONSUL_", "SERVICE_", "OTEL_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *(module or ("tests.discovery.served",))),
        env={**inherited, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    found = Served(process)
    try:
        yield found
    finally:
        await found.end()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not true():
            await asyncio.sleep(0.01)


async def answer(url: str) -> httpx2.Response | None:
    """What is answered on a fresh connection; None when nobody takes one."""
    async with httpx2.AsyncClient(verify=False, timeout=DEADLINE, trust_env=False) as http:
        try:
            return await http.get(url)
        except httpx2.ConnectError:
            return None
