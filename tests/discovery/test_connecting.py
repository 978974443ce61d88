"""Why a connection could not be had, from whatever a library made of what the system said."""

from __future__ import annotations

import errno

import pytest

from discovery.connecting import connect_failure
from discovery.errors import ConnectFailed, ConnectRefused, NeverSent

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
UNREACHABLE = OSError(errno.EHOSTUNREACH, "No route to host")


def wrapped(cause: BaseException) -> Exception:
    """As httpcore does it: the cause is only in the context of what it raises."""
    inner = OSError("All connection attempts failed")
    inner.__cause__ = cause
    outer = RuntimeError("no connection")
    outer.__context__ = inner
    return outer


@pytest.mark.parametrize("error", [REFUSED, wrapped(REFUSED), wrapped(ExceptionGroup("both", [REFUSED, REFUSED]))])
def test_nobody_listens(error: Exception) -> None:
    assert type(connect_failure(error)) is ConnectRefused


@pytest.mark.parametrize(
    "error",
    [UNREACHABLE, wrapped(UNREACHABLE), wrapped(ExceptionGroup("mixed", [REFUSED, UNREACHABLE])), ValueError("x")],
)
def test_something_failed_on_the_way(error: Exception) -> None:
    assert type(connect_failure(error)) is ConnectFailed


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL])
def test_a_limit_of_our_own_is_nobodys_fault(number: int) -> None:
    failure = connect_failure(wrapped(OSError(number, "limit")))
    assert type(failure) is NeverSent
    assert str(failure) == "no connection: limit"
