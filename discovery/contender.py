"""An attempt under way, whoever judges what comes of it, and what a bad answer says of its instance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from discovery.pool import Pool
from discovery.reply import R, Reply, Sending
from discovery.upstream import Upstream

NOT_THE_INSTANCE = frozenset({501, 505})
"""Server errors that say nothing about the instance."""


class Contender(Generic[R]):
    """`judge` is told once; it may change hands. `trial` is the number of the trial that this is, or 0."""

    __slots__ = ("began", "judge", "sending", "trial", "upstream")

    def __init__(self, upstream: Upstream, began: float, judge: Callable[[Contender[R], R | Exception], None]) -> None:
        self.upstream = upstream
        self.began = began
        self.judge = judge
        self.trial = upstream.begin(began)
        self.sending: Sending | None = None

    def settle(self, outcome: R | Exception) -> None:
        self.judge(self, outcome)
        self.sending = None  # it knows whom to settle with: without the circle, both go at once


def is_good(reply: Reply) -> bool:
    return reply.status < 500 and reply.status != 429


def blame(pool: Pool, upstream: Upstream, reply: Reply, trial: int) -> None:
    """Put down what an answer that is not good says of its instance."""
    if reply.retry_after is not None and reply.status in (429, 503):
        pool.rest(upstream, reply.retry_after, trial)
    elif reply.status >= 500 and reply.status not in NOT_THE_INSTANCE:
        pool.failed(upstream, trial=trial)
    else:
        upstream.ejection.abandoned(trial)
