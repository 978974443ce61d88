"""The bytes that an instance sends become responses, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httptools

from discovery.errors import ResponseMalformed
from services.gateway.heads import Head, understand_head
from services.gateway.response import BODILESS, SWITCHING, Response

END = b"\r\n\r\n"
"""Of a head. An instance may end lines otherwise: then it is parsed each time."""

HEAD_LIMIT = 64 * 1024
"""Bytes of fields before a body."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A response that came in one piece. Another that has the same size and begins with the same bytes has the same
    head, and ends where the piece ends: there is nothing in it for a parser to find out.
    """

    start: bytes
    size: int
    status: int
    head: Head


class ResponseReader:
    """The target of its own parser. `response` is the one that is coming, once its head is there."""

    __slots__ = (
        "_abort",
        "_fed",
        "_known",
        "_last",
        "_method",
        "_parser",
        "_raw",
        "_served_by",
        "_size",
        "response",
    )

    def __init__(self, served_by: str, abort: Callable[[], None]) -> None:
        self.response: Response | None = None
        self._served_by = served_by
        self._abort = abort
        self._parser: httptools.HttpResponseParser | None = None
        self._known: Head | None = None
        self._last: Whole | None = None
        self._method = b""
        self._raw: list[tuple[bytes, bytes]] = []
        self._fed = self._size = 0

    def expect(self, method: bytes) -> None:
        """The next response answers a request with this method."""
        self.response = None
        self._method = method
        self._raw = []
        self._fed = self._size = 0
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes | None:
        """Take in bytes. Returns those of another protocol after a 101, else None. Raises ResponseMalformed."""
        if self._parser is None:
            raise ResponseMalformed("bytes that nobody asked for")
        is_first = self.response is None and not self._fed
        if is_first and self._is_like_the_last(data):
            return None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.response is None or self.response.status != SWITCHING:
                raise ResponseMalformed("an upgrade that nobody asked for") from None
            return data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            raise ResponseMalformed("the response is not HTTP that can be passed on") from error
        if self.response is None:
            self._fed += len(data)
            if self._fed > HEAD_LIMIT:
                raise ResponseMalformed("the response's head does not end")
        elif is_first and self.response.is_complete:
            self._remember(self.response, data)
        return None

    def _is_like_the_last(self, data: bytes) -> bool:
        """Whether this is the last response once more but for its body, and so understood already."""
        last = self._last
        if last is None or len(data) != last.size or self._method == b"HEAD" or not data.startswith(last.start):
            return False
        response = self.response = Response(last.status, last.head, self._abort, is_bodiless=False, keeps_alive=True)
        response.feed(data[len(last.start) :])
        response.complete()
        return True

    def _remember(self, response: Response, data: bytes) -> None:
        """Only one that is its head and its body, and nothing before, between or behind."""
        start = data[: data.find(END) + len(END)]
        is_plain = response.length is not None and len(start) + response.length == len(data)
        if is_plain and response.keeps_alive and not response.is_bodiless:
            self._last = Whole(start, len(data), response.status, response.head)

    def forget(self) -> None:
        """Let go of the parser, which holds on to this reader. HEAD needs that too: it waits for a body."""
        self._parser = None

    # What the parser calls

    def on_message_begin(self) -> None:
        if self.response is not None:
            raise ResponseMalformed("a second response, which nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.response is not None:
            return  # a trailer: dropped
        self._size += len(name) + len(value)
        if self._size > HEAD_LIMIT:
            raise ResponseMalformed("the response's head is too large")
        self._raw.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        status = parser.get_status_code() if parser is not None else 0
        version = parser.get_http_version() if parser is not None else ""
        if not 100 <= status <= 599 or version not in ("1.0", "1.1"):
            raise ResponseMalformed("the response's version or status is none")
        if status < 200 and status != SWITCHING:
            return
        if status == 204:  # which must not have a length (RFC 9110, section 8.6)
            self._raw = [field for field in self._raw if field[0].lower() != b"content-length"]
        head = self._known
        if head is None or head.raw != self._raw:
            head = self._known = understand_head(self._raw, self._served_by)
        if head.is_chunked and version == "1.0":
            raise ResponseMalformed("HTTP/1.0 has no Transfer-Encoding")
        is_head = self._method == b"HEAD"
        self.response = Response(
            status,
            head,
            self._abort,
            is_bodiless=is_head or status in BODILESS,
            keeps_alive=parser is not None and parser.should_keep_alive(),  # which it knows only here
        )
        if is_head:
            self.response.complete()

    def on_body(self, data: bytes) -> None:
        if self.response is None:
            raise ResponseMalformed("an interim response with a body")
        self.response.feed(data)

    def on_message_complete(self) -> None:
        if self.response is not None:
            self.response.complete()
        else:  # an interim response, of no interest to anybody behind us
            self._raw = []
