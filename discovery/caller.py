"""Call one service: as many rounds as a request may have, one deadline over all.

Decisions are made in `retry`, `ejection` and `balancer`; this room carries them out. How a request is sent is the
business of who calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random

from discovery.alarms import Alarms
from discovery.errors import AttemptFailed, InstanceFailed, NoInstance, OutOfTime, ResponseLate
from discovery.latency import SlowestPercent
from discovery.pool import Pool
from discovery.race import Race
from discovery.reply import Answered, R, Send
from discovery.retry import LONGEST_PAUSE, TERMS, Policy, Terms, pause
from discovery.upstream import Standing, Upstream

HEDGE_FLOOR = 0.025
"""Seconds before which no attempt is called slow."""

TOO_LITTLE = 0.001
"""Seconds in which nothing can be had any more."""

HEDGE_FACTOR = 2.0
"""An attempt is slow once it takes this many times the slowest percent of its kind."""


class Caller:
    """Holds what outlives a request: the retry budget, and the memory of how long answers take."""

    def __init__(self, pool: Pool, *, random: Random, clock: Callable[[], float], terms: Terms = TERMS) -> None:
        self.pool = pool
        self.budget = terms.budget()
        self.latency = SlowestPercent()
        self._random = random
        self._clock = clock
        self._alarms = Alarms(clock)

    async def call(self, policy: Policy, send: Send[R]) -> Answered[R]:
        """Raises NoInstance, OutOfTime or InstanceFailed, each with the attempts that were made."""
        began = now = self._clock()
        deadline = began + policy.deadline
        self.budget.request(began)
        race = Race(self.pool, policy, send, self._clock, self._alarms)
        upstream = self.pool.choose()
        while upstream is not None:
            until, hedge_at = self._patience(race, policy, deadline, now)
            try:
                answered = await race.run(
                    upstream, now=now, until=until, hedge_at=hedge_at, rival=partial(self._rival, race)
                )
            except AttemptFailed as failure:
                upstream = await self._after_failure(race, policy, failure, deadline)
                now = self._clock()
                continue
            following = self._after_trouble(race, policy, answered, deadline)
            if following is None:
                if policy.kept:
                    self.latency.observe(answered.seconds, began)
                return answered
            answered.reply.discard()
            answered.done()
            upstream = await self._pause(race, following)
            now = self._clock()
        raise NoInstance(f"no instance of {self.pool.service} can take a request", race.attempts)

    def _patience(self, race: Race[R], policy: Policy, deadline: float, now: float) -> tuple[float, float]:
        """Until when this round may last, and from when it is slow. Only where another attempt may follow is there
        less time than the deadline leaves.
        """
        if not policy.replayable or race.spent + 1 >= policy.attempts or len(self.pool.upstreams) < 2:
            return deadline, deadline
        until = min(deadline, now + policy.attempt_timeout)
        if not (policy.hedgeable and policy.hedging):
            return until, until
        slowest = self.latency.value()
        return until, now + (HEDGE_FLOOR if slowest is None else max(HEDGE_FLOOR, HEDGE_FACTOR * slowest))

    def _rival(self, race: Race[R]) -> Upstream | None:
        """Who may take a hedge: an admitted instance that was not tried yet, if the budget allows it."""
        now = self._clock()
        other = self.pool.choose(race.tried)
        if other is None or other in race.tried or other.standing(now) is not Standing.ADMITTED:
            return None
        return other if self.budget.withdraw(now) else None

    def _next(self, race: Race[R], deadline: float) -> Upstream | None:
        """The upstream for another try, if one can begin before the deadline."""
        upstream = self.pool.choose(race.tried)
        longest = LONGEST_PAUSE if upstream in race.tried else TOO_LITTLE
        return upstream if self._clock() + longest < deadline else None

    def _after_trouble(self, race: Race[R], policy: Policy, answered: Answered[R], deadline: float) -> Upstream | None:
        """The upstream for another try after a response that tells of trouble; None when it is the answer."""
        if not policy.is_trouble(answered.reply.status):
            return None
        upstream = self._next(race, deadline)
        return upstream if upstream and self._may_try_again(race, policy) else None

    async def _after_failure(self, race: Race[R], policy: Policy, failure: AttemptFailed, deadline: float) -> Upstream:
        """The upstream for another try after an attempt failed. Raises CallFailed when there is to be none."""
        service = self.pool.service
        if self._clock() + TOO_LITTLE >= deadline:
            raise OutOfTime(f"no instance of {service} answered in time", race.attempts) from failure
        upstream = self._next(race, deadline)
        if policy.is_free(failure):
            if upstream is None or (upstream in race.tried and len(race.tried) >= policy.attempts):
                raise NoInstance(f"no instance of {service} can be reached", race.attempts) from failure
        elif upstream is None or not self._may_try_again(race, policy):
            late = isinstance(failure, ResponseLate)
            raise (OutOfTime if late else InstanceFailed)(
                f"an instance of {service} failed: {failure}", race.attempts
            ) from failure
        return await self._pause(race, upstream)

    def _may_try_again(self, race: Race[R], policy: Policy) -> bool:
        allowed = policy.replayable and race.spent < policy.attempts
        return allowed and self.budget.withdraw(self._clock())

    async def _pause(self, race: Race[R], upstream: Upstream) -> Upstream:
        if upstream in race.tried:
            await asyncio.sleep(pause(self._random, fresh=False))
        return upstream
