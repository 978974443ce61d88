"""What may be done for a request on a route."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from discovery.tags import Route
from services.gateway.forward import policy_for
from services.gateway.request import Request

PLAIN, SAFE = Route("/a"), Route("/a", replay_safe=True)


async def streaming() -> AsyncIterator[bytes]:
    yield b"never read"


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"])
def test_idempotent_methods_may_be_repeated_and_not_hedged(method: bytes) -> None:
    policy = policy_for(Request(method, b"/a", b""), PLAIN, 10.0)
    assert policy.replayable
    assert not policy.hedgeable


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"LOCK", b"get"])
def test_other_methods_are_sent_once(method: bytes) -> None:
    policy = policy_for(Request(method, b"/a", b""), PLAIN, 10.0)
    assert not policy.replayable
    assert not policy.hedgeable


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_a_safe_route_allows_both(method: bytes) -> None:
    policy = policy_for(Request(method, b"/a", b"", b"body"), SAFE, 10.0)
    assert policy.replayable
    assert policy.hedgeable


def test_what_cannot_be_sent_again_never_is() -> None:
    body = streaming()
    for request in (Request(b"GET", b"/a", b"", body, None), Request(b"GET", b"/a", b"", upgrade=b"websocket")):
        policy = policy_for(request, SAFE, 10.0)
        assert not policy.replayable
        assert not policy.hedgeable


def test_a_route_may_have_its_own_deadline() -> None:
    request = Request(b"GET", b"/a", b"")
    assert policy_for(request, PLAIN, 10.0).deadline == 10.0
    assert policy_for(request, Route("/a", timeout=30.0), 10.0).deadline == 30.0
