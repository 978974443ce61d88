"""A registry with many services, each with many instances, that answers in Consul's own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from discovery.documents import Answer, listing, tags_by_service
from discovery.instance import Instance


class Crowd:
    """What a resolver needs of a registry. Blocking queries return when `change` is called for their service."""

    def __init__(self, services: int, instances: int) -> None:
        self._names = [f"service-{number}" for number in range(services)]
        # Text, not documents: hundreds of thousands of objects of ours would weigh on the collector of garbage.
        self._texts = {name: json.dumps([_document(name, n) for n in range(instances)]) for name in self._names}
        self._changed = {name: asyncio.Event() for name in self._names}
        self._index = 1

    def change(self, number: int) -> None:
        """One instance of the service with this number turns critical, or passing again."""
        name = self._names[number % len(self._names)]
        documents = json.loads(self._texts[name])
        check = documents[number % len(documents)]["Checks"][0]
        check["Status"] = "passing" if check["Status"] == "critical" else "critical"
        self._texts[name] = json.dumps(documents)
        self._index += 1
        self._changed[name].set()

    async def services(self, *, index: int = 0, wait: float = 60.0) -> Answer[Mapping[str, Sequence[str]]]:
        if index:
            await asyncio.sleep(wait)
        return tags_by_service("1", {name: [f"urlprefix-/{name} replay=safe"] for name in self._names})

    async def instances(self, service: str, *, index: int = 0, wait: float = 60.0) -> Answer[tuple[Instance, ...]]:  # noqa: ARG002
        if index:
            await self._changed[service].wait()
            self._changed[service].clear()
        return listing(str(self._index), json.loads(self._texts[service]))


def instances_of(service: str, count: int) -> tuple[Instance, ...]:
    return listing("1", [_document(service, number) for number in range(count)]).value


def _document(service: str, number: int) -> dict[str, Any]:
    """One entry of `/v1/health/service/:service`, as long as a real one."""
    name = f"{service}-{number}"
    return {
        "Node": {"ID": "", "Node": "one", "Address": "127.0.0.1", "Datacenter": "dc1", "Meta": {}, "CreateIndex": 5},
        "Service": {
            "ID": name,
            "Service": service,
            "Tags": [f"urlprefix-/{service} replay=safe"],
            "Address": "10.1.2.3",
            "Meta": {"version": "1.4.2", "pid": "4711", "host": "one", "boot_id": f"{number:032x}"},
            "Port": 10_000 + number,
            "Weights": {"Passing": 1, "Warning": 1},
            "CreateIndex": 12,
            "ModifyIndex": 12,
        },
        "Checks": [_check(name, service)],
    }


def _check(name: str, service: str) -> dict[str, Any]:
    return {
        "Node": "one",
        "CheckID": f"{name}:0",
        "Name": f"{service} answers",
        "Status": "passing",
        "Notes": "",
        "Output": "HTTP GET http://10.1.2.3:10000/livez: 200 OK Output: ok",
        "ServiceID": name,
        "ServiceName": service,
        "ServiceTags": [],
        "Type": "http",
        "Definition": {},
        "CreateIndex": 12,
        "ModifyIndex": 12,
    }
