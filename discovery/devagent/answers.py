"""What the registry knows, in the shapes of Consul's JSON (measured on 1.8.7)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from discovery.devagent.entries import CheckEntry, Node, Service, ServiceEntry, Weights

JSON = dict[str, Any]
DATACENTER = "dc1"
NODE_META = {"consul-network-segment": ""}


def agent_self(node: Node) -> JSON:
    return {
        "Config": {
            "Datacenter": DATACENTER,
            "NodeName": node.name,
            "NodeID": node.id,
            "Revision": "",
            "Server": True,
            "Version": node.version,
        },
        "Member": {"Name": node.name, "Addr": node.address, "Port": node.port, "Tags": {}, "Status": 1},
        "Meta": NODE_META,
    }


def agent_service(service: Service) -> JSON:
    shape: JSON = {
        "ID": service.id,
        "Service": service.name,
        "Tags": list(service.tags),
        "Meta": dict(service.meta),
        "Port": service.port,
        "Address": service.address,
    }
    if tagged := _tagged_addresses(service):
        shape["TaggedAddresses"] = tagged
    return {**shape, "Weights": _weights(service.weights), "EnableTagOverride": service.enable_tag_override}


def agent_check(entry: CheckEntry, service: Service, node: Node) -> JSON:
    """A check as the agent sees it: with its newest output, and without indexes."""
    return _check(entry, service, node, entry.verdict.output, 0, 0)


def services(entries: Iterable[ServiceEntry]) -> dict[str, list[str]]:
    """Every name with the tags of all its instances."""
    tags: dict[str, dict[str, None]] = {}
    for entry in entries:
        tags.setdefault(entry.service.name, {}).update(dict.fromkeys(entry.service.tags))
    return {name: list(found) for name, found in sorted(tags.items())}


def catalog_service(entry: ServiceEntry, node: Node) -> JSON:
    service = entry.service
    tagged = _tagged_addresses(service)
    return {
        "ID": node.id,
        "Node": node.name,
        "Address": node.address,
        "Datacenter": DATACENTER,
        "TaggedAddresses": _node_addresses(node),
        "NodeMeta": NODE_META,
        "ServiceKind": "",
        "ServiceID": service.id,
        "ServiceName": service.name,
        "ServiceTags": list(service.tags),
        "ServiceAddress": service.address,
        **({"ServiceTaggedAddresses": tagged} if tagged else {}),
        "ServiceWeights": _weights(service.weights),
        "ServiceMeta": dict(service.meta),
        "ServicePort": service.port,
        "ServiceEnableTagOverride": service.enable_tag_override,
        "ServiceProxy": {"MeshGateway": {}, "Expose": {}},
        "ServiceConnect": {},
        "CreateIndex": entry.created,
        "ModifyIndex": entry.modified,
    }


def health_service(entry: ServiceEntry, checks: Sequence[CheckEntry], node: Node) -> JSON:
    return {
        "Node": {
            "ID": node.id,
            "Node": node.name,
            "Address": node.address,
            "Datacenter": DATACENTER,
            "TaggedAddresses": _node_addresses(node),
            "Meta": NODE_META,
            "CreateIndex": 1,
            "ModifyIndex": 1,
        },
        "Service": {
            **agent_service(entry.service),
            "Proxy": {"MeshGateway": {}, "Expose": {}},
            "Connect": {},
            "CreateIndex": entry.created,
            "ModifyIndex": entry.modified,
        },
        "Checks": [_node_check(node)]
        + [_check(check, entry.service, node, check.published, check.created, check.modified) for check in checks],
    }


def _check(entry: CheckEntry, service: Service, node: Node, output: str, created: int, modified: int) -> JSON:
    return {
        "Node": node.name,
        "CheckID": entry.check.id,
        "Name": entry.check.name,
        "Status": entry.verdict.status,
        "Notes": entry.check.notes,
        "Output": output,
        "ServiceID": service.id,
        "ServiceName": service.name,
        "ServiceTags": list(service.tags),
        "Type": entry.check.kind,
        "Definition": {},
        "CreateIndex": created,
        "ModifyIndex": modified,
    }


def _node_check(node: Node) -> JSON:
    """Consul's check on the machine itself. Here it always passes: whoever asks is on that machine."""
    return {
        "Node": node.name,
        "CheckID": "serfHealth",
        "Name": "Serf Health Status",
        "Status": "passing",
        "Notes": "",
        "Output": "Agent alive and reachable",
        "ServiceID": "",
        "ServiceName": "",
        "ServiceTags": [],
        "Type": "",
        "Definition": {},
        "CreateIndex": 1,
        "ModifyIndex": 1,
    }


def _weights(weights: Weights) -> Mapping[str, int]:
    return {"Passing": weights.passing, "Warning": weights.warning}


def _node_addresses(node: Node) -> Mapping[str, str]:
    return dict.fromkeys(("lan", "lan_ipv4", "wan", "wan_ipv4"), node.address)


def _tagged_addresses(service: Service) -> Mapping[str, JSON]:
    try:
        version = ipaddress.ip_address(service.address).version
    except ValueError:
        return {}
    address = {"Address": service.address, "Port": service.port}
    return {f"lan_ipv{version}": address, f"wan_ipv{version}": address}
