"""A registry that knows what a test tells it: real HTTP, and documents in the form that Consul gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import groupby

from discovery.instance import Instance
from tests.mesh.backend import Backend, serving_documents


@asynccontextmanager
async def registry(*instances: Instance, version: str = "1.20.1") -> AsyncIterator[Backend]:
    async with serving_documents(documents(instances, version)) as backend:
        yield backend


def documents(instances: Iterable[Instance], version: str) -> dict[str, object]:
    by_service = {
        service: list(group)
        for service, group in groupby(sorted(instances, key=lambda one: one.service), key=lambda one: one.service)
    }
    return {
        "/v1/agent/self": {"Config": {"Version": version}},
        "/v1/catalog/services": {"consul": [], **{service: [] for service in by_service}},
        **{f"/v1/health/service/{service}": list(map(_entry, group)) for service, group in by_service.items()},
    }


def _entry(instance: Instance) -> dict[str, object]:
    return {
        "Node": {"Node": "here", "Address": "127.0.0.1"},
        "Service": {
            "ID": instance.id,
            "Service": instance.service,
            "Address": instance.address,
            "Port": instance.port,
            "Tags": list(instance.tags),
            "Meta": dict(instance.meta),
            "Weights": {"Passing": 1, "Warning": 1},
        },
        "Checks": [{"Status": instance.health}],
    }
