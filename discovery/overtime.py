"""A trial that was outrun goes on without its client: what comes of it decides about the instance.

A fresh process is often slow at first (connections to open, keys to derive, code to load). If its trials were given up
as soon as another instance has answered, it would never get through its first request, and never be used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic

from discovery.contender import Contender, blame, is_good
from discovery.errors import AttemptFailed, ResponseLate, WrongInstance
from discovery.identity import names_other_than
from discovery.pool import Pool
from discovery.reply import R


class Overtime(Generic[R]):
    """Ends with the attempt, or at `until` on the clock. The instance counts as busy for as long."""

    def __init__(self, contender: Contender[R], pool: Pool, clock: Callable[[], float], *, until: float) -> None:
        self._contender = contender
        self._pool = pool
        self._clock = clock
        self._timer = asyncio.get_running_loop().call_later(max(0.0, until - clock()), self._late)
        contender.judge = self._settled

    def _settled(self, contender: Contender[R], outcome: R | Exception) -> None:
        self._timer.cancel()
        upstream, trial = contender.upstream, contender.trial
        if isinstance(outcome, AttemptFailed):
            self._pool.failed(upstream, outcome, trial)
        elif isinstance(outcome, Exception):
            upstream.ejection.abandoned(trial)
        else:
            self._judge(outcome)
            outcome.discard()
        upstream.end()

    def _judge(self, reply: R) -> None:
        upstream, trial = self._contender.upstream, self._contender.trial
        if names_other_than(upstream.instance, reply.identity):
            self._pool.failed(upstream, WrongInstance("somebody else answers on its port"), trial)
        elif is_good(reply):
            self._pool.succeeded(upstream, self._clock() - self._contender.began, trial)
        else:
            blame(self._pool, upstream, reply, trial)

    def _late(self) -> None:
        contender = self._contender
        contender.judge = throw_away
        if contender.sending:
            contender.sending.cancel()
        self._pool.failed(contender.upstream, ResponseLate("no response in time"), contender.trial)
        contender.upstream.end()


def throw_away(_: Contender[R], outcome: R | Exception) -> None:
    if not isinstance(outcome, Exception):
        outcome.discard()
