"""Which header fields pass, in which direction, and what the gateway says of itself.

RFC 9110, section 7.6.1: fields that concern one connection only, and those that `Connection` names, end here. What a
client says of where a request came from is not believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from discovery.identity import HEADER
from services.gateway.request import Headers

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

VIA = b"1.1 gateway"


def named_by_connection(headers: Headers) -> set[bytes]:
    """The fields that `Connection` says concern this connection only."""
    values = (value for name, value in headers if name == b"connection")
    return {token.strip().lower() for value in values for token in value.split(b",")}


def for_upstream(headers: Headers, *, client: str, scheme: str) -> list[tuple[bytes, bytes]]:
    """The fields of a request (names in lower case) as an instance should see them."""
    dropped = HOP_BY_HOP | MADE_UP | OURS | {b"expect"} | named_by_connection(headers)
    passed = [(name, value) for name, value in headers if name not in dropped and not _is_made_up(name)]
    host = next((value for name, value in passed if name == b"host"), b"")
    for_ = f'"[{client}]"' if ":" in client else client
    passed += [
        (b"via", VIA),
        (b"x-forwarded-for", client.encode()),
        (b"x-forwarded-proto", scheme.encode()),
        (b"x-forwarded-host", host),
        (b"forwarded", b'for=%s;host="%s";proto=%s' % (for_.encode(), host, scheme.encode())),
    ]
    if not any(name == b"x-request-id" for name, _ in passed):
        passed.append((b"x-request-id", uuid4().hex.encode()))
    return passed


def for_client(headers: Headers, *, served_by: str, attempts: int) -> list[tuple[bytes, bytes]]:
    """The fields of a response as the client should see them."""
    dropped = HOP_BY_HOP | OURS | named_by_connection([(name.lower(), value) for name, value in headers])
    passed = [(name, value) for name, value in headers if name.lower() not in dropped]
    return [*passed, (b"via", VIA), *ours(served_by=served_by, attempts=attempts)]


def ours(*, served_by: str, attempts: int) -> Iterable[tuple[bytes, bytes]]:
    """What the contract promises on every proxied response."""
    yield b"x-served-by", served_by.encode()
    if attempts > 1:
        yield b"x-attempts", b"%d" % attempts


def _is_made_up(name: bytes) -> bool:
    """`X-Forwarded-…` of a client, and names with an underscore, which some servers read as the same."""
    return name.startswith(b"x-forwarded-") or b"_" in name
