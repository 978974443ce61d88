"""One process of a drill: with a log and a session of its own, hurt by signals, and ended for sure."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals
from time import monotonic, time
from typing import TypeAlias

from discovery.errors import DrillFailed

Arguments: TypeAlias = Sequence[str | os.PathLike[str]]
"""A program and what it is called with."""

POLL = 0.01

ENDS_WITHIN = 60.0
"""Seconds that a process gets to end by itself: a second of linger, 20 of draining, and a slow machine."""

LAST_BYTES = 4096


class Process:
    """What is run is a session, so that a wrapper (`uv run …`) and what it runs are hurt, and end, together.

    `port` is where it is expected to listen. `started_at` is in Unix seconds, a moment before it began.
    """

    def __init__(self, name: str, argv: Arguments, port: int, environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.port = port
        self.started_at = 0.0
        self.is_stopped = False
        self._argv = argv
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._was_told = False

    @property
    def pid(self) -> int:
        """Of the latest that was started; its process group has the same. Raises DrillFailed."""
        return self._latest().pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Raises DrillFailed."""
        self.started_at, self.is_stopped, self._was_told = time(), False, False
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 (what somebody wants to drill)
                    self._argv,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            raise DrillFailed(f"{self._argv[0]} cannot be started: {error.strerror}") from error

    def signal(self, number: Signals) -> None:
        """Raises DrillFailed when nothing runs."""
        if not self.is_running:
            raise DrillFailed(f"{self.name} does not run")
        self._was_told = number not in (SIGSTOP, SIGCONT)
        self.is_stopped = number == SIGSTOP
        os.killpg(self.pid, number)

    async def ended(self) -> int:
        """Its exit code, or the negative number of the signal. Raises DrillFailed for one that goes on running."""
        process, deadline = self._latest(), monotonic() + ENDS_WITHIN
        while (code := process.poll()) is None:
            if monotonic() > deadline:
                raise DrillFailed(f"{self.name} still runs after {ENDS_WITHIN:g} s{self.last_words()}")
            await asyncio.sleep(POLL)
        return code

    async def leave(self) -> int:
        """End it as gently as it can be ended."""
        self.signal(SIGKILL if self.is_stopped else SIGTERM)
        return await self.ended()

    def end(self) -> None:
        """At once, with all that it has started."""
        if self.is_running:
            self.signal(SIGKILL)
            self._latest().wait()

    def surprise(self) -> str:
        """How it ended though nobody had told it to; empty when it did not."""
        if self._process is None or self.is_running or self._was_told:
            return ""
        return f"{self.name} ended by itself with {self._process.returncode}{self.last_words()}"

    def last_words(self) -> str:
        """Where its log is and how it ends, for somebody who would otherwise have to look there first."""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - LAST_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f"; its log is {self._log}" + (f", and ends with: {said[-1][:300]}" if said else "")

    def _latest(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise DrillFailed(f"{self.name} was never started")
        return self._process
