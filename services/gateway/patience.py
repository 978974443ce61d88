"""How long others may keep us waiting, and when they have. Decides only; no I/O, the clock is passed in."""

from __future__ import annotations

HEAD, IDLE, STALL, DISCARD = 10.0, 75.0, 60.0, 2.0
"""Seconds for a head from its first byte; between requests; between bytes of a body, in either direction; for input
after an early answer.
"""

NEVER = float("inf")


class Uptake:
    """Of what is written to somebody: do they take it?"""

    __slots__ = ("_at", "_has_moved", "_unread")

    def __init__(self, now: float) -> None:
        self._at = now
        self._has_moved = False
        self._unread = 0

    def moves(self) -> None:
        """They have taken some."""
        self._has_moved = True

    def is_stuck(self, unread: int, now: float) -> bool:
        """Whether they have taken nothing for too long, with so many bytes waiting for them.

        Wants to be asked every second or so: what it knows, it knows from one time to the next.
        """
        if self._has_moved or not unread or unread < self._unread:
            self._at = now
        self._has_moved = False
        self._unread = unread
        return now - self._at > STALL
