"""One line for each request, with nothing of what a client keeps to itself."""

from __future__ import annotations

import asyncio
import io
import json

from services.gateway.arrival import Arrival
from services.gateway.flow import EMPTY
from services.gateway.marks import Marks
from services.gateway.request_log import RequestLog


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def arrival(target: bytes = b"/encrypt?key=secret") -> Arrival:
    found = Arrival(b"POST", target, "1.1", EMPTY, keep_alive=True)
    found.marks = Marks(b"r-1", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    return found


async def test_a_line_says_what_happened_and_joins_the_trace() -> None:
    stream = io.StringIO()
    log = RequestLog(stream, lambda: 1_700_000_000.5)
    log.note(arrival(), status=200, service="encrypt", instance="encrypt-1", attempts=2, seconds=0.0123456)
    log.flush()
    assert json.loads(stream.getvalue()) == {
        "event": "request",
        "level": "info",
        "method": "POST",
        "path": "/encrypt",
        "status": 200,
        "service": "encrypt",
        "instance": "encrypt-1",
        "attempts": 2,
        "milliseconds": 12.346,
        "request_id": "r-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "timestamp": "2023-11-14T22:13:20.500Z",
    }


async def test_nothing_of_a_query_is_written() -> None:
    for stream in (io.StringIO(), Terminal()):
        log = RequestLog(stream, lambda: 0.0)
        log.note(arrival(), status=200, service="", instance="", attempts=0, seconds=0.0)
        log.flush()
        assert "secret" not in stream.getvalue()


async def test_a_path_cannot_forge_a_line_or_move_a_cursor() -> None:
    for stream in (io.StringIO(), Terminal()):
        log = RequestLog(stream, lambda: 0.0)
        log.note(arrival(b"/a\n\x1b[2J\x9b"), status=404, service="", instance="", attempts=0, seconds=0.0)
        log.flush()
        assert stream.getvalue().count("\n") == 1
        assert stream.getvalue().isascii()
        assert "\x1b" not in stream.getvalue()


async def test_lines_are_written_by_themselves_soon() -> None:
    stream = io.StringIO()
    log = RequestLog(stream, lambda: 0.0)
    for _ in range(3):
        log.note(arrival(), status=200, service="", instance="", attempts=1, seconds=0.0)
    async with asyncio.timeout(30):
        while stream.getvalue().count("\n") < 3:
            await asyncio.sleep(0.01)
