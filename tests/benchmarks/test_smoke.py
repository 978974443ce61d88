"""Real processes on both cores, briefly: that it works, not how fast."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from benchmarks.comparison import DIRECT, compare
from benchmarks.cores import CannotMeasure, two_cores
from benchmarks.peers import PEERS
from benchmarks.perform import TOOLS
from benchmarks.sample import Cell
from benchmarks.soak.run import measure_soak
from benchmarks.stage import Stage
from benchmarks.workload import SMALL_POST
from discovery.ports import free_ports

pytestmark = pytest.mark.e2e


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    try:
        cores = two_cores()
    except CannotMeasure as error:
        pytest.skip(str(error))
    async with Stage(cores) as ready:
        yield ready


@pytest.mark.skipif(any(shutil.which(tool) is None for tool in TOOLS), reason="needs wrk and nginx")
async def test_every_peer_that_is_here_answers_the_same_work(stage: Stage) -> None:
    cell = Cell(SMALL_POST, 2)
    found = await compare(stage, PEERS, [cell], rounds=1, seconds=1, tell=lambda _: None)
    here = {peer.name for peer in PEERS if not peer.missing()} | {DIRECT}
    assert {name for name, _ in found.samples} == here
    for (one,) in found.samples.values():
        assert one.requests_per_second > 0
        assert one.failed == 0
        assert one.processor_us > 0
    assert set(found.memory) == here
    assert min(found.memory.values()) > 1_000_000


async def test_a_short_soak_matches_every_answer_to_its_request(stage: Stage) -> None:
    found = await measure_soak(stage, 0.004, lambda _: None, patience=2.0)
    assert found.storms.answered + found.storms.cancelled == 400
    assert found.storms.vanished == 40
    assert found.uploads.answered == 100
    assert found.storms.mismatched == found.uploads.mismatched == 0
    assert found.storms.failures.total() == found.uploads.failures.total() == 0
    assert found.second.clients == found.second.in_flight == 0
    assert found.slow_read > 0
    assert 20 < found.peak_mb < 256


async def test_a_stage_leaves_neither_processes_nor_files(stage: Stage) -> None:
    (port,) = free_ports(1)
    argv = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    async with Stage(stage.cores) as brief:
        with pytest.raises(CannotMeasure, match="does not start: exit code 3"):
            await brief.start("broken", ["sh", "-c", "exit 3"], core=stage.cores.load, port=port, path="/")
        running = psutil.Process(await brief.start("files", argv, core=stage.cores.load, port=port, path="/"))
        folder = brief.folder
        assert running.cpu_affinity() == [stage.cores.load]
    assert not running.is_running()
    assert not folder.exists()
