"""What marks a request on its whole way: an ID for people who search logs, and its place in a trace."""

from __future__ import annotations

import re
from random import randbytes
from typing import NamedTuple

from services.gateway.headers import named_by_connection
from services.gateway.request import Headers
from services.gateway.trace import continues_a_trace, new_traceparent

REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
"""What can stand in a log and in a header."""


class Marks(NamedTuple):
    """Empty where there is none."""

    request_id: bytes = b""
    traceparent: bytes = b""

    def encoded(self) -> bytes:
        return b"traceparent: %b\r\nx-request-id: %b\r\n" % (self.traceparent, self.request_id)

    @property
    def trace_id(self) -> bytes:
        return self.traceparent[3:35]


def given_marks(headers: Headers) -> Marks:
    """Those of a client that can be passed on."""
    named = named_by_connection(headers)
    ids = [value for name, value in headers if name == b"x-request-id" and name not in named]
    traces = [value for name, value in headers if name == b"traceparent" and name not in named]
    return Marks(
        ids[0] if len(ids) == 1 and REQUEST_ID.fullmatch(ids[0]) else b"",
        traces[0] if traces and continues_a_trace(headers) else b"",
    )


def complete(given: Marks) -> Marks:
    """New ones for those that are missing."""
    if given.request_id and given.traceparent:
        return given
    digits = randbytes(40).hex().encode()
    return Marks(given.request_id or digits[48:], given.traceparent or new_traceparent(digits))
