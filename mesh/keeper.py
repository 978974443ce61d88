"""Keep one program running: at once again, whatever it ends by, until told otherwise."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, time
from typing import Literal

from mesh.child import Child, describe_end
from mesh.errors import NotAllowed, NotReady
from mesh.ports import free_port, is_free
from mesh.program import Program

GRACE = 25.0
"""Seconds between SIGTERM and SIGKILL: a second of linger, 20 of draining, and some to spare."""

LIVED = 2.0
"""Seconds after which a program counts as having worked, and is started again without a pause."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0

HARMLESS = frozenset({signal.SIGSTOP, signal.SIGCONT})
"""Signals that do not end a process, so that its later end is still a surprise."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an instance. `at` is UTC."""

    at: datetime
    instance: str
    kind: Literal["started", "restarted", "ended", "failed"]
    detail: str


State = Literal["running", "starting", "waiting", "down"]
"""`waiting` to be started again after it lived too short; `down` because somebody said so."""


def pause_after(short_lives: int) -> float:
    """Seconds before the next start, when this many lives in a row were short."""
    return 0.0 if short_lives == 0 else min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(short_lives - 1, 10))


class Keeper:
    """Runs as a task (`run`), for as long as nobody calls `leave`."""

    def __init__(self, program: Program, log: Path, tell: Callable[[Event], None]) -> None:
        self.program = program
        self.log = log
        self.state: State = "starting"
        self.starts = 0
        self.started_at: float | None = None
        self.short_lives = 0
        self.last_end: str | None = None
        self._tell = tell
        self._child: Child | None = None
        self._wanted = True
        self._leaving = False
        self._at_once = False
        self._poked = asyncio.Event()
        self._tried = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def run(self) -> None:
        while not self._leaving:
            if self._wanted:
                await self._live()
            if not self._at_once and not self._leaving:
                await self._pause()
            self._at_once = False

    def signal(self, number: signal.Signals) -> bool:
        """Send it, and leave the program down if that ends it. False when there is nothing to send it to."""
        if number not in HARMLESS:
            self._wanted = False
        if self._child is None:
            self._poked.set()
            return False
        self._child.signal(number)
        return True

    async def restart(self, grace: float = GRACE) -> int:
        """End it if it runs, start it anew, and say its new process ID. Raises NotReady if it cannot be started."""
        if self._leaving:
            raise NotAllowed(f"{self.program.id} is being ended")
        self._wanted = self._at_once = True
        self.short_lives = 0
        self._tried.clear()
        if self._child:
            await self._child.end(grace)
        self._poked.set()
        await self._tried.wait()
        if self.pid is None:
            raise NotReady(f"{self.program.id} did not start: {self.last_end}")
        return self.pid

    async def leave(self, grace: float = GRACE) -> None:
        """End it for good; `run` returns."""
        self._leave()
        if self._child:
            await self._child.end(grace)

    def hurry(self) -> None:
        """End it for good, without asking it first."""
        self._leave()
        if self._child:
            self._child.signal(signal.SIGKILL)

    def _leave(self) -> None:
        self._leaving = True
        self._poked.set()
        self._tried.set()

    async def _live(self) -> None:
        began, started_at = monotonic(), time()
        self.state = "starting"
        try:
            self._place()
            child = await Child.start(self.program, self.log)
        except OSError as error:
            self.last_end = f"cannot be started: {error.strerror}"
            self._say("failed", self.last_end)
            self.short_lives += 1
            self._tried.set()
            return
        self._child = child
        self.started_at = started_at
        self.starts += 1
        self.state = "running"
        self._say("started" if self.starts == 1 else "restarted", f"process {child.pid}, port {self.program.port}")
        self._tried.set()
        if self._leaving or not self._wanted:  # told while it was being started
            child.signal(signal.SIGKILL)
        self.last_end = describe_end(await child.ended())
        self._child = None
        lived = monotonic() - began
        self.short_lives = 0 if lived >= LIVED else self.short_lives + 1
        self._say("ended", f"{self.last_end} after {lived:.1f} s")

    def _place(self) -> None:
        """Keep the port, unless somebody else has taken it and nobody counts on it."""
        if self.program.port_variable and not is_free(self.program.port):
            self.program = self.program.at(free_port())

    async def _pause(self) -> None:
        """Until it may be started again, or for ever if it is not wanted; being poked cuts it short."""
        self._poked.clear()
        self.state = "waiting" if self._wanted else "down"
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_after(self.short_lives) if self._wanted else None):
                await self._poked.wait()

    def _say(self, kind: Literal["started", "restarted", "ended", "failed"], detail: str) -> None:
        self._tell(Event(datetime.now(UTC), self.program.id, kind, detail))
