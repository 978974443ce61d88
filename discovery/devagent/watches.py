"""Sleep until a topic is rung: what blocking queries cost while nothing happens is one future each."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection

from discovery.devagent.topics import Topic


class Watches:
    def __init__(self) -> None:
        self._sleeping: dict[Topic, set[asyncio.Future[None]]] = defaultdict(set)
        self.closed = False

    @property
    def sleeping(self) -> int:
        """How many wait."""
        return len({sleeper for sleepers in self._sleeping.values() for sleeper in sleepers})

    def ring(self, topics: Collection[Topic]) -> None:
        """Wake everyone who waits for one of these."""
        for topic in topics:
            for sleeper in self._sleeping.pop(topic, ()):
                if not sleeper.done():
                    sleeper.set_result(None)

    def close(self) -> None:
        """Wake everyone, for good: from now on nobody waits."""
        self.closed = True
        self.ring(list(self._sleeping))

    async def wait(self, topics: Collection[Topic], seconds: float) -> bool:
        """Whether one of the topics was rung within that time."""
        if self.closed:
            return False
        sleeper = asyncio.get_running_loop().create_future()
        for topic in topics:
            self._sleeping[topic].add(sleeper)
        try:
            async with asyncio.timeout(seconds):
                await sleeper
        except TimeoutError:
            return False
        finally:
            self._forget(sleeper, topics)
        return not self.closed

    def _forget(self, sleeper: asyncio.Future[None], topics: Collection[Topic]) -> None:
        for topic in topics:
            if topic in self._sleeping:
                self._sleeping[topic].discard(sleeper)
                if not self._sleeping[topic]:
                    del self._sleeping[topic]
