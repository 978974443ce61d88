"""May a request be sent once more?"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.errors import (
    AttemptFailed,
    ConnectFailed,
    ConnectRefused,
    NeverSent,
    ResponseLate,
    ResponseLost,
    ResponseMalformed,
    WrongInstance,
)
from discovery.retry import IDEMPOTENT, Budget, Policy, Terms, pause

NOW = 1000.0
EVENTS = st.lists(st.tuples(st.sampled_from(["request", "retry", "retry", "retry"]), st.floats(0, 3)), max_size=400)


def test_a_quiet_service_may_retry_ten_a_second() -> None:
    budget = Budget()
    assert [budget.withdraw(NOW) for _ in range(150)].count(True) == 100
    assert [budget.withdraw(NOW + 11) for _ in range(150)].count(True) == 100


def test_a_busy_one_a_fifth_of_its_requests_on_top() -> None:
    budget = Budget()
    for request in range(1000):
        budget.request(NOW + request / 200)
    assert [budget.withdraw(NOW + 5) for _ in range(500)].count(True) == 300


def test_requests_of_long_ago_do_not_count() -> None:
    budget = Budget()
    for _ in range(1000):
        budget.request(NOW)
    assert [budget.withdraw(NOW + 60) for _ in range(500)].count(True) == 100


@given(EVENTS, st.floats(0, 1))
def test_in_no_ten_seconds_that_end_in_a_retry_are_there_too_many(events: list[tuple[str, float]], at: float) -> None:
    budget = Budget(reserve=0.5)
    now, requests, retries = NOW + at, [], []
    for kind, later in events:
        now += later
        if kind == "request":
            budget.request(now)
            requests.append(now)
        elif budget.withdraw(now):
            retries.append(now)
            within = [sum(now - 10 < each <= now for each in times) for times in (requests, retries)]
            assert within[1] <= 0.2 * within[0] + 5


def test_a_burst_at_the_end_of_a_second_is_not_forgotten_early() -> None:
    budget = Budget()
    assert all(budget.withdraw(NOW + 0.9) for _ in range(100))
    assert not budget.withdraw(NOW + 10.5)
    assert budget.withdraw(NOW + 11.5)


@pytest.mark.parametrize("kind", [NeverSent, ConnectFailed, ConnectRefused, WrongInstance])
def test_what_was_surely_not_carried_out_is_free(kind: type[AttemptFailed]) -> None:
    assert Policy(kept=True).is_free(kind("x"))


@pytest.mark.parametrize("kind", [ResponseLost, ResponseLate, ResponseMalformed])
def test_what_may_have_been_carried_out_is_not(kind: type[AttemptFailed]) -> None:
    assert not Policy(kept=True, replayable=True, hedgeable=True).is_free(kind("x"))


def test_what_a_stranger_took_of_a_stream_is_not_free() -> None:
    assert not Policy().is_free(WrongInstance("x"))
    assert Policy().is_free(ConnectRefused("x"))


def test_which_statuses_are_worth_another_try() -> None:
    plain, safe = Policy(), Policy(hedgeable=True)
    assert [status for status in range(100, 600) if plain.is_trouble(status)] == [502, 503, 504]
    assert [status for status in range(100, 600) if safe.is_trouble(status)] == [500, 502, 503, 504]


def test_which_methods_may_be_repeated() -> None:
    assert {"GET", "PUT", "DELETE"} <= IDEMPOTENT
    assert not {"POST", "PATCH", "CONNECT", "get"} & IDEMPOTENT


def test_a_fresh_instance_is_tried_at_once_and_a_tried_one_after_a_pause() -> None:
    assert pause(Random(7), fresh=True) == 0
    pauses = [pause(Random(seed), fresh=False) for seed in range(500)]
    assert 0.025 <= min(pauses) < 0.03
    assert 0.24 < max(pauses) <= 0.25


def test_terms_are_what_policies_and_budgets_are_made_of() -> None:
    terms = Terms(attempts=2, attempt_timeout=0.5, hedging=False, retry_share=0.0, retry_reserve=0.1)
    policy = terms.policy(True, True, True, 3.0)
    assert policy == Policy(
        kept=True,
        replayable=True,
        hedgeable=True,
        hedging=False,
        deadline=3.0,
        attempt_timeout=0.5,
        attempts=2,
    )
    budget = terms.budget()
    assert [budget.withdraw(1000.0) for _ in range(3)] == [True, False, False], "one in ten seconds"


@pytest.mark.parametrize("replayable", [True, False])
def test_only_what_may_be_repeated_can_be_hedged(replayable: bool) -> None:
    assert Terms().policy(True, replayable, True, 1.0).hedgeable is replayable
    assert not Terms().policy(True, replayable, False, 1.0).hedgeable
