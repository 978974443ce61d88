"""Single flight: one piece of work for all, and for as long as anyone wants it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from services.encrypt.flight import SingleFlight, TakeOff

from .doubles import until


class Work:
    def __init__(self) -> None:
        self.departures = 0
        self.cancelled = 0
        self.go = asyncio.Event()
        self.fails = False
        self.takes_off = False

    async def __call__(self, take_off: TakeOff) -> str:
        self.departures += 1
        if self.takes_off:
            take_off()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise LookupError("nothing there")
        return f"result {self.departures}"


async def test_all_who_want_the_same_share_one_departure() -> None:
    flights, work = SingleFlight[str, str](), Work()
    waiting = [asyncio.create_task(flights.join("a", work)) for _ in range(50)]
    await until(lambda: work.departures == 1)
    work.go.set()
    assert set(await asyncio.gather(*waiting)) == {"result 1"}
    assert "a" not in flights


async def test_others_fly_on_their_own() -> None:
    flights, work = SingleFlight[str, str](), Work()
    work.go.set()
    await asyncio.gather(flights.join("a", work), flights.join("b", work))
    await flights.join("a", work)
    assert work.departures == 3


async def test_one_who_leaves_does_not_end_it_for_the_others() -> None:
    flights, work = SingleFlight[str, str](), Work()
    first, second = (asyncio.create_task(flights.join("a", work)) for _ in range(2))
    await until(lambda: work.departures == 1)
    first.cancel()
    await asyncio.wait([first])
    work.go.set()
    assert await second == "result 1"
    assert first.cancelled()
    assert work.cancelled == 0


async def test_the_last_who_leaves_ends_it_and_the_next_one_starts_anew() -> None:
    flights, work = SingleFlight[str, str](), Work()
    waiting = [asyncio.create_task(flights.join("a", work)) for _ in range(2)]
    await until(lambda: work.departures == 1)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    next_one = asyncio.create_task(flights.join("a", work))
    await until(lambda: work.departures == 2)
    assert work.cancelled == 1
    work.go.set()
    assert await next_one == "result 2"


async def test_after_take_off_it_goes_on_without_anybody_and_the_next_one_comes_aboard() -> None:
    flights, work = SingleFlight[str, str](), Work()
    work.takes_off = True
    first = asyncio.create_task(flights.join("a", work))
    await until(lambda: work.departures == 1)
    first.cancel()
    await asyncio.wait([first])
    second = asyncio.create_task(flights.join("a", work))
    await asyncio.sleep(0)
    work.go.set()
    assert await second == "result 1"
    assert work.cancelled == 0
    assert "a" not in flights


async def test_all_get_the_error_and_the_next_one_tries_again() -> None:
    flights, work = SingleFlight[str, str](), Work()
    work.fails = True
    work.go.set()
    results = await asyncio.gather(*(flights.join("a", work) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in results] == [LookupError] * 3
    work.fails = False
    assert await flights.join("a", work) == "result 2"


@pytest.mark.parametrize("takes_off", [False, True])
async def test_an_error_that_nobody_waits_for_is_not_shouted_about(
    caplog: pytest.LogCaptureFixture, takes_off: bool
) -> None:
    flights, work = SingleFlight[str, str](), Work()
    work.fails, work.takes_off = True, takes_off
    waiting = asyncio.create_task(flights.join("a", work))
    await until(lambda: work.departures == 1)
    work.go.set()
    waiting.cancel()
    await asyncio.wait([waiting])
    await until(lambda: "a" not in flights)
    gc.collect()
    assert caplog.records == []
