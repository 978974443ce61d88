"""Keep a set of programs running, and end them in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from mesh.errors import NoSuchInstance
from mesh.keeper import GRACE, Event, Keeper, State
from mesh.program import Program


@dataclass(frozen=True, slots=True)
class Running:
    """What the supervisor knows of one program.

    `pid` is None unless a process runs right now; `started_at` (Unix seconds) is a moment before the latest began.
    """

    id: str
    service: str
    port: int
    state: State
    pid: int | None
    starts: int
    started_at: float | None
    short_lives: int
    last_end: str | None
    log: str
    admin_port: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Supervisor:
    """Knows nothing of what it runs. Only for the main thread, as children are tied to the thread that starts them.

    `tell` hears of every event, and must not raise.
    """

    def __init__(self, logs: Path, tell: Callable[[Event], None], *, grace: float = GRACE) -> None:
        self._logs = logs
        self._tell = tell
        self._grace = grace
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._hurrying = False

    def add(self, program: Program) -> None:
        """Start it, and keep it running. IDs are different from each other."""
        keeper = Keeper(program, self._logs / f"{program.id}.log", self._tell)
        self._keepers[program.id] = keeper
        self._tasks[program.id] = asyncio.create_task(keeper.run(), name=program.id)

    async def remove(self, instance: str) -> None:
        """End it for good and forget it. Raises NoSuchInstance."""
        keeper, task = self._keeper(instance), self._tasks[instance]
        await keeper.leave(0.0 if self._hurrying else self._grace)
        await task
        self._keepers.pop(instance, None)
        self._tasks.pop(instance, None)

    def running(self) -> list[Running]:
        return [_running(keeper) for keeper in self._keepers.values()]

    def signal(self, instance: str, number: signal.Signals) -> bool:
        """Send it; what it ends stays down until `restart`. False if no process runs. Raises NoSuchInstance."""
        return self._keeper(instance).signal(number)

    async def restart(self, instance: str) -> int:
        """End it, start it anew, say its process ID. Raises NoSuchInstance, and NotReady if it cannot be started."""
        return await self._keeper(instance).restart(self._grace)

    async def close(self) -> None:
        """End all: the highest rank first, and of each rank all at once."""
        for group in _by_rank(self._keepers.values()):
            await asyncio.gather(*(self.remove(keeper.program.id) for keeper in group))

    def hurry(self) -> None:
        """Do not wait for anybody to end by himself."""
        self._hurrying = True
        for keeper in self._keepers.values():
            keeper.hurry()

    def _keeper(self, instance: str) -> Keeper:
        try:
            return self._keepers[instance]
        except KeyError:
            raise NoSuchInstance(f"this mesh does not run {instance}") from None


def _by_rank(keepers: Iterable[Keeper]) -> list[list[Keeper]]:
    def rank(keeper: Keeper) -> int:
        return keeper.program.rank

    return [list(group) for _, group in groupby(sorted(keepers, key=rank, reverse=True), key=rank)]


def _running(keeper: Keeper) -> Running:
    program = keeper.program
    return Running(
        id=program.id,
        service=program.service,
        port=program.port,
        state=keeper.state,
        pid=keeper.pid,
        starts=keeper.starts,
        started_at=keeper.started_at,
        short_lives=keeper.short_lives,
        last_end=keeper.last_end,
        log=str(keeper.log),
        admin_port=program.admin_port,
    )
