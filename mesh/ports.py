"""Which ports on this machine are free, and how one is kept."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from discovery.ports import free_ports
from mesh.errors import PortTaken

BOUND_IS_TAKEN = sys.platform == "linux"
"""Elsewhere a socket that is only bound might be given the connections of those that listen."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now; connections that linger from a former one are no hindrance."""
    with socket.socket() as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    return free_ports(1)[0]


@contextmanager
def reserved(port: int) -> Iterator[None]:
    """Keep a port for those of our programs that share it (SO_REUSEPORT), also while none of them listens there.

    Without this, a server that takes the port while all are down would be joined by them when they come back. Raises
    PortTaken.
    """
    if not is_free(port):
        raise PortTaken(f"port {port} is in use by somebody else; --gateway-port takes another")
    with socket.socket() as holder:
        if BOUND_IS_TAKEN:
            # No SO_REUSEADDR: with it, anybody else who sets it could bind the port as long as nobody listens.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with suppress(OSError):  # as long as connections linger of a server that shared nothing
                holder.bind(("127.0.0.1", port))
        yield
