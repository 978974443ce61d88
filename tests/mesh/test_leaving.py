"""Work that is dropped when it is time to leave."""

from __future__ import annotations

import asyncio

import pytest

from mesh.leaving import Leaving


async def test_work_that_ends_by_itself_is_done() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    assert await Leaving(lambda: None).unless(work())
    assert done == ["work"]


async def test_work_is_dropped_and_cleans_up_when_it_is_time_to_leave() -> None:
    cleaned: list[str] = []
    working = asyncio.Event()

    async def work() -> None:
        working.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")

    leaving = Leaving(lambda: None)
    doing = asyncio.create_task(leaving.unless(work()))
    await working.wait()
    leaving.leave()
    assert await doing is False
    assert cleaned == ["up"]


async def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Leaving(lambda: None).unless(work())


async def test_only_who_does_not_want_to_wait_makes_it_quick() -> None:
    hurried: list[int] = []
    leaving = Leaving(lambda: hurried.append(1))
    leaving.leave()
    assert hurried == []
    leaving.leave(now=True)
    assert hurried == [1]
    await leaving.told()
