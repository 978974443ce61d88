"""What the gateway knows, as documents for people and programs: instances and why they are in rotation or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from discovery.journal import Event
from discovery.pool import Pool
from discovery.tags import Route
from discovery.upstream import Standing, Upstream


def event_document(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": in_milliseconds(event.at),
        "kind": event.kind,
        "service": event.service,
        "instance": event.instance,
        "detail": event.detail,
    }


def service_document(pool: Pool, routes: list[Route], now: float) -> dict[str, Any]:
    """`stale_for`: seconds since the registry last answered for it; null while it answers."""
    return {
        "name": pool.service,
        "stale_for": None if pool.stale_since is None else round(now - pool.stale_since, 3),
        "routes": [route_document(route) for route in routes],
        "instances": [instance_document(each, now) for each in pool.upstreams],
    }


def route_document(route: Route) -> dict[str, Any]:
    return {
        "prefix": route.prefix,
        "strip": route.strip or None,
        "replay": "safe" if route.replay_safe else None,
        "timeout": route.timeout,
    }


def instance_document(upstream: Upstream, now: float) -> dict[str, Any]:
    instance = upstream.instance
    return {
        "id": instance.id,
        "address": instance.address,
        "port": instance.port,
        "boot_id": instance.boot_id,
        "version": instance.meta.get("version", ""),
        "registry": instance.health if upstream.is_listed else "unlisted",
        "in_rotation": upstream.standing(now) is Standing.ADMITTED,
        "why": upstream.why(now),
        "in_flight": upstream.in_flight,
        "latency_ms": round(upstream.latency.cost * 1000, 3),
        "weight": instance.weight,
    }


def in_milliseconds(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
