"""Ports on this machine for servers that are to be started, and started again, where others expect them."""

from __future__ import annotations

import socket
from itertools import islice
from random import SystemRandom

CANDIDATES = range(20_000, 32_000)
"""Ports that are picked from: below what Linux (32768) and macOS (49152) give to outgoing connections and to
listeners on port 0, so that nobody gets one by accident between the moment of picking and that of use."""


def free_ports(count: int) -> list[int]:
    """Different ports on 127.0.0.1 that are free for TCP and UDP alike. Raises OSError."""
    # Not by a seed: those who share one, like the workers of one test run, would pick the same.
    shuffled = SystemRandom().sample(CANDIDATES, len(CANDIDATES))
    found = list(islice(filter(_is_free, shuffled), count))
    if len(found) < count:
        raise OSError(f"fewer than {count} free ports from {CANDIDATES.start} to {CANDIDATES.stop - 1}")
    return found


def _is_free(port: int) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as one:
                one.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
