"""A mesh as `mesh up` starts it, and who is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mesh.ports import free_port
from tests.mesh.typed import Shell
from tests.mesh.waiting import is_alive


@asynccontextmanager
async def a_mesh(shell: Shell, *options: str) -> AsyncIterator[dict[str, Any]]:
    """In the background, on ports of its own; yields what it says of itself."""
    ports = (f"--consul-port={free_port()}", f"--gateway-port={free_port()}")
    typed = await shell.type("up", "--detach", "--json", "--consul=embedded", *ports, *options)
    assert typed.code == 0, typed.err
    status = typed.document["ready"]
    try:
        yield status
    finally:
        if is_alive(status["pid"]):
            await shell.type("down", "--now", f"--gateway-port={status['gateway_port']}")


async def ps(shell: Shell) -> dict[str, dict[str, Any]]:
    typed = await shell.type("ps", "--json")
    assert typed.code == 0, typed.err
    return {row["id"]: row for row in typed.document["instances"]}
