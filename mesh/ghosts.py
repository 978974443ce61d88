"""Is the process that a registry entry names still that process?

An entry can outlive its process, and process IDs are used again: what is to be signalled must be on this host, and
must have been there before its boot ID was made.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from discovery.instance import Instance
from mesh.errors import Ghost, NotAllowed

SLACK = 1.0
"""Seconds that the two clocks may differ: the kernel counts from a boot whose moment it knows to a second."""

_BOOT_ID = re.compile(r"[0-9a-f]{13,64}")
_MILLISECONDS = 12
"""Hex digits at the beginning of a boot ID that say when it was made, in Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What an entry says of its process: on which host it has which ID, and when it began (Unix seconds)."""

    pid: int
    host: str
    began: float


def claim(meta: Mapping[str, str]) -> Claim | None:
    """None if the entry does not say it, or says what cannot be. Process 1 is nobody's instance."""
    pid, host, began = meta.get("pid", ""), meta.get("host", ""), boot_began(meta.get("boot_id", ""))
    if not (pid.isascii() and pid.isdigit() and len(pid) <= 10 and int(pid) > 1 and host) or began is None:
        return None
    return Claim(int(pid), host, began)


def boot_began(boot_id: str) -> float | None:
    """Unix seconds; None for a boot ID that is not made by our rule."""
    if not _BOOT_ID.fullmatch(boot_id):
        return None
    return int(boot_id[:_MILLISECONDS], 16) / 1000


def doubt(claim: Claim | None, *, host: str, created: float | None) -> str | None:
    """Why the process cannot be meant; None if it is the one.

    `created` is when the process with that ID was created (Unix seconds), None if there is none.
    """
    if claim is None:
        return "its entry does not say which process it is, and since when"
    if claim.host != host:
        return f"it runs on {claim.host[:64]!a}, and this is {host}"
    if created is None:
        return f"process {claim.pid} has ended"
    if created > claim.began + SLACK:
        return f"process {claim.pid} has ended, and another one has that ID now"
    return None


def is_ghost(instance: Instance) -> bool:
    """Whether it claims to be a process of this machine that is not there."""
    said = claim(instance.meta)
    if said is None or said.host != socket.gethostname():
        return False
    return doubt(said, host=said.host, created=_created(_process(said))) is not None


def process_of(instance: Instance) -> psutil.Process:
    """The process behind an entry. Raises Ghost for one that is gone, NotAllowed for one that is not to be judged."""
    said, host = claim(instance.meta), socket.gethostname()
    process = _process(said) if said is not None and said.host == host else None
    why = doubt(said, host=host, created=_created(process))
    if said is None or said.host != host:
        raise NotAllowed(f"{instance.id} is left alone: {why}")
    if why is not None or process is None:
        raise Ghost(f"{instance.id} is a ghost: {why}")
    return process


def _process(said: Claim) -> psutil.Process | None:
    try:
        return psutil.Process(said.pid)
    except psutil.NoSuchProcess:
        return None


def _created(process: psutil.Process | None) -> float | None:
    """None also for a zombie: it has ended, and only nobody has asked how."""
    try:
        ended = process is None or process.status() == psutil.STATUS_ZOMBIE
        return None if process is None or ended else process.create_time()
    except psutil.NoSuchProcess:
        return None
