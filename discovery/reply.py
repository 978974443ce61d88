"""What a caller and the way it sends requests say to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from discovery.errors import Attempt
from discovery.upstream import Upstream

KEPT = 64 * 1024
"""Bytes of a request that are kept to send it again (Linkerd's buffer for retries), and of a response that is read
whole before anybody sees it.
"""


class Reply(Protocol):
    """A response whose head has arrived."""

    @property
    def status(self) -> int: ...

    @property
    def identity(self) -> str | None:
        """The header by which the instance says who it is."""

    @property
    def retry_after(self) -> float | None:
        """Seconds for which the instance asks to be left alone."""

    def discard(self) -> None:
        """Nobody wants it: free what it holds."""


class Sending(Protocol):
    """A request under way.

    It may say more: `has_heard`, that something of the response has come, and `waits_for_client`, that the request's
    own body is still coming in and the instance takes it.
    """

    def cancel(self) -> object:
        """Give up. What has been settled stays settled; nothing is settled any more."""


R = TypeVar("R", bound=Reply)

Settle = Callable[["R | Exception"], None]
"""Told once what came of it: a reply, AttemptFailed, or what the request's own body raised."""

Send = Callable[[Upstream, "Settle[R]"], Sending]
"""Sends the request to an upstream."""


@dataclass(slots=True)
class Answered(Generic[R]):
    """The reply that counts. Its upstream is busy with it until the caller says `done`, body and all.

    `tries` is how many attempts there were, `attempts` what became of those that did not count, and `seconds` how long
    the one that counts took, up to the head.
    """

    reply: R
    upstream: Upstream
    tries: int
    attempts: list[Attempt]
    seconds: float

    def done(self) -> None:
        self.upstream.end()
