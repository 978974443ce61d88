"""A request as the gateway passes it on: off the wire, checked, and ready to be sent more than once if it is small."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from discovery.instance import Instance

Headers = Sequence[tuple[bytes, bytes]]

KEPT = 64 * 1024
"""Bytes of a body that are kept to send it again (Linkerd's buffer for retries)."""


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is what stands in the request line, byte for byte; header names are in lower case.

    A body that streams can be sent only once; `length` is then what the client announced, None for chunked.
    """

    method: bytes
    target: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = 0
    upgrade: bytes = b""

    @property
    def is_repeatable(self) -> bool:
        return isinstance(self.body, bytes) and not self.upgrade

    def head(self, instance: Instance) -> bytes:
        """The request line and all fields, with a Host where the client gave none."""
        lines = [b"%b %b HTTP/1.1\r\n" % (self.method, self.target)]
        lines += [b"%b: %b\r\n" % field for field in self.headers]
        if not any(name == b"host" for name, _ in self.headers):
            lines.append(b"host: %b\r\n" % instance.authority.encode())
        if self.upgrade:
            lines.append(b"connection: upgrade\r\nupgrade: %b\r\n" % self.upgrade)
        if self.length is None:
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)
