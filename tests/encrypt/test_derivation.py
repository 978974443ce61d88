"""The derivation pool: few at work, a bounded queue, and nobody waits in it who has left."""

from __future__ import annotations

import asyncio

import pytest

from services.encrypt.derivation import DerivationPool
from services.encrypt.errors import Overloaded

from .doubles import Clock, HeldDerivation, until


class Pool:
    """A pool whose derivations all hold until they are let go."""

    def __init__(self, *, workers: int, queue: int) -> None:
        self.pool = DerivationPool(workers=workers, queue=queue, clock=Clock())
        self.held = HeldDerivation()

    def ask(self) -> asyncio.Task[bytes]:
        return asyncio.create_task(self.pool.run(lambda: self.held(b"key", b"salt")))

    async def filled(self, *, begun: int, waiting: int) -> list[asyncio.Task[bytes]]:
        tasks = [self.ask() for _ in range(begun + waiting)]
        await until(lambda: self.held.begun == begun and self.pool.waiting == waiting)
        return tasks


async def test_no_more_work_at_once_than_there_are_workers() -> None:
    full = Pool(workers=2, queue=10)
    tasks = await full.filled(begun=2, waiting=3)
    full.held.go.set()
    assert len(set(await asyncio.gather(*tasks))) == 1
    assert (full.pool.done, full.pool.waiting) == (5, 0)


async def test_beyond_the_queue_is_overloaded_at_once() -> None:
    full = Pool(workers=1, queue=2)
    tasks = await full.filled(begun=1, waiting=2)
    with pytest.raises(Overloaded) as caught:
        await full.pool.run(lambda: b"")
    assert caught.value.retry_after >= 1
    full.held.go.set()
    await asyncio.gather(*tasks)
    assert await full.pool.run(lambda: b"room again") == b"room again"


async def test_no_queue_at_all_still_has_its_workers() -> None:
    full = Pool(workers=2, queue=0)
    tasks = await full.filled(begun=2, waiting=0)
    with pytest.raises(Overloaded):
        await full.pool.run(lambda: b"")
    full.held.go.set()
    await asyncio.gather(*tasks)


async def test_those_who_leave_the_queue_make_room() -> None:
    full = Pool(workers=1, queue=2)
    working, *waiting = await full.filled(begun=1, waiting=2)
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    assert full.pool.waiting == 1
    latecomer = full.ask()
    await until(lambda: full.pool.waiting == 2)
    full.held.go.set()
    await asyncio.gather(working, waiting[1], latecomer)
    assert full.held.begun == 3  # the one that left was never derived


async def test_a_thread_stays_taken_until_its_work_is_done_whoever_has_left() -> None:
    full = Pool(workers=1, queue=1)
    (working,) = await full.filled(begun=1, waiting=0)
    working.cancel()
    await asyncio.wait([working])
    next_one = full.ask()
    await until(lambda: full.pool.waiting == 1)
    with pytest.raises(Overloaded):
        await full.pool.run(lambda: b"")
    full.held.go.set()
    await next_one


async def test_a_derivation_that_fails_gives_its_thread_back() -> None:
    pool = DerivationPool(workers=1, queue=0, clock=Clock())

    def fail() -> bytes:
        raise MemoryError

    for _ in range(3):
        with pytest.raises(MemoryError):
            await pool.run(fail)
    assert await pool.run(lambda: b"fine") == b"fine"
    assert pool.done == 1


async def test_retry_after_is_the_time_that_the_queue_of_now_will_take() -> None:
    clock = Clock()
    pool = DerivationPool(workers=2, queue=4, clock=clock)

    def five_seconds() -> bytes:
        clock.now += 5.0
        return b""

    await pool.run(five_seconds)
    held = HeldDerivation()
    tasks = [asyncio.create_task(pool.run(lambda: held(b"", b""))) for _ in range(6)]
    await until(lambda: pool.waiting == 4)
    with pytest.raises(Overloaded) as caught:
        await pool.run(lambda: b"")
    assert caught.value.retry_after == 10
    held.go.set()
    await asyncio.gather(*tasks)
