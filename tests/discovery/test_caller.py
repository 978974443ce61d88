"""A whole call: rounds, hedges, one deadline over all, and what is said when it fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest

from discovery.caller import HEDGE_FLOOR, Caller
from discovery.ejection import IN_A_ROW, Cause
from discovery.errors import (
    AttemptFailed,
    CallFailed,
    ConnectRefused,
    InstanceFailed,
    NeverSent,
    NoInstance,
    OutOfTime,
    ResponseLate,
    ResponseLost,
    ResponseMalformed,
)
from discovery.reply import Answered
from discovery.retry import Budget, Policy
from tests.discovery.calling import Scene, scene
from tests.fakes.instances import instance
from tests.fakes.sender import HANGS, Act, FakeReply, answers, fails
from tests.fakes.simulation import clock, simulated

ONCE = Policy(kept=True)
IDEMPOTENT = Policy(kept=True, replayable=True)
SAFE = Policy(kept=True, replayable=True, hedgeable=True)
STREAMED = Policy()
EVERYBODY = ("web-1", "web-2", "web-3")


def caller(at: Scene) -> Caller:
    return Caller(at.pool, random=Random(7), clock=clock)


async def call(at: Scene, policy: Policy, by: Caller | None = None) -> Answered[FakeReply]:
    """A call whose body is read at once."""
    answered = await (by or caller(at)).call(policy, at.sender)
    answered.done()
    return answered


async def failure(at: Scene, policy: Policy, by: Caller | None = None) -> CallFailed:
    with pytest.raises(CallFailed) as raised:
        await call(at, policy, by)
    at.assert_nothing_is_left()
    return raised.value


def let_all(at: Scene, act: Act) -> None:
    for each in EVERYBODY:
        at.sender.let(each, act)


# What is tried again


@pytest.mark.parametrize("policy", [ONCE, IDEMPOTENT, SAFE, STREAMED])
@simulated
async def test_a_good_answer_is_the_answer(policy: Policy) -> None:
    at = scene()
    answered = await call(at, policy)
    assert (answered.reply.status, answered.tries, answered.attempts) == (200, 1, [])
    at.assert_nothing_is_left()


@pytest.mark.parametrize("policy", [ONCE, IDEMPOTENT, SAFE, STREAMED])
@simulated
async def test_what_never_left_us_is_sent_to_another_at_once_whatever_it_is(policy: Policy) -> None:
    at = scene()
    at.sender.let("web-1", fails(ConnectRefused("connection refused"), after=0))
    began = clock()
    answered = await call(at, policy)
    assert answered.upstream.instance.id != "web-1"
    assert clock() - began == pytest.approx(0.01)
    assert at.cause("web-1") is Cause.REFUSED
    at.assert_nothing_is_left()


@pytest.mark.parametrize("policy", [ONCE, IDEMPOTENT, SAFE])
@simulated
async def test_a_stranger_has_not_carried_it_out(policy: Policy) -> None:
    at = scene()
    at.sender.let("web-1", answers(identity=None))
    assert (await call(at, policy)).upstream.instance.id != "web-1"
    for _ in range(50):
        await call(at, policy)
    assert at.sender.to.count("web-1") == 1


@simulated
async def test_a_body_that_a_stranger_took_cannot_be_sent_again() -> None:
    """It streamed past: what is left of it must not reach another instance as if it were whole."""
    at = scene()
    at.sender.let("web-1", answers(identity=None))
    assert isinstance(await failure(at, STREAMED), InstanceFailed)
    assert at.sender.to == ["web-1"]


@simulated
async def test_a_body_that_was_not_touched_can() -> None:
    at = scene()
    at.sender.let("web-1", fails(ConnectRefused("x")))
    await call(at, STREAMED)


@pytest.mark.parametrize("lost", [ResponseLost("x"), ResponseMalformed("x")])
@simulated
async def test_what_may_have_been_carried_out_is_only_repeated_when_that_does_no_harm(lost: AttemptFailed) -> None:
    for policy, attempts in ((ONCE, 1), (STREAMED, 1), (IDEMPOTENT, 2), (SAFE, 2)):
        at = scene()
        at.sender.let("web-1", fails(lost))
        if attempts == 1:
            assert isinstance(await failure(at, policy), InstanceFailed)
        else:
            await call(at, policy)
        assert len(at.sender.sent) == attempts


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@simulated
async def test_which_answers_are_worth_another_try(status: int) -> None:
    for policy, repeated in ((ONCE, False), (IDEMPOTENT, status != 500), (SAFE, True)):
        at = scene()
        at.sender.let("web-1", answers(status))
        answered = await call(at, policy)
        assert answered.reply.status == (200 if repeated else status)
        assert answered.tries == 1 + repeated
        assert at.sender.replies[0].discards == repeated
        at.assert_nothing_is_left()


@pytest.mark.parametrize("status", [200, 304, 404, 429, 501, 505])
@simulated
async def test_which_are_not(status: int) -> None:
    at = scene()
    let_all(at, answers(status))
    assert (await call(at, SAFE)).reply.status == status
    assert len(at.sender.sent) == 1


@simulated
async def test_each_attempt_goes_to_an_instance_of_its_own() -> None:
    at = scene()
    let_all(at, answers(503))
    assert (await call(at, SAFE)).reply.status == 503
    assert sorted(at.sender.to) == sorted(EVERYBODY)


@simulated
async def test_three_attempts_and_no_more() -> None:
    for act in (answers(503), fails(ResponseLost("x"))):
        at = scene(5)
        for number in range(1, 6):
            at.sender.let(f"web-{number}", act)
        with suppress(InstanceFailed):
            await call(at, SAFE)
        assert len(at.sender.sent) == 3
        at.assert_nothing_is_left()


@simulated
async def test_the_last_answer_is_passed_on_and_the_others_are_thrown_away() -> None:
    at = scene()
    let_all(at, answers(503))
    answered = await call(at, SAFE)
    assert [each.discards for each in at.sender.replies] == [1, 1, 0]
    assert answered.tries == 3
    assert [each.outcome for each in answered.attempts] == ["503", "503", "503"]


@simulated
async def test_a_single_instance_is_tried_again_after_a_pause() -> None:
    at = scene(1)
    at.sender.let("web-1", fails(ConnectRefused("x"), after=0), fails(ConnectRefused("x"), after=0), answers())
    began = clock()
    await call(at, ONCE)
    assert 2 * 0.025 <= clock() - began <= 2 * 0.25 + 0.01


# Nobody is there


@simulated
async def test_nobody_at_all_is_said_at_once() -> None:
    at = scene(0)
    began = clock()
    failed = await failure(at, SAFE)
    assert isinstance(failed, NoInstance)
    assert failed.attempts == ()
    assert failed.retry_after > 0
    assert clock() == began


@pytest.mark.parametrize("policy", [ONCE, IDEMPOTENT, SAFE])
@simulated
async def test_all_gone_is_said_soon_and_without_spinning(policy: Policy) -> None:
    at = scene()
    let_all(at, fails(ConnectRefused("connection refused"), after=0.001))
    by = caller(at)
    for _ in range(20):
        before, began = len(at.sender.sent), clock()
        failed = await failure(at, policy, by)
        assert isinstance(failed, NoInstance)
        assert {each.outcome for each in failed.attempts} == {"connection refused"}
        assert len(at.sender.sent) - before == len(failed.attempts) <= 3
        assert clock() - began < 1


@simulated
async def test_the_first_one_back_serves_even_before_it_is_probed() -> None:
    at = scene()
    let_all(at, fails(ConnectRefused("x"), after=0.001))
    by = caller(at)
    await failure(at, SAFE, by)
    at.sender.let("web-2", answers())
    assert (await call(at, SAFE, by)).upstream.instance.id == "web-2"


@simulated
async def test_strangers_everywhere_are_nobody() -> None:
    at = scene()
    let_all(at, answers(identity=None))
    by = caller(at)
    assert isinstance(await failure(at, SAFE, by), NoInstance)
    assert Counter(at.sender.to) == Counter(EVERYBODY)
    await failure(at, SAFE, by)
    assert len(at.sender.sent) == 3, "none of them gets a second request"


@simulated
async def test_our_own_trouble_ejects_nobody() -> None:
    at = scene()
    let_all(at, fails(NeverSent("no free connection")))
    for _ in range(10):
        assert isinstance(await failure(at, SAFE), NoInstance)
    assert [at.cause(each) for each in EVERYBODY] == [None] * 3


@simulated
async def test_all_at_their_limit_is_said_at_once() -> None:
    at = scene(2)
    for each in at.pool.upstreams:
        each.in_flight = 256
    began = clock()
    with pytest.raises(NoInstance):
        await call(at, SAFE)
    assert clock() == began


# Time


@simulated
async def test_one_that_hangs_costs_a_hedge() -> None:
    at = scene()
    at.sender.let("web-1", HANGS)
    by = caller(at)
    for _ in range(20):
        began = clock()
        await call(at, SAFE, by)
        assert clock() - began <= HEDGE_FLOOR + 0.011
    assert at.cause("web-1") is Cause.SILENT
    at.assert_nothing_is_left()


@simulated
async def test_one_that_hangs_costs_an_attempts_time_where_there_may_be_no_hedge() -> None:
    at = scene()
    at.sender.let("web-1", HANGS)
    began = clock()
    answered = await call(at, IDEMPOTENT)
    assert clock() - began == pytest.approx(2.01)
    assert at.sender.to == ["web-1", answered.upstream.instance.id]


@simulated
async def test_what_must_not_be_repeated_is_waited_for_until_the_deadline() -> None:
    for policy in (ONCE, STREAMED):
        at = scene()
        at.sender.let("web-1", HANGS)
        began = clock()
        assert isinstance(await failure(at, policy), OutOfTime)
        assert clock() - began == pytest.approx(10.0)
        assert len(at.sender.sent) == 1, "in particular not once more at the very end"


@pytest.mark.parametrize("deadline", [0.01, 0.1, 1.0, 3.0, 5.9, 10.0])
@pytest.mark.parametrize("policy", [ONCE, IDEMPOTENT, SAFE])
@simulated
async def test_when_all_hang_the_deadline_holds(policy: Policy, deadline: float) -> None:
    at = scene()
    let_all(at, HANGS)
    began = clock()
    failed = await failure(at, replace(policy, deadline=deadline))
    assert isinstance(failed, OutOfTime)
    assert clock() - began <= deadline + 0.001
    assert failed.attempts


@simulated
async def test_a_single_one_that_hangs_is_waited_for_until_the_deadline() -> None:
    at = scene(1)
    at.sender.let("web-1", HANGS)
    began = clock()
    assert isinstance(await failure(at, SAFE), OutOfTime)
    assert clock() - began == pytest.approx(10.0)


@simulated
async def test_no_attempt_begins_and_nobody_is_blamed_after_the_deadline() -> None:
    """A pause before another try must not lead beyond it."""
    for seed in range(20):
        at = scene(1)
        at.sender.let("web-1", fails(ResponseLost("x"), after=0.04), HANGS)
        by = Caller(at.pool, random=Random(seed), clock=clock)
        began = clock()
        with pytest.raises(CallFailed):
            await call(at, replace(SAFE, deadline=0.1), by)
        assert clock() - began <= 0.1 + 0.001
        assert all(each.at < began + 0.1 for each in at.sender.sent)


@simulated
async def test_an_answer_at_hand_is_passed_on_rather_than_nothing() -> None:
    """There is no time for a pause and another try: the trouble that was answered is the answer."""
    at = scene(1)
    at.sender.let("web-1", answers(503, after=0.09))
    answered = await call(at, replace(SAFE, deadline=0.1))
    assert answered.reply.status == 503
    assert answered.reply.discards == 0


@simulated
async def test_the_hedge_waits_for_twice_the_slowest_percent() -> None:
    at = scene()
    let_all(at, answers(after=0.1))
    by = caller(at)
    for _ in range(300):
        await call(at, IDEMPOTENT, by)
    at.sender.sent.clear()
    at.sender.let("web-1", HANGS)
    began = clock()
    while "web-1" not in at.sender.to:
        began = clock()
        await call(at, SAFE, by)
    assert clock() - began == pytest.approx(0.1 + 2 * 0.1, rel=0.15)


@simulated
async def test_hedges_are_counted_in_the_budget() -> None:
    at = scene()
    by = caller(at)
    by.budget = Budget(reserve=0)
    let_all(at, answers(after=0.001))
    await asyncio.gather(*(call(at, SAFE, by) for _ in range(100)))
    let_all(at, answers(after=1))
    await asyncio.gather(*(call(at, SAFE, by) for _ in range(100)))
    assert len(at.sender.sent) == 200 + 0.2 * 200, "all are slow, and a fifth of the requests may have a hedge"


# Load


@simulated
async def test_when_all_fail_the_load_grows_by_no_more_than_the_budget() -> None:
    at = scene()
    let_all(at, answers(500))
    by, began = caller(at), clock()
    for _ in range(1000):
        await call(at, SAFE, by)
        await asyncio.sleep(0.005)
    seconds = clock() - began
    assert len(at.sender.sent) <= 1.2 * 1000 + 10 * seconds + 100 < 2000, "three times the load otherwise"


@simulated
async def test_one_in_ten_failing_is_hidden_by_another_try() -> None:
    at = scene()
    at.sender.let("web-1", *[answers(500 if request % 10 == 0 else 200) for request in range(500)])
    by = caller(at)
    for _ in range(1000):
        assert (await call(at, SAFE, by)).reply.status == 200
        await asyncio.sleep(0.005)


@simulated
async def test_one_that_fails_everything_is_ejected_and_gets_single_requests_from_then_on() -> None:
    at = scene()
    at.sender.let("web-1", answers(500))
    by = caller(at)
    for _ in range(1000):
        assert (await call(at, SAFE, by)).reply.status == 200
        await asyncio.sleep(0.005)
    assert at.sender.to.count("web-1") <= IN_A_ROW + 10


@simulated
async def test_a_crowd_does_not_try_what_is_on_trial() -> None:
    at = scene()
    at.sender.let("web-1", HANGS)
    for _ in range(IN_A_ROW):
        at.pool.failed(at["web-1"], ResponseLate("x"))
    await asyncio.sleep(1)
    await asyncio.gather(*(call(at, SAFE) for _ in range(50)))
    assert at.sender.to.count("web-1") <= 1
    await asyncio.sleep(SAFE.attempt_timeout)
    at.assert_nothing_is_left()


@simulated
async def test_an_instance_whose_first_answer_takes_long_comes_into_use() -> None:
    """What it did for a request that was given up is lost: only one that goes on to its end makes it quick."""
    at = scene()
    by = caller(at)
    at.sender.let("web-1", answers(after=0.1))
    while at["web-1"].last_good is None:
        await call(at, SAFE, by)
        await asyncio.sleep(0.05)
        assert clock() < 1010
    at.sender.let("web-1", answers())
    for _ in range(50):
        await call(at, SAFE, by)
        await asyncio.sleep(0.05)
    assert at.cause("web-1") is None


@simulated
async def test_a_reused_connection_that_had_ended_is_nobodys_fault() -> None:
    at = scene()
    at.sender.let("web-1", fails(NeverSent("x"), after=0), answers())
    for _ in range(IN_A_ROW + 1):
        await call(at, ONCE)
    assert at.cause("web-1") is None


@simulated
async def test_callers_who_go_away_leave_nothing_behind() -> None:
    at = scene()
    at.sender.let("web-1", HANGS)
    by = caller(at)
    calls = [asyncio.create_task(call(at, SAFE, by)) for _ in range(200)]
    for number, each in enumerate(calls):
        await asyncio.sleep(0.001 * (number % 7))
        each.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    at.assert_nothing_is_left()


@simulated
async def test_what_was_tried_is_told_in_order() -> None:
    at = scene()
    at.sender.let("web-1", fails(ConnectRefused("connection refused"), after=0.001))
    at.sender.let("web-2", answers(503))
    at.sender.let("web-3", fails(ResponseLost("the connection broke"), after=0.02))
    answered = await call(at, SAFE)
    assert [(each.instance, each.outcome, each.milliseconds) for each in answered.attempts] == [
        ("web-1", "connection refused", 1.0),
        ("web-2", "503", 10.0),
        ("web-3", "the connection broke", 20.0),
        ("web-2", "503", 10.0),
    ]


@simulated
async def test_an_instance_of_others_can_be_called_too() -> None:
    at = scene([instance(boot="")])
    at.sender.let("web-1", answers(identity=None))
    await call(at, SAFE)


@simulated
async def test_without_hedging_a_slow_one_is_waited_for() -> None:
    at = scene()
    let_all(at, answers(after=0.4))
    assert (await call(at, SAFE)).tries == 2
    assert (await call(at, replace(SAFE, hedging=False))).tries == 1
