"""Which ports on this machine are free."""

from __future__ import annotations

import socket

from mesh.registry import free_ports


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
