"""Why a connection could not be had: nobody listens, something failed on the way, or we are at a limit of our own."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from discovery.errors import ConnectFailed, ConnectRefused, NeverSent

CONNECT = 1.0
"""Seconds for a connection (Linkerd's default)."""

OURS_TO_BLAME = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""Errors of connecting that say nothing about the instance: it must not be ejected for them."""


def connect_failure(error: BaseException) -> NeverSent:
    """What an error of connecting means for a request. Libraries wrap what the system said: all causes are read."""
    said = [each for each in _causes(error) if isinstance(each, OSError) and each.errno is not None]
    if said and all(isinstance(each, ConnectionRefusedError) for each in said):
        return ConnectRefused("connection refused")
    kind = NeverSent if any(each.errno in OURS_TO_BLAME for each in said) else ConnectFailed
    return kind(f"no connection: {said[0].strerror}" if said else "no connection")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        error = error.__cause__ or error.__context__
