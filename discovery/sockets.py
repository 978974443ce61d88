"""Bind the port of a server, and find the address under which others reach it."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from discovery.addresses import Forbidden
from discovery.errors import ListenError, SettingsError


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound socket that does not listen yet. `shared` lets several processes take the same port.

    Raises ListenError.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except UnicodeError as error:
        raise ListenError(f"cannot listen on {host}: not a host") from error
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


def address_towards(host: str, port: int, *, own_name: str | None = None) -> str:
    """The address of this machine that `host` sees us come from. Sends nothing. Raises ListenError.

    When the host has no address now, as the container of a stopped registry has none, it is the one that our own name
    stands for.
    """
    try:
        return _address_towards(host, port)
    except OSError as error:
        found = _address_of(own_name or socket.gethostname())
        if found is None:
            raise ListenError(f"no address to advertise: {error.strerror}; set SERVICE_ADVERTISE") from error
        return found


def _address_towards(host: str, port: int) -> str:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])


def _address_of(name: str) -> str | None:
    """None for loopback, which many machines call themselves: it would lead others to themselves."""
    try:
        found = socket.gethostbyname(name)
    except OSError:
        return None
    return None if ipaddress.ip_address(found).is_loopback else found


def advertised(advertise: str | None, host: str, port: int, *, registry: tuple[str, int]) -> tuple[str, int]:
    """Where others reach a server that listens on host and port: what was said, or what can be found out.

    Raises ListenError when nothing can be found out, SettingsError for what was said but nobody could call.
    """
    if not advertise:
        return (address_towards(*registry) if is_unspecified(host) else host), port
    try:
        address, outer = _host_and_port(advertise)
    except ValueError:
        address, outer = "", None
    place = address, port if outer is None else outer
    if why := Forbidden().reason(*place):
        raise SettingsError(f"{advertise!r} cannot be advertised ({why}): expected HOST or HOST:PORT")
    return place


def _host_and_port(said: str) -> tuple[str, int | None]:
    """An IPv6 address needs brackets only before a port. Raises ValueError."""
    if said.count(":") > 1 and not said.startswith("["):
        return said, None
    parts = urlsplit(f"//{said}")
    if parts.netloc != said or said.endswith(":"):
        raise ValueError("more, or less, than a host and a port")
    return parts.hostname or "", parts.port


def is_unspecified(host: str) -> bool:
    """Whether a server that listens there listens on every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
