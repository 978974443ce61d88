"""A response of an instance: its head, and its body whole or as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from discovery.reply import KEPT
from services.gateway.flow import Flow
from services.gateway.heads import Head

SWITCHING = 101
BODILESS = frozenset({SWITCHING, 204, 304})


class Response:
    """Satisfies discovery's `Reply`. `joined` tells, after a 101, of the connection for another protocol."""

    __slots__ = (
        "_abort",
        "_flow",
        "_parts",
        "head",
        "identity",
        "is_bodiless",
        "is_complete",
        "joined",
        "keeps_alive",
        "length",
        "retry_after",
        "status",
    )

    def __init__(
        self, status: int, head: Head, abort: Callable[[], None], *, is_bodiless: bool, keeps_alive: bool
    ) -> None:
        self.status = status
        self.head = head
        self.identity = head.identity
        self.retry_after = head.retry_after
        self.length = head.length
        self.is_bodiless = is_bodiless
        self.keeps_alive = keeps_alive and not self.ends_with_connection
        self.is_complete = False
        self.joined: tuple[asyncio.Transport, bytes] | None = None
        self._abort = abort
        self._parts: list[bytes] = []
        self._flow: Flow | None = None

    @property
    def ends_with_connection(self) -> bool:
        return not self.is_bodiless and self.length is None and not self.head.is_chunked

    @property
    def is_whole(self) -> bool:
        """Whether all of the body is here, and nobody has begun to read it."""
        return self.is_complete and self._flow is None

    @property
    def is_small(self) -> bool:
        """Whether it is short enough to be waited for whole."""
        return self.length is not None and self.length <= KEPT

    def discard(self) -> None:
        """Nobody wants it: a body that has not come yet is not waited for, nor what comes after a 101."""
        if not self.is_complete or self.joined is not None:
            self._abort()

    def body(self) -> bytes:
        """All of a response that is whole."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def stream(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """From now on somebody reads while it comes, and slows the instance down when needed."""
        if self._flow is None and not self.is_complete:
            self._flow = Flow(pause, resume)
            for part in self._parts:
                self._flow.feed(part)

    @property
    def flow(self) -> Flow:
        """The body of a response that was handed out before it was complete."""
        if self._flow is None:
            raise RuntimeError("this response is complete")
        return self._flow

    # How it comes in

    def feed(self, data: bytes) -> None:
        if self._flow is not None:
            self._flow.feed(data)
        elif self.is_complete:
            self.keeps_alive = False  # a body that must not be: what is left of it would be the next response
        else:
            self._parts.append(data)

    def complete(self) -> None:
        self.is_complete = True
        if self._flow is not None:
            self._flow.end()
            self._flow.let_go()

    def fail(self, error: Exception) -> None:
        """The body broke off; whoever reads it is told."""
        if self._flow is not None:
            self._flow.fail(error)
