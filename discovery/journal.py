"""What happened, newest first: kept for people who ask, told to those who listen, and logged."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an instance, a service, a route or the registry."""

    id: int
    at: datetime
    kind: str
    service: str = ""
    instance: str = ""
    detail: dict[str, Any] = field(default_factory=dict, hash=False)


class Journal:
    """A bounded memory. A listener that falls behind loses the oldest, never slows the writer.

    `on_event` is called within `record`: it must be quick.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        keep: int = 1000,
        on_event: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        self._now = now
        self._events: deque[Event] = deque(maxlen=keep)
        self._listeners: set[asyncio.Queue[Event]] = set()
        self._on_event = on_event
        self._count = 0

    def record(self, kind: str, *, service: str = "", instance: str = "", **detail: Any) -> None:
        self._count += 1
        event = Event(self._count, self._now(), kind, service, instance, detail)
        self._events.append(event)
        self._on_event(event)
        log.info(kind, extra={"service": service, "instance": instance, **detail})
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    def newest(self, limit: int = 200) -> Sequence[Event]:
        return list(reversed(self._events))[:limit]

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[AsyncIterator[Event]]:
        """Every event from now on, for as long as the context lasts."""
        queue: asyncio.Queue[Event] = asyncio.Queue(maxsize=1000)
        self._listeners.add(queue)
        try:
            async with aclosing(_drain(queue)) as events:
                yield events
        finally:
            self._listeners.discard(queue)


async def _drain(queue: asyncio.Queue[Event]) -> AsyncGenerator[Event, None]:
    while True:
        yield await queue.get()
