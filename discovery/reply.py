"""What a caller and the way it sends requests say to each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from discovery.errors import Attempt
from discovery.upstream import Upstream


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


R = TypeVar("R", bound=Reply)

Send = Callable[[Upstream], "asyncio.Future[R]"]
"""Sends the request to an upstream. The future fails with AttemptFailed and nothing else; cancel it to give up."""


@dataclass(slots=True)
class Answered(Generic[R]):
    """The reply that counts. Its upstream is busy with it until the caller says `done`, body and all."""

    reply: R
    upstream: Upstream
    attempts: list[Attempt]
    seconds: float
    """How long its own attempt took, up to the head."""

    def done(self) -> None:
        self.upstream.end()
