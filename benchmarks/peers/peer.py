"""What every peer is: something that may be missing here, and a gateway once it has been started."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.stage import Stage
from benchmarks.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Gateway:
    """A peer that runs. What process `pid` and its children use is charged to it."""

    name: str
    port: int
    pid: int


class Peer(Protocol):
    @property
    def name(self) -> str: ...

    def missing(self) -> str:
        """Why it cannot run on this machine; empty when it can."""

    def version(self) -> str: ...

    async def start(self, stage: Stage, upstream: Upstream) -> Gateway:
        """Raises CannotMeasure."""


def first_line(argv: Sequence[str]) -> str:
    """The first line that a program says of itself, wherever it says it."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    return (done.stdout or done.stderr).partition("\n")[0].strip()
