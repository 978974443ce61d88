"""One HTTP GET on a connection of its own, of whose response no more is read than a check shows.

Written for checks: it follows no redirect, knows no proxy, unpacks nothing and keeps nothing open. A general client
does all of that, and costs ten times the processor time.
"""

from __future__ import annotations

import asyncio

import httptools
import httpx2

MAX_BODY = 4096
"""Bytes of a body that are read and kept, as in Consul's agent."""

MAX_READ = 64 * 1024
"""Bytes that are read in all: a response whose header block is longer than that is none."""


class NoResponse(Exception):
    """The connection was closed before a response had come, or what came is not HTTP."""


class _Response:
    """What httptools finds, collected; `done` as soon as nothing more is of interest."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.reason = b""
        self.body = b""
        self.done = False

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        self.body = (self.body + part)[:MAX_BODY]
        self.done = len(self.body) == MAX_BODY

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self.done = True
        else:  # 100 Continue and its like announce another
            self.status, self.reason = 0, b""


async def fetch(host: str, port: int, url: httpx2.URL) -> tuple[int, str, bytes]:
    """Ask host and port for what the URL names; both must be known already to be this machine.

    Returns status, reason phrase and the beginning of the body. Raises OSError, NoResponse; has no deadline.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(_request(url))
        response = await _read(reader)
    finally:
        writer.close()
    if not response.status:
        raise NoResponse("EOF")
    return response.status, response.reason.decode("latin-1"), response.body


async def _read(reader: asyncio.StreamReader) -> _Response:
    response, read = _Response(), 0
    while not response.done and read < MAX_READ:
        part = await reader.read(MAX_BODY)
        if not part:
            break
        read += len(part)
        try:
            response.parser.feed_data(part)
        except httptools.HttpParserError:
            if not response.done:  # what follows a whole response is of no interest
                raise NoResponse("malformed HTTP response") from None
    return response


def _request(url: httpx2.URL) -> bytes:
    lines = (
        b"GET " + url.raw_path + b" HTTP/1.1",
        b"Host: " + url.netloc,
        b"User-Agent: Consul Health Check",
        b"Accept: text/plain, text/*, */*",
        b"Connection: close",
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"
