"""Bind the port of a server, and find the address under which others reach it."""

from __future__ import annotations

import ipaddress
import socket

from discovery.errors import ListenError


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket that does not listen yet. `shared` lets several processes take the same port.

    Raises ListenError.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ListenError(f"cannot listen on {host}: {error.strerror}") from error
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise ListenError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return bound


def address_towards(host: str, port: int) -> str:
    """The address of this machine that `host` sees us come from. Sends nothing. Raises ListenError."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise ListenError(f"no address to advertise: {error.strerror}; set SERVICE_ADVERTISE") from error


def advertised(advertise: str | None, host: str, port: int, *, registry: tuple[str, int]) -> tuple[str, int]:
    """Where others reach a server that listens on host and port: what was said, or what can be found out."""
    if advertise:
        name, _, said = advertise.rpartition(":")
        if name and said.isdecimal() and (":" not in name or name.startswith("[")):
            return name.strip("[]"), int(said)
        return advertise.strip("[]"), port
    return (address_towards(*registry) if is_unspecified(host) else host), port


def is_unspecified(host: str) -> bool:
    """Whether a server that listens there listens on every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
