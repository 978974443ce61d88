"""A sender that answers as it is told: the seam behind which requests leave a caller."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from discovery.instance import Instance
from discovery.reply import Settle
from discovery.upstream import Upstream
from tests.fakes.instances import says


@dataclass(slots=True, eq=False)
class FakeReply:
    """A response whose head has arrived; `discards` counts how often it was thrown away."""

    status: int = 200
    identity: str | None = ""
    retry_after: float | None = None
    discards: int = 0

    def discard(self) -> None:
        self.discards += 1


@dataclass(frozen=True, slots=True)
class Act:
    """What an instance does with one request, so many seconds after it got it; without an outcome it hangs."""

    outcome: Exception | FakeReply | None = None
    after: float = 0.01


def answers(
    status: int = 200, *, after: float = 0.01, identity: str | None = "", retry_after: float | None = None
) -> Act:
    """`identity` is its own unless another is given; None is a server that does not say who it is."""
    return Act(FakeReply(status, identity, retry_after), after)


def fails(failure: Exception, *, after: float = 0.01) -> Act:
    return Act(failure, after)


HANGS = Act()


@dataclass(slots=True, eq=False)
class Sent:
    """A request on its way to an instance. `settle` may be called by a test that decides the moment itself."""

    instance: Instance
    settle: Settle[FakeReply]
    at: float
    is_cancelled: bool = False
    timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        self.is_cancelled = True
        if self.timer is not None:
            self.timer.cancel()

    def answer(self, status: int = 200) -> FakeReply:
        """The instance answers now."""
        reply = FakeReply(status, says(self.instance))
        self.settle(reply)
        return reply


@dataclass(slots=True)
class ScriptedSender:
    """Call it as a caller does. `sent` are the requests in their order, `replies` what came of them."""

    sent: list[Sent] = field(default_factory=list)
    replies: list[FakeReply] = field(default_factory=list)
    _acts: dict[str, list[Act]] = field(default_factory=dict)

    def let(self, instance_id: str, *acts: Act) -> None:
        """One after another; the last one for ever. An instance that was not told anything answers with 200."""
        self._acts[instance_id] = list(acts)

    @property
    def to(self) -> list[str]:
        """Whom the requests went to."""
        return [each.instance.id for each in self.sent]

    def __call__(self, upstream: Upstream, settle: Settle[FakeReply]) -> Sent:
        loop = asyncio.get_running_loop()
        sent = Sent(upstream.instance, settle, loop.time())
        self.sent.append(sent)
        act = self._next(upstream.instance.id)
        if act.outcome is not None:
            sent.timer = loop.call_later(act.after, self._settle, sent, act.outcome)
        return sent

    def _next(self, instance_id: str) -> Act:
        acts = self._acts.get(instance_id, [answers()])
        return acts.pop(0) if len(acts) > 1 else acts[0]

    def _settle(self, sent: Sent, outcome: Exception | FakeReply) -> None:
        if isinstance(outcome, FakeReply):
            outcome = replace(outcome, identity=says(sent.instance) if outcome.identity == "" else outcome.identity)
            self.replies.append(outcome)
        sent.settle(outcome)
