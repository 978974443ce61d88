"""W3C Trace Context: a valid trace is continued untouched, anything else begins a new one."""

from __future__ import annotations

import pytest

from services.gateway.trace import is_traceparent

from .seen import seen_by_instance

TRACE, PARENT = b"0af7651916cd43dd8448eb211c80319c", b"b7ad6b7169203331"
VALID = b"00-" + TRACE + b"-" + PARENT + b"-01"


def traces(*fields: tuple[bytes, bytes]) -> tuple[list[bytes], list[bytes]]:
    """`traceparent` and `tracestate` as an instance sees them."""
    passed = seen_by_instance([(b"host", b"a"), *fields])
    return tuple([value for name, value in passed if name == wanted] for wanted in (b"traceparent", b"tracestate"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "said",
    [
        VALID,
        VALID[:-2] + b"00",
        VALID[:-2] + b"ff",
        b"01" + VALID[2:],
        b"fe" + VALID[2:] + b"-what-will-be",
        b"cc" + VALID[2:] + b"-",
    ],
)
def test_a_valid_trace_goes_on(said: bytes) -> None:
    assert is_traceparent(said)
    assert traces((b"traceparent", said), (b"tracestate", b"a=1"), (b"tracestate", b"b=2")) == (
        [said],
        [b"a=1", b"b=2"],
    )


INVALID = [
    b"",
    b"00",
    b"00-" + b"0" * 32 + b"-" + PARENT + b"-01",
    b"00-" + TRACE + b"-" + b"0" * 16 + b"-01",
    b"ff" + VALID[2:],
    VALID.upper(),
    VALID + b"-more",
    VALID + b"0",
    VALID[:-1],
    b"01" + VALID[2:] + b".more",
    b" " + VALID,
    b"0g" + VALID[2:],
    VALID.replace(b"-", b"_"),
    VALID + b"," + VALID,
    b"00-" + TRACE[:-1] + b"-" + PARENT + b"-01",
]


@pytest.mark.parametrize("said", INVALID)
def test_an_invalid_one_is_replaced_and_its_state_dropped(said: bytes) -> None:
    assert not is_traceparent(said)
    (made,), states = traces((b"traceparent", said), (b"tracestate", b"a=1"))
    assert is_traceparent(made)
    assert made != said
    assert states == []


def test_two_are_none() -> None:
    (made,), states = traces((b"traceparent", VALID), (b"traceparent", VALID), (b"tracestate", b"a=1"))
    assert is_traceparent(made)
    assert TRACE not in made
    assert states == []


def test_a_state_without_a_trace_is_dropped() -> None:
    (made,), states = traces((b"tracestate", b"a=1"))
    assert is_traceparent(made)
    assert states == []


def test_each_new_trace_is_another() -> None:
    assert len({traces()[0][0] for _ in range(100)}) == 100
