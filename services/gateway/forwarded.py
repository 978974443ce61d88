"""What instances are told of who asked, and how: in the old form and in that of RFC 7239.

A client that says so itself is not believed, unless it is a proxy that the operator has named: then its word stands,
and its own address is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from services.gateway.request import Headers

Network = IPv4Network | IPv6Network

FOR, PROTO, AT, FORWARDED = b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"


class Peer(NamedTuple):
    """Who is at the other end of a connection; `address` is empty where that cannot be told."""

    address: str
    is_trusted: bool = False


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Those in front of the gateway whose word about clients is taken: they must say it, and not pass on another's."""

    networks: Sequence[Network] = ()

    def peer(self, address: str) -> Peer:
        if not self.networks or not address:
            return Peer(address)
        found = ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        return Peer(address, any(found in network for network in self.networks))


def forwarded(headers: Headers, peer: Peer, host: bytes, scheme: bytes) -> Iterable[tuple[bytes, bytes]]:
    """The fields for an instance. `headers` are the client's, names in lower case; only a trusted one's count."""
    given = headers if peer.is_trusted else ()
    yield FOR, b", ".join([*_values(given, FOR), peer.address.encode()])
    yield PROTO, _last(given, PROTO, scheme)
    if at := _last(given, AT, host):
        yield AT, at
    for_ = f'"[{peer.address}]"' if ":" in peer.address else peer.address
    by_host = b'host="%b";' % host if host else b""
    yield FORWARDED, b", ".join([*_values(given, FORWARDED), b"for=%b;%bproto=%b" % (for_.encode(), by_host, scheme)])


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value for known, value in headers if known == name and value]


def _last(headers: Headers, name: bytes, otherwise: bytes) -> bytes:
    """Of several: a proxy that adds instead of replacing adds its own behind those of its client."""
    return next(reversed(_values(headers, name)), otherwise)
