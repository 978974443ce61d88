"""Which addresses must never be called, whatever a registry says.

A registry that anybody can write to must not become a way to reach the registry itself, a cloud's metadata service,
or a caller's own listeners.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{LABEL}\.)*(?!(?:\d+|0[xX][0-9A-Fa-f]*)\.?\Z){LABEL}\.?")
"""A name whose last label is a number is none: resolvers read `127.1` and `0x7f000001` as addresses."""

KEPT = 1 << 15
"""Addresses that are remembered: each snapshot asks about the same ones."""

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Where a translator takes addresses of the older kind (RFC 6052)."""

METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200")))
"""What clouds tell any process that asks, where it is not link-local: Amazon, Google, Alibaba."""

CONSUL_PORTS = frozenset({8300, 8301, 8302, 8500, 8501, 8502, 8503, 8600})
"""Consul's defaults: server RPC, gossip, HTTP(S), gRPC, DNS."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What this caller must not call: `own` are its listeners and its registry, as (address, port).

    A listener on every address of this machine has none. `registry` is where the registry has been spoken with, which
    grows while it is: its name says nothing of its addresses.
    """

    loopback: bool = False
    own: frozenset[tuple[str, int]] = field(default_factory=frozenset)
    registry: Collection[tuple[str, int]] = field(default=(), compare=False)

    def reason(self, address: str, port: int, *, is_here: bool = False) -> str:
        """Why an address must not be called; empty when it may be.

        `is_here`: it is known to be one of this machine's own, for which a listener of ours on every address counts.
        """
        if not address:
            return "no address"
        if not 0 < port < 65536:
            return "no port"
        if port in CONSUL_PORTS:
            return "a port of Consul"
        is_here = is_here or _nature(_plain(address)) == "loopback"
        if any(
            port == taken and (is_here if not host else _plain(host) == _plain(address)) for host, taken in self.own
        ):
            return "a listener of ours"
        if any(port == taken and _plain(host) == _plain(address) for host, taken in self.registry):
            return "the registry"
        nature = _nature(_plain(address))
        return "" if nature == "loopback" and not self.loopback else nature


def _inner(ip: IP) -> IP:
    """The address of the older kind that one of the newer kind stands for: mapped, or behind a translator."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or ip
    return ip


@lru_cache(maxsize=KEPT)
def _nature(address: str) -> str:
    """What kind of address speaks against calling it; empty for an ordinary one."""
    try:
        ip = _inner(ipaddress.ip_address(address))
    except ValueError:
        # Of a name nothing more is known here: whoever connects asks again with what it resolves to.
        return "" if HOST_NAME.fullmatch(address) else "no address"
    if ip.is_unspecified:
        return "unspecified"
    if ip.is_multicast or ip == ipaddress.ip_address("255.255.255.255"):
        return "multicast"
    if ip.is_link_local or ip in METADATA:
        return "link-local"
    return "loopback" if ip.is_loopback else ""


@lru_cache(maxsize=KEPT)
def _plain(address: str) -> str:
    """One spelling for each address. `localhost` may be either family's, so both are taken for one."""
    if address.lower().rstrip(".") == "localhost":
        return "127.0.0.1"
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    ip = _inner(ip)
    return "127.0.0.1" if str(ip) == "::1" else str(ip)


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
