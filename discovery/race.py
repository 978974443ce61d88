"""One round of a call: an attempt and, when it is slow, a second one beside it. The first good reply wins.

Hedging is from Dean and Barroso, "The Tail at Scale" (2013); a hedged-out attempt that has shown no byte counts as a
failure, so that an instance that hangs is out of rotation after a few requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from discovery.errors import Attempt, AttemptFailed, ResponseLate, WrongInstance
from discovery.first import first_done
from discovery.identity import names_other_than
from discovery.pool import Pool
from discovery.reply import Answered, R, Send
from discovery.retry import Policy, is_free
from discovery.upstream import Upstream

NOT_THE_INSTANCE = frozenset({501, 505})
"""Server errors that say nothing about the instance."""


@dataclass(slots=True, eq=False)
class Contender(Generic[R]):
    """An attempt under way."""

    upstream: Upstream
    future: asyncio.Future[R]
    began: float


class Race(Generic[R]):
    """`attempts` and `tried` grow with each round of a call; `spent` counts those that may have been carried out."""

    def __init__(self, pool: Pool, policy: Policy, send: Send[R], clock: Callable[[], float]) -> None:
        self.attempts: list[Attempt] = []
        self.tried: list[Upstream] = []
        self.spent = 0
        self._pool = pool
        self._policy = policy
        self._send = send
        self._clock = clock
        self._running: list[Contender[R]] = []

    async def run(
        self, upstream: Upstream, *, until: float, hedge_at: float, rival: Callable[[], Upstream | None]
    ) -> Answered[R]:
        """`rival` names the upstream of a hedge, if there may be one. Raises AttemptFailed when all have failed."""
        self._start(upstream)
        try:
            while True:
                now = self._clock()
                done = await first_done([each.future for each in self._running], min(until, hedge_at) - now)
                if done is not None:
                    contender = next(each for each in self._running if each.future is done)
                    answered = self._finish(contender)
                    if answered is not None:
                        return answered
                elif self._clock() >= until:
                    raise self._all_late()
                else:
                    hedge_at = until
                    if other := rival():
                        self._start(other)
        finally:
            while self._running:
                self._give_up(self._running.pop())

    def _start(self, upstream: Upstream) -> None:
        now = self._clock()
        upstream.begin(now)
        self.tried.append(upstream)
        self.spent += 1
        self._running.append(Contender(upstream, self._send(upstream), now))

    def _finish(self, contender: Contender[R]) -> Answered[R] | None:
        """The answer, if this contender has one that counts; None while another one is still under way."""
        self._running.remove(contender)
        failure = contender.future.exception()
        if failure is None:
            reply = contender.future.result()
            if not names_other_than(contender.upstream.instance, reply.identity):
                return self._judge(contender, reply)
            reply.discard()
            failure = WrongInstance("somebody else answers on its port")
        if not isinstance(failure, AttemptFailed):
            contender.upstream.end()
            raise failure
        self._fail(contender, failure)
        if self._running:
            return None
        raise failure

    def _judge(self, contender: Contender[R], reply: R) -> Answered[R] | None:
        upstream, seconds = contender.upstream, self._clock() - contender.began
        self._note(contender, str(reply.status))
        if reply.retry_after is not None and reply.status in (429, 503):
            self._pool.rest(upstream, reply.retry_after)
        elif reply.status >= 500 and reply.status not in NOT_THE_INSTANCE:
            self._pool.failed(upstream)
        else:
            self._pool.succeeded(upstream, seconds)
        if self._running and self._policy.is_trouble(reply.status):
            reply.discard()
            upstream.end()
            return None
        self._outrun(contender)
        return Answered(reply, upstream, self.attempts, seconds)

    def _outrun(self, winner: Contender[R]) -> None:
        """Those that began before the winner and have shown nothing yet have failed."""
        for loser in self._running:
            if loser.began < winner.began and not loser.future.done():
                self._pool.failed(loser.upstream, ResponseLate("outrun by a later attempt"))

    def _all_late(self) -> AttemptFailed:
        late = ResponseLate("no response in time")
        while self._running:
            contender = self._running.pop()
            contender.future.cancel()
            self._fail(contender, late)
        return late

    def _fail(self, contender: Contender[R], failure: AttemptFailed) -> None:
        self._note(contender, str(failure))
        self.spent -= is_free(failure)
        self._pool.failed(contender.upstream, failure)
        contender.upstream.end()

    def _give_up(self, contender: Contender[R]) -> None:
        """Nobody waits for this one any more."""
        if not contender.future.done():
            self._note(contender, "given up")
        contender.upstream.ejection.abandoned()
        contender.upstream.end()
        if not contender.future.cancel() and contender.future.exception() is None:
            contender.future.result().discard()

    def _note(self, contender: Contender[R], outcome: str) -> None:
        milliseconds = round((self._clock() - contender.began) * 1000, 1)
        self.attempts.append(Attempt(contender.upstream.instance.id, outcome, milliseconds))
