"""Where running meshes keep lock, socket, logs and what their gateways know: a directory each, for its owner only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from mesh.errors import AlreadyRunning, UnsafeDirectory

LONGEST_SOCKET = 107 if sys.platform == "linux" else 103
"""Bytes in the path of a Unix socket: `sockaddr_un` has 108 or 104, with a zero at the end."""

PROBED = 1.0
"""Seconds in which a lock that somebody only looks at is let go again."""

_LONGEST_NAME = len("/65535-01234567/socket")


@dataclass(frozen=True, slots=True)
class Place:
    """The directory of one mesh. The lock file is never deleted, or two could hold a lock under one name."""

    directory: Path

    @property
    def socket(self) -> Path:
        return self.directory / "socket"

    @property
    def lock(self) -> Path:
        return self.directory / "lock"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def known(self) -> Path:
        """What gateways know, for when they are started again."""
        return self.directory / "known"


def runtime_directory(xdg: Path | None) -> Path:
    """Ours under XDG_RUNTIME_DIR, or under the temporary directory if there is none or its path is too long.

    Raises UnsafeDirectory if others could write there, or if nothing is short enough for a socket.
    """
    own = Path(tempfile.gettempdir()) / f"mesh-{os.getuid()}"
    candidates = [xdg / "mesh", own] if xdg is not None and _is_ours(xdg) else [own]
    for candidate in candidates:
        if len(os.fsencode(candidate)) + _LONGEST_NAME <= LONGEST_SOCKET:
            return private(candidate)
    raise UnsafeDirectory(f"{own} is too long a path for a socket in it: set TMPDIR to a shorter one")


def _is_ours(directory: Path) -> bool:
    """Not so after `su`, which keeps the variable of the user before."""
    return directory.is_dir() and directory.stat().st_uid == os.getuid()


def private(directory: Path) -> Path:
    """Make it, for its owner only, or make sure that it is. Raises UnsafeDirectory."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise UnsafeDirectory(f"{directory} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnsafeDirectory(f"{directory} is not a directory that only you can write to: remove it, or chmod 700")
    return directory


def place(runtime: Path, registry: str, gateway_port: int) -> Place:
    """That of the mesh with this pair of registry and gateway port."""
    return Place(runtime / f"{gateway_port}-{hashlib.sha256(registry.encode()).hexdigest()[:8]}")


def places(runtime: Path) -> list[Place]:
    """All that were ever used, for meshes that run and for others."""
    return [Place(lock.parent) for lock in sorted(runtime.glob("*/lock"))]


@contextmanager
def claimed(place: Place) -> Iterator[None]:
    """Be the only mesh there; what a former one left behind is removed. Raises AlreadyRunning, UnsafeDirectory."""
    private(place.directory)
    private(place.logs)
    private(place.known)
    with _locked(place.lock, patience=PROBED):
        for left in (place.socket, *place.logs.iterdir(), *place.known.iterdir()):
            left.unlink(missing_ok=True)
        try:
            yield
        finally:
            place.socket.unlink(missing_ok=True)


@contextmanager
def starting(runtime: Path, *, patience: float) -> Iterator[None]:
    """Let one mesh at a time choose its names and ports. Raises AlreadyRunning after `patience` seconds."""
    with _locked(runtime / "starting", patience=patience):
        yield


def is_claimed(place: Place) -> bool:
    """Whether a mesh runs there. The lock says so: a dead process holds none."""
    try:
        with place.lock.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextmanager
def _locked(path: Path, *, patience: float) -> Iterator[None]:
    deadline = monotonic() + patience
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if monotonic() >= deadline:
                raise AlreadyRunning(f"another mesh holds {path}")
            sleep(0.02)
        yield
    finally:
        os.close(descriptor)
