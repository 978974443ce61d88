"""A response as it comes off the wire: checked head, body with back-pressure. It is its own parser's target."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import httptools

from discovery.errors import ResponseMalformed
from discovery.identity import HEADER
from services.gateway.flow import Flow
from services.gateway.headers import encode, for_client
from services.gateway.request import KEPT

HEAD_LIMIT = 64 * 1024
"""Bytes of fields before a body."""

SWITCHING = 101
IDENTITY = HEADER.encode()
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Memory:
    """An instance mostly sends the same fields again: what clients see of the last ones is kept."""

    __slots__ = ("_headers", "_passed")

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._passed = b""

    def passed(self, headers: list[tuple[bytes, bytes]], served_by: str) -> bytes:
        if headers != self._headers:
            self._headers = headers
            self._passed = encode(for_client(headers, served_by=served_by))
        return self._passed


class Response:
    """Satisfies discovery's `Reply`. Fed by a connection, which it asks to pause, resume and abort."""

    __slots__ = (
        "_abort",
        "_keeps_alive",
        "_memory",
        "_size",
        "flow",
        "has_head",
        "headers",
        "identity",
        "is_bodiless",
        "is_complete",
        "joined",
        "length",
        "parser",
        "retry_after",
        "status",
        "until_eof",
    )

    def __init__(
        self,
        method: bytes,
        pause: Callable[[], None],
        resume: Callable[[], None],
        abort: Callable[[], None],
        memory: Memory,
    ) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.flow = Flow(pause, resume)
        self.headers: list[tuple[bytes, bytes]] = []
        self.status = 0
        self.identity: str | None = None
        self.retry_after: float | None = None
        self.length: int | None = None
        self.has_head = self.is_complete = self.until_eof = self._keeps_alive = False
        self.is_bodiless = method == b"HEAD"
        self.joined: Callable[[], tuple[asyncio.Transport, bytes]] | None = None
        self._memory = memory
        self._abort = abort
        self._size = 0

    def discard(self) -> None:
        """Nobody wants it: a body that has not come yet is not waited for."""
        if not self.is_complete:
            self._abort()

    def passed(self, served_by: str) -> bytes:
        """The fields that a client sees, encoded."""
        return self._memory.passed(self.headers, served_by)

    def hand_over(self) -> tuple[asyncio.Transport, bytes]:
        """After a 101: the connection for another protocol, and what the instance has already said in it."""
        if self.joined is None:
            raise RuntimeError("only a connection that switched protocols can be handed over")
        return self.joined()

    @property
    def is_small(self) -> bool:
        """Whether it is short enough to be waited for whole."""
        return self.length is not None and self.length <= KEPT

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may carry another request."""
        return self.is_complete and not self.until_eof and self._keeps_alive

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return  # a trailer: dropped
        self._size += len(name) + len(value)
        if self._size > HEAD_LIMIT or CONTROL.search(value):
            raise ResponseMalformed("the response's head is not acceptable")
        name = name.lower()
        if name == IDENTITY:
            self.identity = value.decode("latin-1")
        elif name == b"retry-after" and value.isdigit():
            self.retry_after = float(value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if not 100 <= self.status <= 599:
            raise ResponseMalformed("the response's status is none")
        if self.status < 200 and self.status != SWITCHING:
            return
        self._settle_length()
        self._keeps_alive = self.parser.should_keep_alive()  # the parser knows only here
        self.has_head = True
        if self.is_bodiless:
            self._complete()

    def on_body(self, data: bytes) -> None:
        if not self.is_complete:
            self.flow.feed(data)

    def on_message_complete(self) -> None:
        if self.has_head:
            self._complete()
        else:  # an interim response, of no interest to anybody behind us
            self.headers.clear()

    def end_of_stream(self) -> None:
        """The connection ended; where nothing else ends the body, that does."""
        if self.until_eof and not self.is_complete:
            self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        self.flow.end()

    def _settle_length(self) -> None:
        """How long is the body? More than one answer is none (RFC 9112, section 6.3)."""
        lengths = [value for name, value in self.headers if name == b"content-length"]
        codings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
        if len(lengths) + len(codings) > 1 or any(coding != b"chunked" for coding in codings):
            raise ResponseMalformed("the response's length is not clear")
        self.is_bodiless = self.is_bodiless or self.status in (SWITCHING, 204, 304)
        self.length = int(lengths[0]) if lengths else None
        self.until_eof = not lengths and not codings and not self.is_bodiless
