"""Where programs are measured: a folder for their configuration, a core for each, and an end for all of them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import httpx2

from benchmarks.cores import CannotMeasure, Cores, pinned
from mesh.child import Child, describe_end
from mesh.program import Program
from mesh.settings import inherited

ANSWERS_WITHIN = 30.0
"""Seconds for a program to start."""

OURS = ("CALL_", "GATEWAY_", "SERVICE_", "ENCRYPT_", "DEVAGENT_", "CONSUL_")
"""What is in the shell's environment must not change what is measured."""

GRACE = 5.0
"""Seconds to end in order, then SIGKILL."""


class Stage:
    """Use it with `async with`: what was started on it ends with it, the last one first."""

    def __init__(self, cores: Cores) -> None:
        self.cores = cores
        self.folder = Path()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Stage:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mesh-bench-")))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def start(
        self, name: str, argv: list[str], *, core: int, port: int, path: str, env: Mapping[str, str] | None = None
    ) -> int:
        """Start a program and return its process ID once it answers `path` with 200. Raises CannotMeasure."""
        log = self.folder / f"{name}.log"
        child = await Child.start(
            Program(name, name, pinned(argv, core), port, env={**environment(), **(env or {})}), log
        )
        self._stack.push_async_callback(child.end, GRACE)
        ended = asyncio.create_task(child.ended())
        self._stack.push_async_callback(_settled, ended)
        deadline = monotonic() + ANSWERS_WITHIN
        async with httpx2.AsyncClient(trust_env=False, timeout=1.0) as http:
            while not await _answers(http, f"http://127.0.0.1:{port}{path}"):
                if ended.done() or monotonic() > deadline:
                    why = describe_end(ended.result()) if ended.done() else "no answer"
                    said = log.read_text(errors="replace")[-2000:]
                    raise CannotMeasure(f"{name} does not start: {why}\n{said}")
                await asyncio.sleep(0.05)
        return child.pid


def environment() -> dict[str, str]:
    """Ours, without settings of ours."""
    return {name: value for name, value in inherited().items() if not name.startswith(OURS)}


async def _answers(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx2.HTTPError:
        return False


async def _settled(task: asyncio.Task[int]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
