"""How long a client may keep us waiting, and when it has. Decides only; no I/O, the clock is passed in."""

from __future__ import annotations

HEAD, IDLE, STALL, DISCARD = 10.0, 75.0, 60.0, 2.0
"""Seconds for a head from its first byte; between requests; between bytes of a body, in either direction; for input
after an early answer.
"""

NEVER = float("inf")


class Patience:
    """With one client: until when it must have done the next thing."""

    __slots__ = ("_has_read", "_read_at", "_unread", "deadline")

    def __init__(self, now: float) -> None:
        self.deadline = now + HEAD
        self._read_at = now
        self._has_read = False
        self._unread = 0

    def reads(self) -> None:
        """It has taken some of what waits for it."""
        self._has_read = True

    def reads_nothing(self, unread: int, now: float) -> bool:
        """Whether it has taken nothing for too long, with so many bytes waiting for it. Wants to be asked regularly."""
        if self._has_read or not unread or unread < self._unread:
            self._read_at = now
        self._has_read = False
        self._unread = unread
        return now - self._read_at > STALL
