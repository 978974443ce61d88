"""A request as the gateway passes it on: off the wire, checked, and ready to be sent more than once if it is small."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

Headers = Sequence[tuple[bytes, bytes]]


class Request:
    """`target` is what stands in the request line, byte for byte; `fields` are encoded, all that an instance gets.

    A body that streams can be sent only once; `length` is then what the client announced, None for chunked.
    """

    __slots__ = ("body", "fields", "is_repeatable", "length", "method", "target", "upgrade")

    def __init__(
        self,
        method: bytes,
        target: bytes,
        fields: bytes,
        body: bytes | AsyncIterator[bytes] = b"",
        length: int | None = 0,
        upgrade: bytes = b"",
    ) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
        self.length = length
        self.upgrade = upgrade
        self.is_repeatable = isinstance(body, bytes) and not upgrade

    def with_fields(self, fields: bytes) -> Request:
        """The same request with other fields."""
        return Request(self.method, self.target, fields, self.body, self.length, self.upgrade)

    def head(self) -> bytes:
        """The request line and all fields."""
        if self.upgrade:
            last = b"connection: upgrade\r\nupgrade: %b\r\n\r\n" % self.upgrade
        else:
            last = b"transfer-encoding: chunked\r\n\r\n" if self.length is None else b"\r\n"
        return b"%b %b HTTP/1.1\r\n%b%b" % (self.method, self.target, self.fields, last)
