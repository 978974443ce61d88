"""A body between two connections: nothing is lost, and whoever fills it too fast is paused."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.flow import HIGH, Flow


class Tap:
    """The filling side: knows whether it should pour."""

    def __init__(self) -> None:
        self.turns = 0
        self.flow = Flow(self._close, self._open)

    @property
    def is_open(self) -> bool:
        return self.turns % 2 == 0

    def _close(self) -> None:
        assert self.is_open
        self.turns += 1

    def _open(self) -> None:
        assert not self.is_open
        self.turns += 1


async def drained(flow: Flow) -> bytes:
    return b"".join([data async for data in flow])


async def test_what_was_fed_comes_out_in_its_order() -> None:
    flow = Tap().flow
    for data in (b"a", b"b", b"c"):
        flow.feed(data)
    flow.end()
    assert await drained(flow) == b"abc"


async def test_a_reader_waits_for_what_is_not_there_yet() -> None:
    flow = Tap().flow
    reading = asyncio.create_task(drained(flow))
    for data in (b"a", b"b"):
        await asyncio.sleep(0)
        flow.feed(data)
    await asyncio.sleep(0)
    assert not reading.done()
    flow.end()
    assert await reading == b"ab"


async def test_an_empty_body_ends_at_once() -> None:
    flow = Tap().flow
    flow.end()
    assert flow.is_complete
    assert await drained(flow) == b""


def test_the_filler_is_paused_above_the_mark_and_resumed_when_it_is_taken() -> None:
    tap = Tap()
    tap.flow.feed(b"x" * HIGH)
    assert tap.turns == 0
    tap.flow.feed(b"x")
    assert tap.turns == 1
    tap.flow.feed(b"what was under way already")
    assert tap.turns == 1
    assert len(tap.flow.take()) == HIGH + 1 + 26
    assert tap.turns == 2
    assert tap.flow.size == 0


def test_taking_little_pauses_and_resumes_nobody() -> None:
    tap = Tap()
    assert tap.flow.take() == b""
    tap.flow.feed(b"x")
    assert tap.flow.take() == b"x"
    assert tap.turns == 0


async def test_an_error_comes_after_what_came_before_it() -> None:
    flow = Tap().flow
    flow.feed(b"a")
    flow.fail(OSError("gone"))
    assert not flow.is_complete
    assert await anext(flow) == b"a"
    with pytest.raises(OSError, match="gone"):
        await anext(flow)


async def test_an_error_wakes_a_reader_that_waits() -> None:
    flow = Tap().flow
    reading = asyncio.create_task(drained(flow))
    await asyncio.sleep(0)
    flow.fail(OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        await reading


async def test_after_the_end_it_is_too_late_for_an_error() -> None:
    flow = Tap().flow
    flow.feed(b"a")
    flow.end()
    flow.fail(OSError("gone"))
    assert flow.is_complete
    assert await drained(flow) == b"a"


async def test_after_an_error_it_is_too_late_for_an_end() -> None:
    flow = Tap().flow
    flow.fail(OSError("gone"))
    flow.end()
    assert not flow.is_complete
    with pytest.raises(OSError, match="gone"):
        await anext(flow)


async def test_a_reader_that_was_cancelled_takes_nothing_with_it() -> None:
    flow = Tap().flow
    reading = asyncio.create_task(drained(flow))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    flow.feed(b"a")
    flow.end()
    assert await drained(flow) == b"a"


def test_one_that_is_let_go_resumes_and_never_again_pauses() -> None:
    tap = Tap()
    tap.flow.feed(b"x" * (HIGH + 1))
    tap.flow.let_go()
    assert tap.is_open
    tap.flow.feed(b"x" * (HIGH + 1))
    tap.flow.take()
    assert tap.is_open
    assert tap.turns == 2


@given(st.lists(st.one_of(st.just(None), st.integers(1, HIGH * 2)), max_size=20))
def test_it_is_paused_exactly_while_it_holds_too_much(steps: list[int | None]) -> None:
    """None takes all, a number feeds so many bytes."""
    tap, fed, taken = Tap(), 0, 0
    for step in steps:
        if step is None:
            taken += len(tap.flow.take())
        else:
            tap.flow.feed(b"x" * step)
            fed += step
        assert tap.is_open == (tap.flow.size <= HIGH)
        assert tap.flow.size == fed - taken
