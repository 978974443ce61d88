"""Which addresses must never be called, whatever a registry says.

A registry that anybody can write to must not become a way to reach the registry itself, a cloud's metadata service,
or a caller's own listeners.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

CONSUL_PORTS = frozenset({8300, 8301, 8302, 8500, 8501, 8502, 8503, 8600})
"""Consul's defaults: server RPC, gossip, HTTP(S), gRPC, DNS."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What this caller must not call: `own` are its listeners and its registry, as (address, port)."""

    loopback: bool = False
    own: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    def reason(self, address: str, port: int) -> str:
        """Why an address must not be called; empty when it may be."""
        if not address:
            return "no address"
        if not 0 < port < 65536:
            return "no port"
        if port in CONSUL_PORTS:
            return "a port of Consul"
        if (address, port) in self.own or ("", port) in self.own:
            return "a listener of ours"
        return self._reason_for(address)

    def _reason_for(self, address: str) -> str:
        if address.lower().rstrip(".") == "localhost":
            return "loopback" if self.loopback else ""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return ""  # a name: whoever connects asks again with what it resolves to
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_unspecified:
            return "unspecified"
        if ip.is_multicast or ip == ipaddress.ip_address("255.255.255.255"):
            return "multicast"
        if ip.is_link_local:
            return "link-local"
        return "loopback" if ip.is_loopback and self.loopback else ""


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
