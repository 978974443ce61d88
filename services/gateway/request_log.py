"""One line for each request: JSON, or words on a terminal. Never a query, a field or a body of a client.

Lines are gathered for a moment and written in one piece: this stands in the way of every request, and a logger that
asks its handlers each time takes longer than choosing the instance does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from services.gateway.arrival import Arrival

PAUSE = 0.1
"""Seconds for which lines are gathered."""


class RequestLog:
    """Close it with `flush`. `now` is Unix time in seconds."""

    def __init__(self, stream: TextIO, now: Callable[[], float]) -> None:
        self._stream = stream
        self._now = now
        self._form = _words if stream.isatty() else _document
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(
        self, arrival: Arrival, *, status: int, service: str, instance: str, attempts: int, seconds: float
    ) -> None:
        """`seconds`: up to the head of the response."""
        entry = {
            "event": "request",
            "level": "info",
            "method": arrival.method.decode("latin-1"),
            "path": arrival.target.partition(b"?")[0].decode("latin-1"),
            "status": status,
            "service": service,
            "instance": instance,
            "attempts": attempts,
            "milliseconds": round(seconds * 1000, 3),
            "request_id": arrival.marks.request_id.decode("latin-1"),
            "trace_id": arrival.marks.trace_id.decode("latin-1"),
            "timestamp": _iso(self._now()),
        }
        self._lines.append(self._form(entry))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


def _document(entry: dict[str, object]) -> str:
    return json.dumps(entry) + "\n"


def _words(entry: dict[str, object]) -> str:
    path = json.dumps(entry["path"])[1:-1]
    by = entry["instance"] or "gateway"
    return f"{entry['timestamp']} {entry['method']} {path} {entry['status']} {by} {entry['milliseconds']} ms\n"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
