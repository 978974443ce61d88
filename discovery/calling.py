"""`client()`: an httpx2 client that calls services by name."""

from __future__ import annotations

import time
from math import inf
from random import Random
from typing import Any

import httpx2

from discovery.addresses import Forbidden, is_loopback
from discovery.consul import Consul
from discovery.guarded import GuardedTransport
from discovery.journal import Journal
from discovery.probe import Probe
from discovery.resolver import Resolver
from discovery.retry import Terms
from discovery.settings import CallSettings, ConsulSettings, load
from discovery.transport import ServiceTransport

IDLE = 3.0
"""Seconds that a connection is kept for reuse: less than any server keeps it (Linkerd's default)."""


def client(*, deadline: float = 10.0, consul: ConsulSettings | None = None, **options: Any) -> httpx2.AsyncClient:
    """A client for which `http://encrypt/encrypt` is the service `encrypt`, wherever its instances are.

    `deadline` is what one call may take up to the head of its response, over all attempts, in seconds, where its route
    does not say `timeout=`. Requests with an idempotent method are tried again elsewhere; others where the service's
    route says `replay=safe`, or with `extensions={"replay_safe": True}`. `response.extensions["instance"]` is the ID of
    who answered. Other hosts are called as ever. `options` go to `httpx2.AsyncClient`. Errors are those of httpx2. Its
    timeouts are for other hosts; a service has its deadline, and then 60 s between bytes. Raises SettingsError.
    """
    if not 0 < deadline < inf:
        raise ValueError("a call has some time, and not all of it")
    settings, terms = consul or load(ConsulSettings), load(CallSettings).terms()
    return httpx2.AsyncClient(transport=_transport(settings, deadline, terms), **options)


def _transport(settings: ConsulSettings, deadline: float, terms: Terms) -> ServiceTransport:
    registry = Consul(settings)
    forbidden = Forbidden(
        not is_loopback(settings.host), frozenset({(settings.host, settings.port)}), registry=registry.places
    )
    probe = Probe(forbidden)
    resolver = Resolver(
        registry,
        probe,
        journal=Journal(),
        clock=time.monotonic,
        random=Random(),
        forbidden=forbidden,
    )
    return ServiceTransport(
        resolver,
        plain=httpx2.AsyncHTTPTransport(),
        wire=GuardedTransport(forbidden, keepalive_expiry=IDLE),
        random=Random(),
        clock=time.monotonic,
        deadline=deadline,
        terms=terms,
        also_close=(probe.aclose, registry.aclose),
    )
