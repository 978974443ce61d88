"""What the page shows, as JSON: every service with its instances, their checks, and for how long they are so."""

from __future__ import annotations

from typing import Any

from discovery.devagent.catalog import REGISTRY, Catalog
from discovery.devagent.entries import CheckEntry, ServiceEntry
from discovery.instance import Health

JSON = dict[str, Any]
WORST_FIRST: tuple[Health, ...] = ("critical", "warning", "passing")


def snapshot(catalog: Catalog) -> JSON:
    """Ages are seconds."""
    by_name: dict[str, list[JSON]] = {}
    for entry in catalog.entries():
        by_name.setdefault(entry.service.name, []).append(_instance(catalog, entry))
    registry_last = sorted(by_name.items(), key=lambda item: (item[0] == REGISTRY, item[0]))
    return {
        "node": catalog.node.name,
        "version": catalog.node.version,
        "index": catalog.index.latest,
        "services": [{"name": name, "instances": found} for name, found in registry_last],
    }


def _instance(catalog: Catalog, entry: ServiceEntry) -> JSON:
    checks = catalog.checks_of(entry.service.id)
    service = entry.service
    return {
        "id": service.id,
        "address": service.address or catalog.node.address,
        "port": service.port,
        "tags": list(service.tags),
        "meta": dict(service.meta),
        "weight": service.weights.passing,
        "status": worst(checks),
        "checks": [_check(catalog, check) for check in checks],
    }


def worst(checks: list[CheckEntry]) -> Health:
    found = {check.verdict.status for check in checks}
    return next((status for status in WORST_FIRST if status in found), "passing")


def _check(catalog: Catalog, entry: CheckEntry) -> JSON:
    return {
        "id": entry.check.id,
        "name": entry.check.name,
        "kind": entry.check.kind,
        "target": entry.check.target,
        "interval": entry.check.interval,
        "status": entry.verdict.status,
        "output": entry.verdict.output,
        "age": round(catalog.age(entry), 1),
    }
