"""A request as the gateway passes it on: off the wire, checked, and ready to be sent more than once if it is small."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

Headers = Sequence[tuple[bytes, bytes]]

KEPT = 64 * 1024
"""Bytes of a body that are kept to send it again (Linkerd's buffer for retries)."""


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is what stands in the request line, byte for byte. A body that streams can be sent only once."""

    method: str
    target: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes] = b""

    @property
    def is_repeatable(self) -> bool:
        return isinstance(self.body, bytes)
