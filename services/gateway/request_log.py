"""One line for each request: JSON, or words on a terminal. Never a query, a field or a body of a client.

Lines are gathered for a moment and written in one piece: this stands in the way of every request, and a logger that
asks its handlers each time takes longer than choosing the instance does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from time import gmtime, strftime
from typing import TextIO

from services.gateway.arrival import Arrival

PAUSE = 0.1
"""Seconds for which lines are gathered."""


class RequestLog:
    """Close it with `flush`. `now` is Unix time in seconds."""

    def __init__(self, stream: TextIO, now: Callable[[], float]) -> None:
        self._stream = stream
        self._now = now
        self._is_terminal = stream.isatty()
        self._second, self._prefix = -1, ""
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(
        self, arrival: Arrival, *, status: int, service: str, instance: str, attempts: int, seconds: float
    ) -> None:
        """`seconds`: up to the head of the response."""
        path = quoted(arrival.target.partition(b"?")[0].decode("latin-1"))
        method = arrival.method.decode("latin-1")
        if self._is_terminal:
            line = f"{self._time()} {method} {path[1:-1]} {status} {instance or 'gateway'} {seconds * 1000:.1f} ms\n"
        else:
            request_id, trace_id = arrival.marks.request_id.decode(), arrival.marks.trace_id.decode()
            line = (
                f'{{"event": "request", "level": "info", "method": "{method}", "path": {path}, "status": {status:d}, '
                f'"service": "{service}", "instance": {quoted(instance)}, "attempts": {attempts}, '
                f'"milliseconds": {seconds * 1000:.3f}, "request_id": {quoted(request_id)}, '
                f'"trace_id": "{trace_id}", "timestamp": "{self._time()}"}}\n'
            )
        self._lines.append(line)
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

    def _time(self) -> str:
        """ISO 8601 in UTC, to the millisecond. What changes once a second is made once a second."""
        now = self._now()
        second = int(now)
        if second != self._second:
            self._second, self._prefix = second, strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
        return f"{self._prefix}.{int((now - second) * 1000):03d}Z"
