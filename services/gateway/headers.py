"""Which header fields pass, in which direction, and what the gateway says of itself.

RFC 9110, section 7.6.1: fields that concern one connection only, and those that `Connection` names, end here. What is
said of where a request came from is made anew.
"""

from __future__ import annotations

from discovery.identity import HEADER
from services.gateway.forwarded import Peer, forwarded
from services.gateway.request import Headers
from services.gateway.trace import continues_a_trace

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

MADE_UP = frozenset({b"forwarded", b"x-real-ip", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip", b"via"})

OURS = frozenset({b"x-served-by", b"x-attempts", HEADER.encode()})

NEVER_UPSTREAM = HOP_BY_HOP | MADE_UP | OURS | {b"expect"}

MARKS = frozenset({b"traceparent", b"x-request-id"})
"""Added to each request by themselves."""

END_TO_END = frozenset({b"content-length", b"host"})
"""What `Connection` cannot take away: without its length a body would be read as the next message."""

VIA = b"1.1 gateway"


def named_by_connection(headers: Headers) -> set[bytes]:
    """The fields that `Connection` says concern this connection only."""
    values = (value for name, value in headers if name == b"connection")
    return {token.strip().lower() for value in values for token in value.split(b",")} - END_TO_END


def for_upstream(headers: Headers, *, peer: Peer, scheme: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of a request (names in lower case) as an instance should see them, without its marks."""
    dropped = NEVER_UPSTREAM | MARKS | named_by_connection(headers)
    if not continues_a_trace(headers):
        dropped |= {b"tracestate"}
    passed = [(name, value) for name, value in headers if name not in dropped and not _is_made_up(name)]
    host = next((value for name, value in passed if name == b"host"), b"")
    return [*passed, (b"via", VIA), *forwarded(headers, peer, host, scheme)]


def encode(headers: Headers) -> bytes:
    return b"".join([b"%b: %b\r\n" % field for field in headers])


def for_client(headers: Headers, *, served_by: str) -> list[tuple[bytes, bytes]]:
    """The fields of a response (names in lower case) as the client should see them."""
    dropped = HOP_BY_HOP | OURS | named_by_connection(headers)
    passed = [field for field in headers if field[0] not in dropped]
    return [*passed, (b"via", VIA), (b"x-served-by", served_by.encode())]


def _is_made_up(name: bytes) -> bool:
    """`X-Forwarded-…` of a client, and names with an underscore, which some servers read as the same."""
    return name.startswith(b"x-forwarded-") or b"_" in name
