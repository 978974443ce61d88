"""What is asked of every gateway, byte for byte the same."""

from __future__ import annotations

from dataclasses import dataclass

SMALL = b'{"message": "' + b"x" * (117 - 15) + b'"}'
"""What the upstream answers: the size of an encrypted short text, 117 bytes."""

MEBIBYTE = 1 << 20

PREFIX = "/bench"
"""The route that every gateway has."""

READY = f"{PREFIX}/small"
LARGE = f"{PREFIX}/large"
SINK = f"{PREFIX}/sink"
"""Answers small, after the whole body has come."""


@dataclass(frozen=True, slots=True)
class Workload:
    """One request, over and over. `sends` and `receives` are bytes of bodies."""

    name: str
    method: str
    path: str
    sends: int
    receives: int


SMALL_GET = Workload("GET", "GET", READY, 0, len(SMALL))
SMALL_POST = Workload("POST", "POST", READY, len(SMALL), len(SMALL))
DOWNLOAD = Workload("download 1 MiB", "GET", LARGE, 0, MEBIBYTE)
UPLOAD = Workload("upload 1 MiB", "POST", SINK, MEBIBYTE, len(SMALL))

WORKLOADS = (SMALL_GET, SMALL_POST, DOWNLOAD, UPLOAD)
