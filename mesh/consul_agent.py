"""What to say to a `consul` binary so that it runs alone, on loopback, with no port open that nobody needs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from discovery.errors import DiscoveryError

GRPC_TLS_SINCE = (1, 14)
"""The first Consul that knows `ports.grpc_tls` and listens there unless told not to; older ones refuse it."""

ALONE = ("-server", "-bootstrap-expect=1", "-ui", "-hcl=performance { raft_multiplier = 1 }")
"""A server that keeps its data and needs no other. The multiplier is that of `-dev`: with Consul's default, 5,
there is a leader after 6 to 10 s (measured on 1.8.7), with 1 after 1 or 2."""


class NoConsul(DiscoveryError):
    """There is no `consul` binary on PATH, or it does not say which version it is."""


class Ports(NamedTuple):
    http: int
    server: int
    serf_lan: int
    serf_wan: int


def version(binary: str) -> tuple[int, int]:
    """Major and minor. Raises NoConsul."""
    try:
        said = subprocess.check_output([binary, "version"], text=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise NoConsul(f"{binary} does not say its version: {type(error).__name__}") from error
    found = re.search(r"Consul v(\d+)\.(\d+)", said)
    if found is None:
        raise NoConsul(f"{binary} does not say its version")
    return int(found[1]), int(found[2])


def arguments(version: tuple[int, int], ports: Ports, data_dir: Path | None) -> list[str]:
    """Everything after `consul agent`. Without `data_dir` it keeps all in memory (`-dev`)."""
    unused = ["dns = -1", "grpc = -1"] + (["grpc_tls = -1"] if version >= GRPC_TLS_SINCE else [])
    mode = ["-dev"] if data_dir is None else [f"-data-dir={data_dir}", *ALONE]
    return [
        *mode,
        "-bind=127.0.0.1",
        "-client=127.0.0.1",
        f"-http-port={ports.http}",
        f"-server-port={ports.server}",
        f"-serf-lan-port={ports.serf_lan}",
        f"-serf-wan-port={ports.serf_wan}",
        "-log-level=warn",
        f"-hcl=ports {{ {', '.join(unused)} }}",
        "-hcl=disable_update_check = true",
    ]
