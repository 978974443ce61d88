"""May a request be sent once more? Attempts, budget, deadline and replay safety; no I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from random import Random

from discovery.errors import AttemptFailed, NeverSent, WrongInstance

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110, section 9.2.2."""

PASSING_TROUBLE = frozenset({502, 503, 504})
"""Statuses worth another try for any request that may be repeated."""

TROUBLE = PASSING_TROUBLE | {500}
"""And for one of which its service says that repeating does no harm."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be done for one request. Times in seconds.

    `kept`: its body is at hand, not streaming past, so that it can be sent again from its beginning.
    `replayable`: it is kept, and its method is idempotent or its route says `replay=safe`.
    `hedgeable`: the route says so, thus a second attempt beside the first does no harm either. `hedging`: one is made.
    """

    kept: bool = False
    replayable: bool = False
    hedgeable: bool = False
    hedging: bool = True
    deadline: float = 10.0
    attempt_timeout: float = 2.0
    attempts: int = 3

    def is_trouble(self, status: int) -> bool:
        return status in (TROUBLE if self.hedgeable else PASSING_TROUBLE)

    def is_free(self, failure: AttemptFailed) -> bool:
        """Whether the request surely was not carried out, so that sending it again costs nothing and needs no leave.

        gRPC calls this a transparent retry. A stranger on the port has not carried it out either: it is not the
        service; but it may have had of a body that streams what nobody can send again.
        """
        return isinstance(failure, NeverSent) or (self.kept and isinstance(failure, WrongInstance))


class Budget:
    """Retries may be 20 % of requests, and 10 a second on top, over the last 10 s (Finagle's RetryBudget).

    It is what keeps retries from multiplying the load of a service that fails as a whole.
    """

    def __init__(self, *, share: float = 0.2, reserve: float = 10.0, window: int = 10) -> None:
        self._share = share
        self._reserve = reserve * window
        self._past: deque[tuple[int, int]] = deque([(0, 0)] * window, maxlen=window)
        self._second = 0
        self._requests = self._retries = 0

    def request(self, now: float) -> None:
        if now >= self._second + 1:
            self._turn(int(now))
        self._requests += 1

    def withdraw(self, now: float) -> bool:
        """Take one retry out. False when there is none left."""
        if now >= self._second + 1:
            self._turn(int(now))
        # Whole seconds are counted: a little more than the window of what was taken, a little less of what allows it.
        requests = self._requests + sum(each[0] for each in islice(self._past, 1, None))
        retries = self._retries + sum(each[1] for each in self._past)
        if retries + 1 > self._share * requests + self._reserve:
            return False
        self._retries += 1
        return True

    def _turn(self, second: int) -> None:
        """Put the counts of a second that is over into the past, and nothing for each second without any."""
        self._past.append((self._requests, self._retries))
        for _ in range(min(second - self._second - 1, len(self._past))):
            self._past.append((0, 0))
        self._second = second
        self._requests = self._retries = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """How calls are made, whatever is called. Times in seconds.

    `attempt_timeout` counts only where another attempt may follow; `retry_share` of requests may be retries, and
    `retry_reserve` a second on top.
    """

    attempts: int = 3
    attempt_timeout: float = 2.0
    hedging: bool = True
    retry_share: float = 0.2
    retry_reserve: float = 10.0

    def policy(self, kept: bool, replayable: bool, safe: bool, deadline: float) -> Policy:
        """For one request. `safe`: its route or its caller says that repeating does no harm."""
        return Policy(
            kept=kept,
            replayable=replayable,
            hedgeable=replayable and safe,
            hedging=self.hedging,
            deadline=deadline,
            attempt_timeout=self.attempt_timeout,
            attempts=self.attempts,
        )

    def budget(self) -> Budget:
        return Budget(share=self.retry_share, reserve=self.retry_reserve)


TERMS = Terms()

SHORTEST_PAUSE, LONGEST_PAUSE = 0.025, 0.25


def pause(random: Random, *, fresh: bool) -> float:
    """Seconds before another try: none before an instance that was not tried yet, else full jitter."""
    return 0.0 if fresh else random.uniform(SHORTEST_PAUSE, LONGEST_PAUSE)
