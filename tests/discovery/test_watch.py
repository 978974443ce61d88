"""Blocking queries become snapshots; neither a confused registry nor a silent one makes a storm of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.documents import Answer
from discovery.errors import RegistryError, RegistryGarbled, RegistryRefused, RegistryUnreachable
from discovery.watch import Snapshot, TokenBucket, next_index, watch
from tests.fakes.clock import Clock

News = Snapshot[str] | RegistryError


class Scripted:
    """Answers one after another, the last one for ever; `asked` are the indexes that it was asked with."""

    def __init__(self, *script: Answer[str] | RegistryError) -> None:
        self.asked: list[int] = []
        self._script = list(script)

    async def __call__(self, index: int) -> Answer[str]:
        self.asked.append(index)
        said = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(said, RegistryError):
            raise said
        return said


def watched(fetch: Scripted, clock: Clock) -> AsyncIterator[News]:
    return watch(fetch, clock=clock, sleep=clock.sleep, random=Random(7))


async def heard(fetch: Scripted, count: int, clock: Clock | None = None) -> list[News]:
    news: list[News] = []
    async for each in watched(fetch, clock or Clock()):
        news.append(each)
        if len(news) == count:
            break
    return news


def continuity(news: list[News]) -> list[bool]:
    return [each.continuous for each in news if isinstance(each, Snapshot)]


async def test_each_question_carries_the_index_of_the_answer_before() -> None:
    fetch = Scripted(Answer(7, "a"), Answer(9, "b"), Answer(9, "b"))
    news = await heard(fetch, 3)
    assert fetch.asked == [0, 7, 9]
    assert news == [Snapshot("a", False), Snapshot("b", True), Snapshot("b", True)]


async def test_an_index_that_goes_backwards_starts_again_and_is_a_break() -> None:
    fetch = Scripted(Answer(70, "a"), Answer(3, "b"), Answer(3, "b"), Answer(4, "c"))
    assert continuity(await heard(fetch, 4)) == [False, False, False, True]
    assert fetch.asked == [0, 70, 0, 3]


@pytest.mark.parametrize("index", [0, -1, -(10**18)])
async def test_an_index_below_one_is_never_asked_with(index: int) -> None:
    fetch = Scripted(Answer(index, "a"))
    await heard(fetch, 10)
    assert all(asked in (0, 1) for asked in fetch.asked)


@given(st.integers(0, 100), st.integers(-100, 200))
def test_what_is_asked_next_never_blocks_in_vain(asked: int, answered: int) -> None:
    following = next_index(asked, answered)
    assert following == 0 if answered < asked else following == max(1, answered)


async def test_an_error_is_a_break_and_asks_afresh() -> None:
    fetch = Scripted(Answer(7, "a"), RegistryUnreachable("x"), Answer(7, "a"), Answer(8, "b"))
    news = await heard(fetch, 4)
    assert fetch.asked == [0, 7, 0, 7]
    assert continuity(news) == [False, False, True]
    assert isinstance(news[1], RegistryUnreachable)


@pytest.mark.parametrize("kind", [RegistryUnreachable, RegistryGarbled])
async def test_errors_are_waited_out_within_a_second(kind: type[RegistryError]) -> None:
    clock = Clock()
    await heard(Scripted(kind("x")), 50, clock)
    assert len(clock.slept) >= 49
    assert all(0 < each <= 1 for each in clock.slept)
    assert sum(clock.slept[-20:]) / 20 > 0.3


async def test_an_agent_that_refuses_is_asked_less_and_less() -> None:
    clock = Clock()
    await heard(Scripted(RegistryRefused("x")), 100, clock)
    assert max(clock.slept) > 8
    assert max(clock.slept) <= 10


async def test_a_good_answer_makes_the_next_error_a_first_one_again() -> None:
    clock = Clock()
    down = [RegistryUnreachable("x")] * 10
    await heard(Scripted(*down, Answer(1, "a"), RegistryUnreachable("x"), Answer(1, "a")), 13, clock)
    assert clock.slept[-1] <= 0.1


async def test_a_query_that_returns_at_once_a_thousand_times_is_limited() -> None:
    clock = Clock()
    began = clock()
    news = await heard(Scripted(Answer(7, "a")), 1000, clock)
    assert len(news) == 1000
    assert clock() - began >= (1000 - 10) / 5 - 1


async def test_one_that_flips_its_index_is_limited_too_and_never_believed_to_be_continuous() -> None:
    clock = Clock()
    began = clock()
    flips = [Answer(9, "a"), Answer(3, "b")] * 100
    news = await heard(Scripted(*flips), 200, clock)
    assert clock() - began >= 30
    assert not any(continuity(news))


async def test_a_few_changes_at_once_are_not_delayed() -> None:
    clock = Clock()
    await heard(Scripted(*(Answer(index, "a") for index in range(1, 11))), 10, clock)
    assert clock.slept == []


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_burst_and_no_rate_beyond_what_the_bucket_holds(gaps: list[float]) -> None:
    bucket, now, used = TokenBucket(burst=10, rate=5), 1000.0, []
    for gap in gaps:
        now += gap
        now += bucket.delay(now)
        used.append(now)
    for first, start in enumerate(used):
        for last in range(first, len(used)):
            assert last - first + 1 <= 10 + 5 * (used[last] - start) + 0.001
