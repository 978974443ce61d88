"""Blocking queries that become a stream of complete snapshots.

The rules are Consul's own advice for clients (its HTTP API documentation, "Blocking Queries"): an index that goes
backwards starts again from 0, one below 1 is never used, a return is no proof of change, and the rate is limited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Generic, TypeVar

from discovery.backoff import full_jitter
from discovery.documents import Answer
from discovery.errors import RegistryError, RegistryRefused

Value = TypeVar("Value")

WAIT = 60.0
"""Seconds that a question may wait for news. A connection that dies without a word is noticed after that and little
more, and nothing is missed: the next question asks afresh.
"""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[Value]):
    """A complete answer. `continuous`: the registry has been heard without a break since the one before."""

    value: Value
    continuous: bool


def next_index(asked: int, answered: int) -> int:
    """The index for the next question; 0 asks afresh and does not block."""
    return 0 if answered < asked else max(answered, 1)


class TokenBucket:
    """Allows `burst` at once and `rate` a second in the long run. Decides only; the caller waits."""

    def __init__(self, *, burst: float = 10.0, rate: float = 5.0) -> None:
        self._burst = burst
        self._rate = rate
        self._tokens = burst
        self._at = 0.0

    def delay(self, now: float) -> float:
        """Take a token and say how many seconds to wait before using it."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)


async def watch(
    fetch: Callable[[int], Awaitable[Answer[Value]]],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[object]],
    random: Random,
) -> AsyncIterator[Snapshot[Value] | RegistryError]:
    """Ask for ever, with `fetch(index)`. Yields errors too: silence is news, though never a reason to forget."""
    index, failures, continuous = 0, 0, False
    bucket = TokenBucket()
    while True:
        if pause := bucket.delay(clock()):
            await sleep(pause)
        try:
            answer = await fetch(index)
        except RegistryError as error:
            yield error
            # After a break Consul may have restarted with a lower index, for which an old one would wait in vain.
            index, continuous = 0, False
            longest = 10.0 if isinstance(error, RegistryRefused) else 1.0
            await sleep(full_jitter(random, failures, longest=longest))
            failures += 1
            continue
        backwards = answer.index < index
        yield Snapshot(answer.value, continuous and not backwards)
        index, failures, continuous = next_index(index, answer.index), 0, not backwards
