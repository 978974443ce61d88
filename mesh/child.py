"""One process on a leash, in a session of its own: what is typed at the terminal does not reach it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from mesh.program import Program

LEASH = Path(__file__).with_name("leash.py")
KERNEL_HOLDS_THE_LEASH = sys.platform == "linux"


class Child:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, program: Program, log: Path) -> Child:
        """Start `program`, with everything it says appended to `log`. Raises OSError.

        Only from the main thread: on Linux a child is killed when the thread that started it ends.
        """
        supervisor = str(os.getpid()) if KERNEL_HOLDS_THE_LEASH else "-"
        said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LEASH), supervisor, *program.argv),
                env=program.environment(),
                stdin=asyncio.subprocess.DEVNULL if KERNEL_HOLDS_THE_LEASH else asyncio.subprocess.PIPE,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        finally:
            os.close(said)
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ended(self) -> int:
        """Wait for the end: the exit code, or the negative number of the signal."""
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Reach the whole process group: elsewhere than on Linux the leash is its leader, and the program a member."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def is_stopped(self) -> bool:
        """Whether SIGSTOP holds it, so that it would not even notice a SIGTERM."""
        try:
            return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.Error:
            return False

    async def end(self, grace: float) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds, or at once for one that is stopped."""
        self.signal(signal.SIGKILL if self.is_stopped() else signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.ended()
        self.signal(signal.SIGKILL)
        await self.ended()


def describe_end(code: int) -> str:
    """`exit code 1`, or the name of the signal."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
