"""The crowd is a registry like any other, and the times are times."""

from __future__ import annotations

import asyncio

from benchmarks.crowd import Crowd
from benchmarks.scale import INSTANCES, measure_scale


async def test_a_change_in_the_crowd_wakes_the_watch_of_its_service_alone() -> None:
    crowd = Crowd(2, 3)
    before = await crowd.instances("service-1")
    watching = [asyncio.create_task(crowd.instances(f"service-{n}", index=before.index)) for n in range(2)]
    await asyncio.sleep(0)
    crowd.change(1)
    after = await watching[1]
    assert not watching[0].done()
    assert after.index > before.index
    assert [each.health for each in after.value].count("critical") == 1
    watching[0].cancel()
    await asyncio.gather(*watching, return_exceptions=True)


async def test_a_small_part_of_the_whole_gives_all_numbers() -> None:
    found = await measure_scale(0.01, lambda _: None)
    assert min(found.choose_us, found.choose_half_ejected_us) > 0
    assert 0 < found.change_ms <= found.change_worst_ms
    assert found.memory_mb * 1e6 > 100 * INSTANCES * 100  # less than 100 bytes an instance would be none of them
