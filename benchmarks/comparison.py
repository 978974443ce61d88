"""Measure all gateways on the same work: interleaved, so that whatever disturbs the machine disturbs them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import httpx2

from benchmarks import wrk
from benchmarks.charge import peak_memory, processor_seconds
from benchmarks.cores import CannotMeasure
from benchmarks.machine import used_seconds
from benchmarks.peers import Gateway, Peer
from benchmarks.sample import Cell, Sample, sample
from benchmarks.stage import Stage
from benchmarks.upstream import start_upstream
from benchmarks.workload import SMALL_GET, WORKLOADS

DIRECT = "no gateway"
"""The load on the upstream itself: what the other core can do at most."""

WARM_UP = Cell(SMALL_GET, 32)


@dataclass(slots=True)
class Comparison:
    """What was measured. `memory` is the peak of each gateway in bytes; `DIRECT` is among the names."""

    samples: dict[tuple[str, Cell], list[Sample]] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)


async def compare(
    stage: Stage,
    peers: Sequence[Peer],
    cells: Sequence[Cell],
    *,
    rounds: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Comparison:
    """Start all peers that are not missing, and measure each cell of each in each round. Raises CannotMeasure."""
    tell("starting upstream and gateways")
    upstream = await start_upstream(stage)
    gateways = [await peer.start(stage, upstream) for peer in peers if not peer.missing()]
    gateways.append(Gateway(DIRECT, upstream.ports[0], upstream.pid))
    for each in gateways:
        await _require_the_same_answers(each)
        await _measure(stage, each, WARM_UP, 1)
    found = Comparison()
    for turn in range(rounds):
        for cell in cells:
            for each in _rotated(gateways, turn):
                tell(f"round {turn + 1} of {rounds}: {cell.workload.name} at {cell.connections}, {each.name}")
                one = await _measure(stage, each, cell, seconds)
                found.samples.setdefault((each.name, cell), []).append(one)
    found.memory = {each.name: peak_memory(each.pid) for each in gateways}
    return found


async def _require_the_same_answers(gateway: Gateway) -> None:
    """Whoever answers fast, but not this, is not compared. Raises CannotMeasure."""
    async with httpx2.AsyncClient(trust_env=False, timeout=10.0) as http:
        for each in WORKLOADS:
            url = f"http://127.0.0.1:{gateway.port}{each.path}"
            answer = await http.request(each.method, url, content=b"x" * each.sends)
            if (answer.status_code, len(answer.content)) != (200, each.receives):
                raise CannotMeasure(
                    f"{gateway.name} answers {each.name} with {answer.status_code}: {answer.text[:200]}"
                )


async def _measure(stage: Stage, gateway: Gateway, cell: Cell, seconds: float) -> Sample:
    began, before, core_before = monotonic(), processor_seconds(gateway.pid), used_seconds(stage.cores.gateway)
    load = await wrk.run(
        cell.workload,
        gateway.port,
        connections=cell.connections,
        seconds=seconds,
        core=stage.cores.load,
        folder=stage.folder,
    )
    return sample(
        load,
        processor_seconds=processor_seconds(gateway.pid) - before,
        core_seconds=used_seconds(stage.cores.gateway) - core_before,
        seconds=monotonic() - began,
    )


def _rotated(gateways: Sequence[Gateway], turn: int) -> list[Gateway]:
    """Each round begins with another one: nobody is always measured after the same neighbour."""
    at = turn % len(gateways)
    return [*gateways[at:], *gateways[:at]]
