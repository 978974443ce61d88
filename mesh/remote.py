"""A running mesh, as the other commands see it over its control socket."""

from __future__ import annotations

import signal
from pathlib import Path

from mesh.control import ask
from mesh.status import Status, status_from
from mesh.supervisor import Running


class Remote:
    """Every call raises NoMesh when the mesh has gone, or the error that it answers with."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def status(self) -> Status:
        return status_from(await ask(self._socket, {"ask": "status"}))

    async def signal(self, instance: str, number: signal.Signals) -> Running:
        """Who got it, as it was before."""
        return Running(**await ask(self._socket, {"ask": "signal", "instance": instance, "signal": number.name}))

    async def restart(self, instance: str) -> Running:
        return Running(**await ask(self._socket, {"ask": "restart", "instance": instance}))

    async def scale(self, service: str, to: int) -> tuple[list[str], list[str]]:
        """Who was added, and who has ended."""
        answer = await ask(self._socket, {"ask": "scale", "service": service, "to": to})
        return answer["added"], answer["removed"]

    async def down(self, *, now: bool) -> None:
        """It begins to end; its lock is let go when it has."""
        await ask(self._socket, {"ask": "down", "now": now})
