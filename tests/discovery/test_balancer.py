"""The choice of an instance: two at random, the less loaded, and never one that is barred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.balancer import Roster, choose
from discovery.ejection import IN_A_ROW, Cause
from discovery.instance import Instance
from discovery.latency import WARM_UP
from discovery.upstream import Standing, Upstream
from tests.fakes.instances import instance

NOW = 1000.0


@dataclass(frozen=True, slots=True)
class State:
    """Of one upstream, as Hypothesis draws it."""

    cause: Cause | None = None
    listed: bool = True
    weight: int = 1
    busy: int = 0
    tried: bool = False


STATES = st.lists(
    st.builds(
        State,
        cause=st.sampled_from([None, None, None, *Cause]),
        listed=st.booleans(),
        weight=st.integers(0, 3),
        busy=st.integers(0, 3),
        tried=st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def upstream(state: State, number: int = 1) -> Upstream:
    found = Upstream(instance(f"web-{number}", port=9000 + number, weight=state.weight), Random(7), limit=3)
    found.is_listed = state.listed
    match state.cause:
        case None:
            pass
        case Cause.RESTING:
            found.ejection.rest(NOW, 10)
        case Cause.FAILING | Cause.SILENT:
            for _ in range(IN_A_ROW):
                found.ejection.failed(NOW, state.cause)
        case _:
            found.ejection.refused(state.cause)
    for _ in range(state.busy):
        found.begin(NOW)
    return found


def upstreams(count: int, *, seconds: float = 0.0) -> list[Upstream]:
    found = [upstream(State(), number) for number in range(1, count + 1)]
    for each in found if seconds else ():
        for _ in range(WARM_UP):
            each.latency.observe(seconds, NOW)
    return found


def shares(found: Sequence[Upstream], *, rounds: int = 3000, tried: Sequence[Upstream] = ()) -> Counter[str]:
    """How often each is chosen while nothing changes."""
    roster, random = Roster(found), Random(7)
    chosen = [choose(roster, tried, NOW, random.random) for _ in range(rounds)]
    return Counter(each.instance.id for each in chosen if each is not None)


@given(STATES, st.integers())
def test_the_choice_is_the_best_that_there_is(states: list[State], seed: int) -> None:
    """Not tried before tried, and a last resort only when there is nothing better; never a barred one."""
    found = [upstream(state, number) for number, state in enumerate(states)]
    tried = [each for each, state in zip(found, states, strict=True) if state.tried]

    def rank(each: Upstream) -> tuple[bool, bool, Standing]:
        standing = each.standing(NOW)
        is_last_resort = standing >= Standing.EJECTED
        return is_last_resort, each in tried, standing

    usable = [each for each in found if each.standing(NOW) is not Standing.BARRED]
    chosen = choose(Roster(found), tried, NOW, Random(seed).random)
    if not usable:
        assert chosen is None
    else:
        assert chosen is not None
        assert rank(chosen) == min(map(rank, usable))


def test_nobody_is_chosen_from_nobody() -> None:
    assert choose(Roster(()), (), NOW, Random(7).random) is None


def test_a_single_one_is_chosen_again_and_again_unless_it_is_barred() -> None:
    (only,) = found = upstreams(1)
    assert choose(Roster(found), [only], NOW, Random(7).random) is only
    only.ejection.refused(Cause.STRANGER)
    assert choose(Roster(found), [], NOW, Random(7).random) is None


def test_all_get_the_same_while_all_are_alike() -> None:
    assert all(800 < share < 1200 for share in shares(upstreams(3, seconds=0.01)).values())


def test_a_slow_one_gets_less_and_the_slowest_of_two_nothing() -> None:
    fast, slow = found = upstreams(2, seconds=0.01)
    slow.latency.observe(1.0, NOW)
    counted = shares(found)
    assert counted[fast.instance.id] > 0.9 * 3000
    assert counted[slow.instance.id] < 0.1 * 3000


def test_a_busy_one_gets_less() -> None:
    found = upstreams(3, seconds=0.01)
    for _ in range(3):
        found[0].in_flight += 1
    counted = shares(found)
    assert counted["web-1"] < 0.2 * counted["web-2"]


def test_weights_count() -> None:
    heavy, light = upstream(State(weight=3), 1), upstream(State(weight=1), 2)
    light.in_flight = heavy.in_flight = 0
    counted = shares([heavy, light])
    assert counted["web-1"] > 1.3 * counted["web-2"]


def test_one_on_trial_gets_one_request_only() -> None:
    found = upstreams(3)
    for _ in range(IN_A_ROW):
        found[0].ejection.failed(NOW - 100)
    found[0].ejection.begin(NOW)
    assert found[0].instance.id not in shares(found)


@pytest.mark.parametrize("count", [2, 10, 1000])
def test_tried_ones_are_left_out_while_there_are_others(count: int) -> None:
    found = upstreams(count)
    assert found[0].instance.id not in shares(found, rounds=300, tried=found[:1])


def test_ten_thousand_cost_no_more_than_ten() -> None:
    """Counted in looks at an upstream, not in time: the choice draws, it does not walk."""
    found = upstreams(10_000)
    drawn = 0

    def chance() -> float:
        nonlocal drawn
        drawn += 1
        return drawn / 10

    assert choose(Roster(found), (), NOW, chance) is not None
    assert drawn == 2


def test_a_tenth_of_the_weight_gets_about_a_tenth() -> None:
    random = Random(7)
    heavy, light = (
        Upstream(Instance(f"web-{weight}", "web", "10.0.0.1", 9000, weight=weight), random) for weight in (9, 1)
    )
    for each in (heavy, light):
        for _ in range(20):
            each.latency.observe(0.002, 0.0)
    roster, chosen = Roster((heavy, light)), 0
    for _ in range(5000):
        upstream = choose(roster, (), 1.0, random.random)
        chosen += upstream is light
    assert 0.005 * 5000 < chosen < 0.15 * 5000
