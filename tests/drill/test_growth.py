"""What a gateway may hold more of after a drill than before it: nothing, but a little memory."""

from __future__ import annotations

import pytest

from mesh.drill.growth import Growth, Holdings, most

BEFORE = Holdings(descriptors=20, tasks=9, memory=50_000_000)


def after(**more: int) -> Holdings:
    usual = {"descriptors": BEFORE.descriptors, "tasks": BEFORE.tasks, "memory": BEFORE.memory}
    return Holdings(**(usual | more))


@pytest.mark.parametrize("warm", [False, True])
def test_as_much_as_before_or_less_is_no_growth(warm: bool) -> None:
    for held in (BEFORE, after(descriptors=18, tasks=8, memory=40_000_000)):
        growth = Growth(BEFORE, held, warm)
        assert list(growth.faults()) == []
        assert {growth.tasks, growth.descriptors, growth.connections} == {0}


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("held", "said"),
    [
        (after(in_flight=3), "3 requests are still in flight, of which nobody knows"),
        (after(half_closed=2), "2 connections were closed by the other side only"),
        (after(clients=1), "1 connections are left, and nobody sends anything"),
        (after(descriptors=21), "1 more file descriptors are open than before"),
        (after(tasks=13), "4 more tasks run than before"),
    ],
)
def test_whatever_is_left_over_is_said(held: Holdings, said: str, warm: bool) -> None:
    assert list(Growth(BEFORE, held, warm).faults()) == [said]


def test_connections_to_instances_and_memory_count_only_once_it_is_warm() -> None:
    held = after(idle=5, memory=BEFORE.memory + 9_000_000)
    cold, warm = Growth(BEFORE, held), Growth(BEFORE, held, warm=True)
    assert (cold.connections, cold.memory_mb, list(cold.faults())) == (0, None, [])
    assert (warm.connections, warm.memory_mb) == (5, 9.0)
    assert list(warm.faults()) == [
        "5 connections are left, and nobody sends anything",
        "memory grew by 9 MB, more than the 8 that an allocator may keep",
    ]


def test_a_little_memory_may_stay() -> None:
    growth = Growth(BEFORE, after(memory=BEFORE.memory + 3_000_000), warm=True)
    assert (growth.memory_mb, list(growth.faults())) == (3.0, [])


def test_of_several_looks_the_most_of_each_counts() -> None:
    assert most([Holdings(tasks=9, descriptors=19), Holdings(tasks=8, descriptors=20)]) == Holdings(
        tasks=9, descriptors=20
    )
