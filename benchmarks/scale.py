"""100 services of 100 instances: what choosing costs, what knowing them costs, and how long one change stops all else.

In this process, with the gateway's own resolver, pools and routes; only the registry's answers are made up. Times are
those of this thread on the processor, so that other programs do not count.
"""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median
from time import monotonic, thread_time

from benchmarks.crowd import Crowd, instances_of
from discovery.addresses import Forbidden
from discovery.journal import Journal
from discovery.pool import Pool
from discovery.probe import Probe
from discovery.resolver import Resolver
from discovery.watch import Snapshot
from services.gateway.routes import RouteTable

SERVICES = INSTANCES = 100
AMONG = 1_000
SEED = 20_240_607
BATCHES = 20
"""Choices are timed in batches, of which the median counts: the collector of garbage runs in some of them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Choosing is in microseconds; blocking is in milliseconds, from one turn of the loop to the next."""

    choose_us: float
    choose_half_ejected_us: float
    memory_mb: float
    change_ms: float
    change_worst_ms: float


async def measure_scale(share: float, tell: Callable[[str], None]) -> Scale:
    """`share` of 20,000 choices and 100 changes."""
    choices, changes = max(BATCHES, int(20_000 * share)), max(5, int(SERVICES * share))
    tell(f"choosing among {AMONG} instances")
    whole, half = time_to_choose(choices, ejected=0), time_to_choose(choices, ejected=AMONG // 2)
    tell(f"{changes} changes among {SERVICES} services of {INSTANCES} instances")
    blocks = await _changes(changes)
    return Scale(whole, half, await _memory(), median(blocks), max(blocks))


def time_to_choose(choices: int, *, ejected: int) -> float:
    """Microseconds for one choice among 1,000 instances, all of them known to answer, some of them ejected."""
    random = Random(SEED)
    pool = Pool("many", journal=Journal(), clock=monotonic, random=random)
    pool.apply(Snapshot(instances_of("many", AMONG), continuous=True))
    for each in pool.upstreams:
        for _ in range(20):
            pool.succeeded(each, random.uniform(0.001, 0.003))
    for each in pool.upstreams[:ejected]:
        each.ejection.refused()
    each_batch = max(1, choices // BATCHES)
    return median(_time(pool, each_batch) for _ in range(BATCHES)) / each_batch * 1e6


def _time(pool: Pool, times: int) -> float:
    began = thread_time()
    for _ in range(times):
        pool.choose()
    return thread_time() - began


async def _memory() -> float:
    """MB that Python allocates for knowing the whole crowd."""
    crowd = Crowd(SERVICES, INSTANCES)
    tracemalloc.start()
    try:
        async with _followed(crowd):
            gc.collect()
            return tracemalloc.get_traced_memory()[0] / 1e6
    finally:
        tracemalloc.stop()


async def _changes(count: int) -> list[float]:
    """For each change of one instance the longest block in milliseconds."""
    crowd = Crowd(SERVICES, INSTANCES)
    with without_our_garbage():
        async with _followed(crowd) as applied:
            return [await _block(crowd, number, applied) for number in range(count)]


@asynccontextmanager
async def _followed(crowd: Crowd) -> AsyncIterator[asyncio.Semaphore]:
    """A resolver that knows every instance of the crowd. The semaphore is released with each snapshot applied."""
    journal, applied = Journal(), asyncio.Semaphore(0)
    table = RouteTable(journal)

    def take(pool: Pool) -> None:
        table.update(pool)
        applied.release()

    async with AsyncExitStack() as stack:
        probe = Probe()
        stack.push_async_callback(probe.aclose)
        clock, random, forbidden = monotonic, Random(SEED), Forbidden()
        resolver = Resolver(
            crowd, probe, journal=journal, clock=clock, random=random, forbidden=forbidden, on_snapshot=take
        )
        (await stack.enter_async_context(resolver)).follow_routed()
        for _ in range(SERVICES):
            await applied.acquire()
        yield applied


async def _block(crowd: Crowd, number: int, applied: asyncio.Semaphore) -> float:
    applying = asyncio.create_task(applied.acquire())
    crowd.change(number)
    longest, last = 0.0, thread_time()
    while not applying.done():
        await asyncio.sleep(0)
        now = thread_time()
        longest, last = max(longest, now - last), now
    return longest * 1e3


@contextmanager
def without_our_garbage() -> Iterator[None]:
    """Collections of garbage block the loop too, but must not look through what only the benchmark has loaded."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
