"""How many clients are connected, and whether there is room for one more."""

from __future__ import annotations


class Clients:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.count = 0

    def enter(self) -> bool:
        """Whether there was room. Who entered leaves once."""
        if self.count >= self._limit:
            return False
        self.count += 1
        return True

    def leave(self) -> None:
        self.count -= 1
