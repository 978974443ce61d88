"""Start a mesh in the background and wait until it is ready."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from discovery.settings import load
from mesh.errors import NotReady
from mesh.finding import running_meshes
from mesh.runtime import runtime_directory
from mesh.settings import GatewaySettings, RuntimeSettings, inherited
from mesh.status import Status
from mesh.up import Wish

POLL = 0.1

ERROR = "mesh: "
"""How the line begins with which a command that failed says why."""


def start_detached(wish: Wish, tell: Callable[[str], None]) -> Status:
    """Its status once all serve. Raises NotReady with what it said instead."""
    runtime = runtime_directory(load(RuntimeSettings).runtime_dir)
    port = wish.gateway_port or load(GatewaySettings).port
    journal = runtime / f"{port}.log"
    said = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        before = os.fstat(said).st_size
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "mesh", "up", *_options(wish, port)],
            env=inherited(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    finally:
        os.close(said)
    try:
        status = asyncio.run(_until_ready(process, runtime, tell))
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status is None:
        raise NotReady(_last_error(journal, before))
    return status


async def _until_ready(process: subprocess.Popen[bytes], runtime: Path, tell: Callable[[str], None]) -> Status | None:
    """None when it has ended instead."""
    while process.poll() is None:
        for mesh in await running_meshes(runtime):
            if mesh.status.pid == process.pid:
                if mesh.status.ready:
                    return mesh.status
                tell("waiting until all serve" if mesh.status.registry_is else "starting the registry")
        await asyncio.sleep(POLL)
    return None


def _options(wish: Wish, port: int) -> list[str]:
    return [
        f"--consul={wish.consul}",
        f"--consul-port={wish.consul_port}",
        f"--encrypt={wish.encrypt}",
        f"--gateway-port={port}",
        f"--gateways={wish.gateways}",
    ]


def _last_error(journal: Path, offset: int) -> str:
    lines = journal.read_bytes()[offset:].decode(errors="replace").splitlines()
    errors = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    return errors[-1] if errors else f"it ended before it was ready; {journal} may say why"
