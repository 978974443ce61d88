"""One round of a call: who wins, who is blamed, and that nothing is left behind by those who lose."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from discovery.alarms import Alarms
from discovery.ejection import IN_A_ROW, Cause
from discovery.errors import (
    AttemptFailed,
    ConnectRefused,
    NeverSent,
    ResponseLate,
    ResponseLost,
    WrongInstance,
)
from discovery.race import Race
from discovery.reply import Answered, Settle
from discovery.retry import Policy
from discovery.upstream import Upstream
from tests.discovery.calling import Scene, scene
from tests.fakes.instances import NEWER_BOOT, instance, says
from tests.fakes.sender import HANGS, FakeReply, answers, fails
from tests.fakes.simulation import clock, simulated

SAFE = Policy(kept=True, replayable=True, hedgeable=True)


def race(at: Scene) -> Race[FakeReply]:
    return Race(at.pool, SAFE, at.sender, clock, Alarms(clock))


async def run(
    at: Scene, *, first: str = "web-1", rival: str | None = "web-2", until: float = 2.0, hedge_at: float = 0.05
) -> Answered[FakeReply]:
    """A round from now on, with a hedge to `rival`."""
    return await rounds(at, race(at), first=first, rival=rival, until=until, hedge_at=hedge_at)


async def rounds(
    at: Scene, running: Race[FakeReply], *, first: str, rival: str | None, until: float, hedge_at: float
) -> Answered[FakeReply]:
    now = clock()

    def other() -> Upstream | None:
        return at[rival] if rival else None

    return await running.run(at[first], now=now, until=now + until, hedge_at=now + hedge_at, rival=other)


def eject(upstream: Upstream) -> None:
    for _ in range(IN_A_ROW):
        upstream.ejection.failed(clock() - 100)


# One attempt


@simulated
async def test_a_quick_answer_needs_no_hedge() -> None:
    at = scene()
    answered = await run(at)
    assert (answered.reply.status, answered.upstream, answered.tries) == (200, at["web-1"], 1)
    assert answered.seconds == pytest.approx(0.01)
    assert at.sender.to == ["web-1"]
    assert at["web-1"].in_flight == 1, "until its body is done"
    answered.done()
    at.assert_nothing_is_left()


@simulated
async def test_the_latency_of_a_good_answer_is_learnt() -> None:
    at = scene()
    at.sender.let("web-1", answers(after=0.02))
    (await run(at)).done()
    assert at["web-1"].latency.at(clock()) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("failure", "spent"),
    [(ConnectRefused("x"), 0), (NeverSent("x"), 0), (ResponseLost("x"), 1), (ResponseLate("x"), 1)],
)
@simulated
async def test_a_failure_ends_the_round_and_counts_when_it_may_have_been_carried_out(
    failure: AttemptFailed, spent: int
) -> None:
    at = scene()
    at.sender.let("web-1", fails(failure))
    running = race(at)
    with pytest.raises(type(failure)):
        await rounds(at, running, first="web-1", rival="web-2", until=2, hedge_at=0.05)
    assert running.spent == spent
    assert [(each.instance, each.outcome, each.milliseconds) for each in running.attempts] == [("web-1", "x", 10.0)]
    assert running.tried == [at["web-1"]]
    at.assert_nothing_is_left()


@simulated
async def test_a_stranger_is_not_believed() -> None:
    at = scene()
    for identity in (None, says(instance("other-1"))):
        at.sender.let("web-1", answers(identity=identity))
        with pytest.raises(WrongInstance):
            await run(at)
        assert at.cause("web-1") is Cause.STRANGER
    assert [each.discards for each in at.sender.replies] == [1, 1]
    at.assert_nothing_is_left()


@simulated
async def test_the_successor_is() -> None:
    at = scene()
    at.sender.let("web-1", answers(identity=says(instance(boot=NEWER_BOOT))))
    (await run(at)).done()
    assert at.cause("web-1") is None


@simulated
async def test_one_that_others_registered_is_believed() -> None:
    at = scene([instance(boot="")])
    at.sender.let("web-1", answers(identity=None))
    (await run(at, rival=None)).done()
    assert at.cause("web-1") is None


@pytest.mark.parametrize(("status", "counts"), [(500, True), (502, True), (503, True), (501, False), (505, False)])
@simulated
async def test_which_statuses_count_against_the_instance(status: int, counts: bool) -> None:
    at = scene()
    at.sender.let("web-1", answers(status))
    for _ in range(IN_A_ROW):
        (await run(at)).done()
    assert (at.cause("web-1") is Cause.FAILING) is counts


@pytest.mark.parametrize("status", [429, 503])
@simulated
async def test_one_that_asks_for_a_rest_gets_it(status: int) -> None:
    at = scene()
    at.sender.let("web-1", answers(status, retry_after=5))
    (await run(at)).done()
    assert at.cause("web-1") is Cause.RESTING
    assert not at["web-1"].ejection.admits(clock() + 4.9)


@simulated
async def test_what_the_requests_own_body_raises_is_nobodys_fault() -> None:
    at = scene()
    eject(at["web-1"])
    at.sender.let("web-1", fails(ValueError("the client went away")))
    with pytest.raises(ValueError, match="went away"):
        await run(at)
    assert at["web-1"].ejection.admits(clock()), "and the trial that it was lets another one decide"
    at.assert_nothing_is_left()


@simulated
async def test_a_sender_that_breaks_leaves_nothing_behind() -> None:
    at = scene()

    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await Race(at.pool, SAFE, broken, clock, Alarms(clock)).run(
            at["web-1"], now=clock(), until=clock() + 1, hedge_at=clock() + 1, rival=lambda: None
        )
    await asyncio.sleep(5)
    at.assert_nothing_is_left()


# A second one beside it


@simulated
async def test_a_hedge_is_sent_when_the_first_is_slow_and_its_answer_counts() -> None:
    at = scene()
    at.sender.let("web-1", HANGS)
    began = clock()
    answered = await run(at)
    assert answered.upstream is at["web-2"]
    assert clock() - began == pytest.approx(0.06)
    assert answered.tries == 2
    assert at.sender.to == ["web-1", "web-2"]
    assert at.sender.sent[0].is_cancelled
    answered.done()
    at.assert_nothing_is_left()


@simulated
async def test_an_instance_that_is_outrun_again_and_again_is_out_of_rotation() -> None:
    at = scene()
    at.sender.let("web-1", HANGS)
    for _ in range(IN_A_ROW):
        (await run(at)).done()
    assert at.cause("web-1") is Cause.SILENT


@simulated
async def test_the_first_may_still_win_and_the_hedge_is_not_blamed() -> None:
    at = scene()
    at.sender.let("web-1", answers(after=0.06))
    at.sender.let("web-2", answers(after=0.06))
    for _ in range(2 * IN_A_ROW):
        answered = await run(at)
        assert answered.upstream is at["web-1"]
        answered.done()
    assert at.cause("web-2") is None
    at.assert_nothing_is_left()


@simulated
async def test_no_more_than_one_hedge() -> None:
    at = scene()
    for each in ("web-1", "web-2", "web-3"):
        at.sender.let(each, HANGS)
    with pytest.raises(ResponseLate):
        await run(at)
    assert at.sender.to == ["web-1", "web-2"]
    assert all(each.is_cancelled for each in at.sender.sent)
    at.assert_nothing_is_left()


@simulated
async def test_without_a_rival_it_is_waited_for_to_the_end() -> None:
    at = scene()
    at.sender.let("web-1", answers(after=1.9))
    answered = await run(at, rival=None)
    assert answered.upstream is at["web-1"]
    answered.done()


@simulated
async def test_no_hedge_where_there_may_be_none() -> None:
    """`hedge_at` is then the end of the round; the round must not be mistaken for a hedge at its end."""
    at = scene()
    at.sender.let("web-1", HANGS)
    with pytest.raises(ResponseLate):
        await run(at, until=2, hedge_at=2)
    assert at.sender.to == ["web-1"]


@simulated
async def test_what_fails_at_the_moment_of_its_hedge_is_followed_by_none() -> None:
    """Both timers ring in the same turn: a hedge that were begun then would only be given up, and count as tried."""
    at = scene()
    at.sender.let("web-1", fails(ResponseLost("x"), after=0.05 - 1e-10))
    running = race(at)
    with pytest.raises(ResponseLost):
        await rounds(at, running, first="web-1", rival="web-2", until=2, hedge_at=0.05)
    assert running.tried == [at["web-1"]]
    assert at.sender.to == ["web-1"]
    at.assert_nothing_is_left()


@simulated
async def test_a_failure_of_the_first_leaves_the_hedge_running() -> None:
    at = scene()
    at.sender.let("web-1", fails(ResponseLost("x"), after=0.055))
    answered = await run(at)
    assert answered.upstream is at["web-2"]
    assert [each.outcome for each in answered.attempts] == ["x"]
    answered.done()
    at.assert_nothing_is_left()


@simulated
async def test_trouble_from_one_waits_for_the_other() -> None:
    at = scene()
    at.sender.let("web-1", answers(after=0.2))
    at.sender.let("web-2", answers(503))
    answered = await run(at)
    assert (answered.upstream, answered.reply.status) == (at["web-1"], 200)
    assert [each.discards for each in at.sender.replies] == [1, 0]
    answered.done()
    at.assert_nothing_is_left()


@simulated
async def test_trouble_from_both_is_the_last_ones_answer() -> None:
    at = scene()
    at.sender.let("web-1", answers(503, after=0.2))
    at.sender.let("web-2", answers(502))
    answered = await run(at)
    assert answered.reply.status == 503
    answered.done()
    at.assert_nothing_is_left()


@simulated
async def test_when_both_fail_the_last_failure_is_raised() -> None:
    at = scene()
    at.sender.let("web-1", fails(ResponseLost("first"), after=0.2))
    at.sender.let("web-2", fails(ConnectRefused("second")))
    running = race(at)
    with pytest.raises(ResponseLost):
        await rounds(at, running, first="web-1", rival="web-2", until=2, hedge_at=0.05)
    assert running.spent == 1
    assert [each.outcome for each in running.attempts] == ["second", "first"]
    at.assert_nothing_is_left()


# Trials


@simulated
async def test_the_trial_decides_and_ends() -> None:
    for act, admitted in ((answers(), True), (answers(500), False), (fails(ResponseLost("x")), False)):
        at = scene()
        eject(at["web-1"])
        at.sender.let("web-1", act)
        with suppress(AttemptFailed):
            (await run(at)).done()
        assert at["web-1"].ejection.is_admitting is admitted
        at.assert_nothing_is_left()


@pytest.mark.parametrize("act", [answers(503, retry_after=1), answers(429), answers(501), fails(NeverSent("x")), HANGS])
@simulated
async def test_whatever_comes_of_a_trial_another_one_follows(act: Any) -> None:
    at = scene()
    eject(at["web-1"])
    at.sender.let("web-1", act)
    with suppress(AttemptFailed):
        (await run(at, rival=None)).done()
    at.assert_nothing_is_left()
    await asyncio.sleep(30)
    assert at["web-1"].ejection.admits(clock())


@simulated
async def test_a_late_answer_is_not_taken_for_the_trials() -> None:
    """SIGSTOP and SIGCONT: what was sent before the instance hung comes back when it is on trial."""
    at = scene()
    at.sender.let("web-1", answers(after=1.5), HANGS)
    before = asyncio.create_task(run(at, rival=None))
    await asyncio.sleep(0.1)
    eject(at["web-1"])
    trial = asyncio.create_task(run(at, rival=None))
    (await before).done()
    assert at.cause("web-1") is Cause.FAILING
    assert at["web-1"].ejection.trial
    with pytest.raises(ResponseLate):
        await trial
    at.assert_nothing_is_left()


# A trial that is outrun


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        (answers(after=0.4), None),
        (answers(404, after=0.4), None),
        (answers(500, after=0.4), Cause.FAILING),
        (answers(429, after=0.4), Cause.FAILING),
        (answers(503, after=0.4, retry_after=9), Cause.RESTING),
        (answers(after=0.4, identity=None), Cause.STRANGER),
        (fails(ResponseLost("x"), after=0.4), Cause.FAILING),
        (fails(ConnectRefused("x"), after=0.4), Cause.REFUSED),
        (HANGS, Cause.SILENT),
    ],
)
@simulated
async def test_a_trial_that_is_outrun_goes_on_and_decides_when_it_ends(act: Any, cause: Cause | None) -> None:
    at = scene()
    eject(at["web-1"])
    at.sender.let("web-1", act)
    answered = await run(at)
    assert answered.upstream is at["web-2"]
    assert [(each.instance, each.outcome) for each in answered.attempts] == [("web-1", "outrun")]
    answered.done()
    assert at["web-1"].in_flight == 1, "it is waited for, by nobody but its record"
    assert not at.sender.sent[0].is_cancelled
    await asyncio.sleep(SAFE.attempt_timeout)
    assert at.cause("web-1") is cause
    assert all(late.discards == 1 for late in at.sender.replies[1:])
    at.assert_nothing_is_left()


@simulated
async def test_a_trial_that_hangs_is_given_up_when_its_time_is_over() -> None:
    at = scene()
    eject(at["web-1"])
    at.sender.let("web-1", HANGS)
    (await run(at)).done()
    await asyncio.sleep(SAFE.attempt_timeout)
    assert at.sender.sent[0].is_cancelled
    assert at.sender.sent[0].answer().discards == 1, "too late for anything"
    assert at.cause("web-1") is Cause.SILENT
    at.assert_nothing_is_left()


@simulated
async def test_what_the_requests_own_body_raises_in_overtime_is_nobodys_fault() -> None:
    at = scene()
    eject(at["web-1"])
    at.sender.let("web-1", fails(ValueError("the client went away"), after=0.4))
    (await run(at)).done()
    await asyncio.sleep(1)
    at.assert_nothing_is_left()
    assert at["web-1"].ejection.admits(clock()), "another trial may follow"


# The moment between the decision and the end


async def between(at: Scene) -> tuple[asyncio.Task[Answered[FakeReply]], Race[FakeReply]]:
    """A round whose first and hedge are both under way, for the test to settle."""
    at.sender.let("web-1", HANGS)
    at.sender.let("web-2", HANGS)
    running = race(at)
    task = asyncio.create_task(rounds(at, running, first="web-1", rival="web-2", until=2, hedge_at=0.05))
    await asyncio.sleep(0.1)
    assert at.sender.to == ["web-1", "web-2"]
    return task, running


@simulated
async def test_two_answers_at_the_same_moment_are_one_answer() -> None:
    at = scene()
    task, _ = await between(at)
    first, second = (sent.answer() for sent in at.sender.sent)
    answered = await task
    assert answered.reply is first
    assert (first.discards, second.discards) == (0, 1)
    answered.done()
    at.assert_nothing_is_left()


@simulated
async def test_a_caller_who_goes_away_at_the_moment_of_the_answer_leaves_nothing_behind() -> None:
    at = scene()
    task, _ = await between(at)
    reply = at.sender.sent[0].answer()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reply.discards == 1
    at.assert_nothing_is_left()


@simulated
async def test_a_caller_who_goes_away_at_the_moment_of_a_failure_leaves_nothing_behind() -> None:
    at = scene()
    task, _ = await between(at)
    for sent in at.sender.sent:
        sent.settle(ResponseLost("x"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    at.assert_nothing_is_left()


@simulated
async def test_a_caller_who_goes_away_gives_up_all_attempts() -> None:
    at = scene()
    eject(at["web-1"])
    task, _ = await between(at)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(sent.is_cancelled for sent in at.sender.sent)
    at.assert_nothing_is_left()
    assert at["web-1"].ejection.admits(clock())


@simulated
async def test_an_answer_that_comes_after_all_was_given_up_is_thrown_away() -> None:
    at = scene()
    task, running = await between(at)
    with pytest.raises(ResponseLate):
        await task
    late = at.sender.sent[0].answer()
    assert late.discards == 1
    at.sender.let("web-3", answers(after=0.03))
    following = asyncio.create_task(rounds(at, running, first="web-3", rival=None, until=2, hedge_at=2))
    await asyncio.sleep(0.01)
    assert at.sender.sent[1].answer().discards == 1, "also in the next round"
    (await following).done()
    at.assert_nothing_is_left()


# Alarms


@simulated
async def test_an_alarm_of_one_round_does_not_ring_in_the_next() -> None:
    """The failure and the alarm come in the same turn: the second round has all of its own time."""
    at = scene()
    at.sender.let("web-1", fails(ResponseLost("broke"), after=0.05))
    at.sender.let("web-2", answers(after=0.04))
    running = race(at)
    with pytest.raises(AttemptFailed):
        await rounds(at, running, first="web-1", rival=None, until=0.05, hedge_at=0.05)
    answered = await rounds(at, running, first="web-2", rival="web-3", until=2.0, hedge_at=0.05)
    assert answered.upstream is at["web-2"]
    answered.done()
    at.assert_nothing_is_left()
    assert at.sender.to == ["web-1", "web-2"]


@simulated
async def test_after_a_body_has_come_its_instance_has_most_of_the_deadline() -> None:
    """However long the client took, and whenever it was looked at last."""
    at, policy = scene(), replace(SAFE, kept=False, replayable=False, hedgeable=False, deadline=10.0)
    for took in (0.5, 9.9, 19.95, 25.0):
        upload = Upload(took, answers_after=8.0)
        now = clock()
        running = Race(at.pool, policy, upload, clock, Alarms(clock))
        answered = await running.run(at["web-1"], now=now, until=now + 10, hedge_at=now + 10, rival=lambda: None)
        assert clock() - now == pytest.approx(took + 8.0)
        answered.done()


class Upload:
    """A request whose body takes a while to come in, and whose instance then takes a while to answer."""

    def __init__(self, took: float, *, answers_after: float) -> None:
        self._ends_at = clock() + took
        self._answers_after = answers_after
        self.cancelled = False

    def __call__(self, upstream: Upstream, settle: Settle[FakeReply]) -> Upload:
        def answer() -> None:
            if not self.cancelled:
                settle(FakeReply(identity=says(upstream.instance)))

        asyncio.get_running_loop().call_later(self._ends_at - clock() + self._answers_after, answer)
        return self

    @property
    def waits_for_client(self) -> bool:
        return clock() < self._ends_at

    def cancel(self) -> None:
        self.cancelled = True
