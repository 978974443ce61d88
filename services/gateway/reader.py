"""The bytes that a client sends become requests: heads within limits, bodies counted as they stream."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

import httptools

from services.gateway.arrival import Arrival
from services.gateway.fields import Fields, understand
from services.gateway.flow import EMPTY, Flow
from services.gateway.forwarded import Peer
from services.gateway.framing import FIELD_LIMIT, HEAD_LIMIT, LINE_LIMIT
from services.gateway.problems import Problem

log = logging.getLogger(__name__)

FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class RequestReader:
    """The target of its own parser. `on_head` is told of a request whose head is there; the request knows the rest.

    `feed` raises Problem for bytes that are no HTTP; what follows them cannot be understood any more.
    """

    def __init__(
        self,
        on_head: Callable[[Arrival], None],
        pause: Callable[[], None],
        resume: Callable[[], None],
        *,
        peer: Peer,
        body_limit: int,
    ) -> None:
        self._on_head = on_head
        self._pause = pause
        self._resume = resume
        self._peer = peer
        self._body_limit = body_limit
        self._known: Fields | None = None
        self._known_version = ""
        self._parser = httptools.HttpRequestParser(self)
        self._arrival: Arrival | None = None
        self._has_switched = False
        self.number = 0
        """Of the request that has come last, counted on this connection."""
        self._forget_head()

    @property
    def is_in_head(self) -> bool:
        """Whether a head has begun and not ended."""
        return self._arrival is None and (self._has_begun or self._raw > 0)

    @property
    def is_in_body(self) -> bool:
        return self._arrival is not None

    @property
    def seen(self) -> int:
        """Bytes that have come of the body that is coming."""
        return 0 if self._arrival is None else self._arrival.seen

    def feed(self, data: bytes) -> bytes:
        """Take in bytes. Returns those that come after a request for another protocol, if it is granted."""
        rest: bytes | None = data
        while rest is not None:
            if self._arrival is None:
                self._raw += len(rest)
            try:
                rest = self._parsed(rest)
                if rest is not None and self._has_switched:
                    return rest
                if rest is not None:
                    self._go_on()
            except httptools.HttpParserError as error:
                raise self.give_up(_problem_of(error)) from None
        if self._arrival is None and self._raw > HEAD_LIMIT + LINE_LIMIT:
            raise _too_large()
        return b""

    def _parsed(self, data: bytes) -> bytes | None:
        """Feed the parser. Returns what it takes for another protocol's, None when it has taken all."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return data[upgrade.args[0] :]
        return None

    def _go_on(self) -> None:
        """An upgrade that is not granted: what the parser left unread as another protocol's is a body all the same.

        A fresh parser is brought to where the body begins; nobody is told of the head that this takes.
        """
        self._parser = httptools.HttpRequestParser(self)
        if self._arrival is not None:
            framing = (name + b": " + value for name, value in self._headers if name in FRAMING)
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n\r\n" % b"\r\n".join(framing))

    def give_up(self, problem: Problem) -> Problem:
        """A request whose body turned out to be none cannot be served, whoever is waiting for it."""
        if self._arrival is not None:
            self._arrival.flow.fail(problem)
            self._arrival.problem = self._arrival.problem or problem
        return problem

    # What the parser calls

    def on_message_begin(self) -> None:
        self._has_begun = True

    def on_url(self, url: bytes) -> None:
        if self._arrival is not None:
            return
        self._target += url
        if len(self._target) > LINE_LIMIT:
            raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, f"a request line may have {LINE_LIMIT} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._arrival is not None:
            return  # a trailer, or a head once more: dropped
        self._size += len(name) + len(value) + 4
        if self._size > HEAD_LIMIT or len(self._headers) >= FIELD_LIMIT:
            raise _too_large()
        name = name.lower()
        if name in FRAMING:
            self._has_body = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._arrival is not None:
            return
        parser = self._parser
        method, version = parser.get_method(), parser.get_http_version()
        arrival = Arrival(
            method,
            self._target,
            version,
            Flow(self._pause, self._resume) if self._has_body else EMPTY,
            keep_alive=version == "1.1" and method != b"CONNECT" and parser.should_keep_alive(),
        )
        try:
            arrival.fields = self._understood(version)
        except Problem as problem:
            arrival.problem = problem
        if arrival.fields is not None and method == b"GET" and version == "1.1" and parser.should_upgrade():
            arrival.upgrade = arrival.fields.upgrade
        self._arrival = arrival
        self.number += 1
        self._on_head(arrival)
        self._has_switched = bool(arrival.upgrade) and arrival.problem is None

    def _understood(self, version: str) -> Fields:
        """The same fields mean the same as the last time. Raises Problem."""
        known = self._known
        if known is None or known.raw != self._headers or version != self._known_version:
            known = self._known = understand(version, self._headers, self._peer)
            self._known_version = version
        return known

    def on_body(self, data: bytes) -> None:
        arrival = self._arrival
        if arrival is None or arrival.problem is not None:
            return
        arrival.seen += len(data)
        if arrival.seen > self._body_limit:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {self._body_limit} bytes")
        arrival.flow.feed(data)

    def on_message_complete(self) -> None:
        arrival = self._arrival
        if arrival is not None and arrival.flow is not EMPTY and self._parser.should_upgrade():
            return  # its body was only left unread, see `_go_on`
        self._arrival = None
        self._forget_head()
        if arrival is not None:
            arrival.is_complete = True
            arrival.flow.end()

    def _forget_head(self) -> None:
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._size = self._raw = 0
        self._has_begun = self._has_body = False


def _too_large() -> Problem:
    detail = f"a head may have {FIELD_LIMIT} fields and {HEAD_LIMIT} bytes"
    return Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)


def _problem_of(error: httptools.HttpParserError) -> Problem:
    if isinstance(error.__context__, Problem):  # raised by one of our own callbacks
        return error.__context__
    if error.__context__ is not None:
        log.error("a request could not be read", exc_info=error.__context__)
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway has a fault")
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return Problem(HTTPStatus.NOT_IMPLEMENTED, "no such method")
    return Problem(HTTPStatus.BAD_REQUEST, f"this is not HTTP: {error}")
