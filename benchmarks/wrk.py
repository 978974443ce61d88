"""wrk, the load generator: a closed loop over keep-alive connections, one thread, no script while it runs."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cores import CannotMeasure, pinned
from benchmarks.workload import Workload

# Setting fields of `wrk` keeps the request constant; `done` runs once, after the load.
SCRIPT = """
wrk.method = "%s"
if %d > 0 then
  wrk.body = string.rep("x", %d)
  wrk.headers["Content-Type"] = "application/json"
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%%d,"microseconds":%%d,"p50":%%d,"p99":%%d,"mean":%%.1f,"worst":%%d,"failed":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.mean, latency.max,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients saw. Latencies are milliseconds; `failed`: no answer, or one with a status from 400 on."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    mean_ms: float
    worst_ms: float
    failed: int


async def run(workload: Workload, port: int, *, connections: int, seconds: float, core: int, folder: Path) -> Load:
    """Raises CannotMeasure with what wrk said."""
    script = folder / "wrk.lua"
    script.write_text(SCRIPT % (workload.method, workload.sends, workload.sends))
    url = f"http://127.0.0.1:{port}{workload.path}"
    whole = max(1, round(seconds))  # wrk knows no fractions
    argv = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={whole}s", "--timeout=10s"]
    process = await asyncio.create_subprocess_exec(
        *pinned([*argv, f"--script={script}", url], core), stdout=PIPE, stderr=PIPE
    )
    try:
        said, complained = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise CannotMeasure(f"wrk failed: {(complained or said).decode(errors='replace')[-500:]}")
    return parse(said.decode())


def parse(output: str) -> Load:
    """The last line is what `done` wrote; times in it are microseconds."""
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return Load(
        requests=found["requests"],
        seconds=found["microseconds"] / 1e6,
        p50_ms=found["p50"] / 1e3,
        p99_ms=found["p99"] / 1e3,
        mean_ms=found["mean"] / 1e3,
        worst_ms=found["worst"] / 1e3,
        failed=found["failed"],
    )
