"""Which names can only mean this machine: `localhost`, and loopback addresses written out.

Any other name is somebody else's to decide, today or after the next look-up.
"""

from __future__ import annotations

import ipaddress
import re

_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\s]+)(?::(?P<port>[0-9]{1,5}))?")


def is_loopback(host: str) -> bool:
    """Whether a host (IPv6 without brackets) can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split(authority: str) -> tuple[str, int | None] | None:
    """`host[:port]` as (host without brackets, port); None for anything else."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None or int(found["port"] or 0) > 65535:
        return None
    return found["host"].strip("[]"), int(found["port"]) if found["port"] else None
