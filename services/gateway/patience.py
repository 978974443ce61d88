"""How long others may keep us waiting, and when they have. Decides only; no I/O, the clock is passed in."""

from __future__ import annotations

HEAD, IDLE, STALL, DISCARD = 10.0, 75.0, 60.0, 2.0
"""Seconds for a head from its first byte; between requests; between bytes of a body, in either direction; for input
after an early answer.
"""

NEVER = float("inf")

MOMENT = 0.1
"""Seconds for which a body of unknown length is waited for: one that turns out small can be sent again."""

LONGEST_LOOK = 2.0
"""Seconds that may be held against a client from one look to the next: more of them are our own pause."""

GRACE, PACE = 20.0, 500.0
"""A body may take so many seconds, and one more for each so many bytes (Apache's mod_reqtimeout). Whoever sends one
keeps an instance busy, and a byte now and then would do it for nothing.
"""


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


class Pace:
    """Of a body that somebody sends: does it come fast enough? Wants to be asked every second or so."""

    __slots__ = ("_at", "_left", "_number", "_seen")

    def __init__(self, now: float) -> None:
        self._at = now
        self._left = GRACE
        self._number = self._seen = 0

    def is_too_slow(self, number: int, seen: int, now: float, *, waits: bool) -> bool:
        """`seen` bytes have come of the body with this number; time counts only while somebody `waits` for more."""
        if number != self._number:
            self._number, self._seen, self._left = number, 0, GRACE
        elapsed = min(now - self._at, LONGEST_LOOK) if waits else 0.0
        self._left = min(GRACE, self._left + (seen - self._seen) / PACE) - elapsed
        self._seen, self._at = seen, now
        return self._left < 0
