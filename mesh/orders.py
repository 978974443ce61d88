"""What may be asked of a running mesh over its control socket."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from functools import partial

from mesh.control import Document
from mesh.errors import BadInput
from mesh.running import RunningMesh


class Orders:
    """`leave` ends the mesh; True means without waiting for anybody. The other side is `Remote`."""

    def __init__(self, mesh: RunningMesh, leave: Callable[[bool], None]) -> None:
        self._mesh = mesh
        self._leave = leave
        self._scaling = asyncio.Lock()

    async def answer(self, request: Document) -> Document:
        """Raises MeshError, which reaches the one who asked."""
        try:
            order = self._understand(request)
        except (KeyError, TypeError, ValueError):
            raise BadInput("the running mesh does not understand that; is it of another version?") from None
        return await order()

    def _understand(self, request: Document) -> Callable[[], Awaitable[Document]]:
        match request["ask"]:
            case "status":
                return self._status
            case "signal":
                return partial(self._signal, str(request["instance"]), signal.Signals[request["signal"]])
            case "restart":
                return partial(self._restart, str(request["instance"]))
            case "scale":
                return partial(self._scale, str(request["service"]), int(request["to"]))
            case "down":
                return partial(self._down, bool(request["now"]))
            case _:
                raise KeyError

    async def _status(self) -> Document:
        return self._mesh.status().as_json()

    async def _signal(self, instance: str, number: signal.Signals) -> Document:
        return self._mesh.signal(instance, number).as_json()

    async def _restart(self, instance: str) -> Document:
        return (await self._mesh.restart(instance)).as_json()

    async def _scale(self, service: str, to: int) -> Document:
        async with self._scaling:
            added, removed = await self._mesh.scale(service, to)
        return {"added": added, "removed": removed}

    async def _down(self, now: bool) -> Document:
        self._leave(now)
        return {}
