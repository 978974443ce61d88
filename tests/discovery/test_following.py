"""Work that goes on under a name until nobody wants it any more."""

from __future__ import annotations

import asyncio

import pytest

from discovery.following import Following
from tests.fakes.simulation import simulated


async def never() -> None:
    await asyncio.Event().wait()


@simulated
async def test_work_is_begun_once_and_ends_when_it_is_stopped() -> None:
    following = Following(asyncio.sleep)
    begun: list[str] = []

    async def work() -> None:
        begun.append("web")
        await never()

    for _ in range(3):
        following.start("web", work)
        await asyncio.sleep(1)
    assert (begun, "web" in following) == (["web"], True)
    following.stop("web")
    following.stop("web")
    await asyncio.sleep(0)
    assert ("web" in following, len(asyncio.all_tasks())) == (False, 1)
    following.start("web", work)
    await asyncio.sleep(0)
    assert begun == ["web", "web"]
    await following.aclose()


@simulated
async def test_work_that_returns_is_over() -> None:
    following = Following(asyncio.sleep)

    async def work() -> None:
        following.stop("web")

    following.start("web", work)
    await asyncio.sleep(60)
    assert len(following) == 0
    assert len(asyncio.all_tasks()) == 1


@simulated
async def test_a_bug_is_told_of_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    following = Following(asyncio.sleep)
    begun: list[float] = []

    async def work() -> None:
        begun.append(0.0)
        raise ZeroDivisionError("a bug")

    following.start("web", work)
    await asyncio.sleep(2.5)
    assert len(begun) == 3
    assert len([each for each in caplog.records if each.exc_info]) == 3
    await following.aclose()
    assert len(asyncio.all_tasks()) == 1
