"""One round of a call: an attempt and, when it is slow, a second one beside it. The first good reply wins.

Hedging is from Dean and Barroso, "The Tail at Scale" (2013); a hedged-out attempt that has shown no byte counts as a
failure, so that an instance that hangs is out of rotation after a few requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic

from discovery.alarms import ROUNDING, Alarms
from discovery.contender import Contender, blame, is_good
from discovery.errors import Attempt, AttemptFailed, ResponseLate, WrongInstance
from discovery.identity import names_other_than
from discovery.overtime import Overtime
from discovery.pool import Pool
from discovery.reply import Answered, R, Send
from discovery.retry import Policy
from discovery.upstream import Upstream

LOOK_EVERY = 1.0
"""Seconds between looks at a request that is still coming in: so much less than its deadline its instance may have."""


class Race(Generic[R]):
    """`attempts` and `tried` grow with each round of a call; `spent` counts those that may have been carried out."""

    __slots__ = (
        "_alarms",
        "_clock",
        "_policy",
        "_pool",
        "_result",
        "_rival",
        "_running",
        "_send",
        "_slot",
        "_until",
        "attempts",
        "spent",
        "tried",
    )

    def __init__(self, pool: Pool, policy: Policy, send: Send[R], clock: Callable[[], float], alarms: Alarms) -> None:
        self.attempts: list[Attempt] = []
        self.tried: list[Upstream] = []
        self.spent = 0
        self._pool = pool
        self._policy = policy
        self._send = send
        self._clock = clock
        self._alarms = alarms
        self._running: list[Contender[R]] = []
        self._until = 0.0

    async def run(
        self, upstream: Upstream, *, now: float, until: float, hedge_at: float, rival: Callable[[], Upstream | None]
    ) -> Answered[R]:
        """One round. `rival` names the upstream of a hedge, if there may be one.

        Raises AttemptFailed when all have failed, and what the request's own body raised.
        """
        self._result: asyncio.Future[Answered[R]] = asyncio.get_running_loop().create_future()
        self._until = until
        self._rival: Callable[[], Upstream | None] | None = rival if hedge_at < until else None
        self._slot = self._alarms.set(self, self._first_alarm(now, until, hedge_at))
        try:
            self._start(upstream, now)
            answered = await self._result
            self._let_trials_go_on()
            return answered
        except asyncio.CancelledError:
            self._take_back()
            raise
        finally:
            self._alarms.take_back(self, self._slot)
            self._rival = None  # it knows this race: without the circle, both go at once and cost no collection
            while self._running:
                self._give_up(self._running.pop())

    def _first_alarm(self, now: float, until: float, hedge_at: float) -> float:
        if self._policy.kept:
            return hedge_at if hedge_at < until else until
        return min(until, now + LOOK_EVERY)

    def settled(self, contender: Contender[R], outcome: R | Exception) -> None:
        """An attempt has come to its end: does it decide the round?"""
        if self._result.done() or contender not in self._running:
            self._throw_away(contender, outcome)
            return
        self._running.remove(contender)
        if isinstance(outcome, Exception):
            self._lost(contender, outcome)
        elif names_other_than(contender.upstream.instance, outcome.identity):
            outcome.discard()
            self._lost(contender, WrongInstance("somebody else answers on its port"))
        else:
            self._judge(contender, outcome)

    def _start(self, upstream: Upstream, now: float) -> None:
        self.tried.append(upstream)
        self.spent += 1
        contender = Contender(upstream, now, self.settled)
        self._running.append(contender)
        contender.sending = self._send(upstream, contender.settle)

    def ring(self) -> None:
        """It has become late: for a hedge, or for everybody; or the round was decided a moment before."""
        if self._result.done():
            return
        now = self._clock()
        if self._waits_for_client():
            self._until = now + self._policy.deadline
            self._slot = self._alarms.set(self, min(self._until, now + LOOK_EVERY))
            return
        if now >= self._until - ROUNDING:
            self._all_late()
            return
        if self._rival is None:
            self._slot = self._alarms.set(self, self._until)
            return
        rival, self._rival = self._rival, None
        self._slot = self._alarms.set(self, self._until)
        if other := rival():
            self._start(other, now)

    def _judge(self, contender: Contender[R], reply: R) -> None:
        upstream, seconds = contender.upstream, self._clock() - contender.began
        if is_good(reply):
            self._pool.succeeded(upstream, seconds if self._policy.kept else None, contender.trial)
        else:
            self._note(contender, str(reply.status))
            blame(self._pool, upstream, reply, contender.trial)
            if self._running and self._policy.is_trouble(reply.status):
                reply.discard()
                upstream.end()
                return
        if self._running:
            self._outrun(contender)
        self._result.set_result(Answered(reply, upstream, len(self.tried), self.attempts, seconds))

    def _outrun(self, winner: Contender[R]) -> None:
        """Those that began before the winner and have shown nothing yet have failed; a trial is waited for."""
        for loser in self._running:
            is_silent = loser.began < winner.began and not getattr(loser.sending, "has_heard", False)
            if is_silent and not loser.trial:
                self._pool.failed(loser.upstream, ResponseLate("outrun by a later attempt"), loser.trial)

    def _lost(self, contender: Contender[R], error: Exception) -> None:
        if isinstance(error, AttemptFailed):
            self._fail(contender, error)
            if not self._running:
                self._result.set_exception(error)
        else:
            contender.upstream.ejection.abandoned(contender.trial)
            contender.upstream.end()
            self._result.set_exception(error)

    def _waits_for_client(self) -> bool:
        """Whether the request itself is still coming in: then the instance is not the one that is late."""
        return any(getattr(each.sending, "waits_for_client", False) for each in self._running)

    def _all_late(self) -> None:
        late = ResponseLate("no response in time")
        while self._running:
            contender = self._running.pop()
            if contender.sending:
                contender.sending.cancel()
            self._fail(contender, late)
        if not self._result.done():
            self._result.set_exception(late)

    def _fail(self, contender: Contender[R], failure: AttemptFailed) -> None:
        self._note(contender, str(failure))
        self.spent -= self._policy.is_free(failure)
        self._pool.failed(contender.upstream, failure, contender.trial)
        contender.upstream.end()

    def _let_trials_go_on(self) -> None:
        for contender in [each for each in self._running if each.trial]:
            self._running.remove(contender)
            self._note(contender, "outrun")
            Overtime(contender, self._pool, self._clock, until=contender.began + self._policy.attempt_timeout)

    def _give_up(self, contender: Contender[R]) -> None:
        """Nobody waits for this one any more."""
        self._note(contender, "given up")
        contender.upstream.ejection.abandoned(contender.trial)
        contender.upstream.end()
        if contender.sending:
            contender.sending.cancel()

    def _take_back(self) -> None:
        """Whoever waits went away at the moment of the decision, and will not say `done`."""
        decided = self._result.done() and not self._result.cancelled()
        if decided and self._result.exception() is None:
            answered = self._result.result()
            answered.reply.discard()
            answered.done()

    def _throw_away(self, contender: Contender[R], outcome: R | Exception) -> None:
        """It came between the decision and the end of the round, or later still."""
        if contender in self._running:
            self._running.remove(contender)
            contender.upstream.ejection.abandoned(contender.trial)
            contender.upstream.end()
        if not isinstance(outcome, Exception):
            outcome.discard()

    def _note(self, contender: Contender[R], outcome: str) -> None:
        milliseconds = round((self._clock() - contender.began) * 1000, 1)
        self.attempts.append(Attempt(contender.upstream.instance.id, outcome, milliseconds))
