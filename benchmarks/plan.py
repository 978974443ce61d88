"""What a run consists of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers import PEERS, Peer
from benchmarks.sample import Cell
from benchmarks.workload import DOWNLOAD, SMALL_GET, SMALL_POST, UPLOAD

SECTIONS = ("small", "large", "scale", "soak")
BODIES_AT_ONCE = 8
"""Connections: enough to keep a core busy with large bodies."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds` for each run of wrk, `share` of the full number for the sections that count instead."""

    sections: tuple[str, ...] = SECTIONS
    peers: tuple[Peer, ...] = tuple(PEERS)
    connections: tuple[int, ...] = (1, 32, 256)
    rounds: int = 3
    seconds: float = 5
    share: float = 1.0

    @property
    def cells(self) -> list[Cell]:
        small = [Cell(SMALL_GET, each) for each in self.connections]
        small += [Cell(SMALL_POST, each) for each in self.connections if each == 32]
        large = [Cell(DOWNLOAD, BODIES_AT_ONCE), Cell(UPLOAD, BODIES_AT_ONCE)]
        return small * ("small" in self.sections) + large * ("large" in self.sections)


QUICK = Plan(sections=("small", "scale"), connections=(1, 32), rounds=1, seconds=1, share=0.05)
"""Only to see that it works."""


def named(text: str) -> tuple[Peer, ...]:
    """Peers by name, separated by commas. Raises ValueError."""
    by_name = {peer.name: peer for peer in PEERS}
    return tuple(by_name[name] for name in chosen(text, tuple(by_name)))


def chosen(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Words separated by commas, each of them known. Raises ValueError."""
    words = tuple(word.strip() for word in text.split(",") if word.strip())
    unknown = [word for word in words if word not in known]
    if unknown or not words:
        raise ValueError(f"{', '.join(unknown) or 'nothing'} is none of {', '.join(known)}")
    return words


def counts(text: str) -> tuple[int, ...]:
    """Numbers from 1 on, separated by commas. Raises ValueError."""
    found = tuple(map(int, text.split(",")))
    if min(found) < 1:
        raise ValueError("there is no load without a connection")
    return found
