"""A sender that answers as it is told: the seam behind which requests leave a caller."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from discovery.errors import AttemptFailed
from discovery.instance import Instance
from discovery.upstream import Upstream
from tests.fakes.instances import says


@dataclass(slots=True, eq=False)
class FakeReply:
    """A response whose head has arrived; `discards` counts how often it was thrown away."""

    status: int = 200
    identity: str | None = None
    retry_after: float | None = None
    discards: int = 0

    def discard(self) -> None:
        self.discards += 1


@dataclass(frozen=True, slots=True)
class Act:
    """What an instance does with one request, so many seconds after it got it; without outcome it hangs."""

    outcome: AttemptFailed | Exception | FakeReply | None = None
    after: float = 0.01


def answers(
    status: int = 200, *, after: float = 0.01, identity: str | None = "", retry_after: float | None = None
) -> Act:
    """`identity` is its own unless another is given; None is a server that does not say who it is."""
    return Act(FakeReply(status, identity, retry_after), after)


def fails(failure: Exception, *, after: float = 0.01) -> Act:
    return Act(failure, after)


HANGS = Act()


@dataclass(slots=True)
class ScriptedSender:
    """Call it as a caller does. `sent` lists whom requests went to, `replies` what they gave, in that order."""

    sent: list[str] = field(default_factory=list)
    replies: list[FakeReply] = field(default_factory=list)
    futures: list[asyncio.Future[FakeReply]] = field(default_factory=list)
    _acts: dict[str, list[Act]] = field(default_factory=dict)

    def let(self, instance_id: str, *acts: Act) -> None:
        """One after another; the last one for ever. An instance that was not told anything answers with 200."""
        self._acts[instance_id] = list(acts)

    def __call__(self, upstream: Upstream) -> asyncio.Future[FakeReply]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[FakeReply] = loop.create_future()
        self.sent.append(upstream.instance.id)
        self.futures.append(future)
        act = self._next(upstream.instance.id)
        if act.outcome is not None:
            loop.call_later(act.after, self._settle, future, act.outcome, upstream.instance)
        return future

    def _next(self, instance_id: str) -> Act:
        acts = self._acts.get(instance_id, [answers()])
        return acts.pop(0) if len(acts) > 1 else acts[0]

    def _settle(self, future: asyncio.Future[FakeReply], outcome: Exception | FakeReply, instance: Instance) -> None:
        if future.done():
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
            return
        identity = says(instance) if outcome.identity == "" else outcome.identity
        reply = FakeReply(outcome.status, identity, outcome.retry_after)
        self.replies.append(reply)
        future.set_result(reply)
