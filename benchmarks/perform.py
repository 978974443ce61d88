"""Carry out a plan, section by section."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from benchmarks.comparison import compare
from benchmarks.cores import CannotMeasure, staying_on, two_cores
from benchmarks.machine import this_machine
from benchmarks.outcome import Outcome
from benchmarks.plan import Plan
from benchmarks.scale import measure_scale
from benchmarks.soak.run import measure_soak
from benchmarks.stage import Stage
from benchmarks.targets import scale_targets, soak_targets, wire_targets

TOOLS = {"wrk": "wrk", "nginx": "nginx"}
"""What the load and the upstream are made of, and its package."""


async def perform(plan: Plan, tell: Callable[[str], None]) -> Outcome:
    """Raises CannotMeasure."""
    outcome = Outcome(this_machine())
    peers = plan.peers if plan.cells else ()
    outcome.missing = {peer.name: why for peer in peers if (why := peer.missing())}
    outcome.versions = {peer.name: peer.version() for peer in peers if peer.name not in outcome.missing}
    cores = two_cores()
    with staying_on(cores.load):
        if plan.cells:
            require_tools()
            async with Stage(cores) as stage:
                outcome.comparison = await compare(
                    stage, plan.peers, plan.cells, rounds=plan.rounds, seconds=plan.seconds, tell=tell
                )
        if "small" in plan.sections:
            outcome.targets += wire_targets(outcome.comparison.samples)
        if "scale" in plan.sections:
            outcome.scale = await measure_scale(plan.share, tell)
            outcome.targets += scale_targets(outcome.scale)
        if "soak" in plan.sections:
            async with Stage(cores) as stage:
                outcome.soak = await measure_soak(stage, plan.share, tell)
            outcome.targets += soak_targets(outcome.soak)
    return outcome


def require_tools() -> None:
    """Raises CannotMeasure."""
    lacking = [package for program, package in TOOLS.items() if shutil.which(program) is None]
    if lacking:
        raise CannotMeasure(f"load and upstream need: apt-get install {' '.join(lacking)}")
