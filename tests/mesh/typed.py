"""`mesh` as somebody would type it: a process of its own, with an environment that knows of nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOT_INHERITED = ("CALL_", "CONSUL_", "GATEWAY_", "SERVICE_", "ENCRYPT_", "XDG_", "COLUMNS", "FORCE_COLOR")

WITHIN = 120.0
"""Seconds for a command, on a machine that may have much else to do."""


@dataclass(frozen=True)
class Typed:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out.splitlines()[-1])


class Shell:
    """Where commands are typed: they see only meshes of this shell, as the runtime directory is its own."""

    def __init__(self, runtime: Path, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
        self._environment = {**kept, "XDG_RUNTIME_DIR": str(runtime), **environment}

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mesh", *arguments),
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def type(self, *arguments: str, given: str = "") -> Typed:
        process = await self.start(*arguments)
        try:
            async with asyncio.timeout(WITHIN):
                out, err = await process.communicate(given.encode())
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
                await process.communicate()
        assert process.returncode is not None
        return Typed(process.returncode, out.decode(), err.decode())
