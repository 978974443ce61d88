"""From the body of a registration to a `Registration`, by Consul's rules and in its words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from discovery.devagent.catalog import REGISTRY
from discovery.devagent.check_definitions import check
from discovery.devagent.entries import EVEN, Registration, Service, Weights
from discovery.devagent.jsonbody import BadBody, Document, parse

FIELDS = ("ID", "Name", "Tags", "Address", "Port", "Meta", "Weights", "Check", "Checks", "EnableTagOverride", "Kind")
ELSEWHERE = ("Namespace", "Partition", "TaggedAddresses", "Proxy", "Connect", "Token", "SocketPath", "Locality")
"""What Consul knows and the devagent does not: refused when it is set, since ignoring it would mean something else."""

UNSPECIFIED = ("0.0.0.0", "::", "[::]")  # noqa: S104 (refused, not listened on)
_META_KEY = re.compile(r"[A-Za-z0-9_-]+")


def decode(body: bytes) -> Registration:
    """Raises BadBody."""
    document = Document(parse(body), (*FIELDS, *ELSEWHERE))
    service = _service(document)
    described = [document.raw("Check")] if document.raw("Check") not in (None, {}) else []
    described += document.array("Checks")
    several = len(described) > 1
    checks = [check(each, service, number if several else None) for number, each in enumerate(described, 1)]
    return Registration(service, tuple({each.id: each for each in checks}.values()))


def _service(document: Document) -> Service:
    name = document.text("Name")
    if not name:
        raise BadBody("Missing service name")
    if document.text("Address") in UNSPECIFIED:
        raise BadBody("Invalid service address")
    if document.text("ID") == REGISTRY:
        raise BadBody("Invalid service ID: consul is the registry itself")
    if document.text("Kind") not in ("", "typical"):
        raise BadBody("Kind of a service is not supported by the devagent")
    document.refuse(ELSEWHERE, "service")
    return Service(
        id=document.text("ID") or name,
        name=name,
        address=document.text("Address"),
        port=document.number("Port"),
        tags=document.texts("Tags"),
        meta=_meta(document.mapping("Meta")),
        weights=_weights(document.raw("Weights")),
        enable_tag_override=document.flag("EnableTagOverride"),
    )


def _meta(meta: Mapping[str, str]) -> Mapping[str, str]:
    if len(meta) > 64:
        raise BadBody("Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs")
    for key, value in meta.items():
        reason = _reason_against(key, value)
        if reason:
            raise BadBody(f"Invalid Service Meta: Couldn't load metadata pair ('{key}', '{value}'): {reason}")
    return meta


def _reason_against(key: str, value: str) -> str:
    if not key:
        return "Key cannot be blank"
    if not _META_KEY.fullmatch(key):
        return "Key contains invalid characters"
    if len(key) > 128:
        return "Key is too long (limit: 128 characters)"
    if key.startswith("consul-"):
        return "Key prefix 'consul-' is reserved for internal use"
    return "Value is too long (limit: 512 characters)" if len(value) > 512 else ""


def _weights(value: object) -> Weights:
    if value is None:
        return EVEN
    document = Document(value, ("Passing", "Warning"), what="Weights")
    weights = Weights(document.number("Passing"), document.number("Warning"))
    if weights.passing < 1:
        raise BadBody("Invalid Weights: Passing must be greater than 0")
    if weights.warning < 0:
        raise BadBody("Invalid Weights: Warning must be greater or equal than 0")
    if max(weights) > 65535:
        raise BadBody("Invalid Weights: DNS Weight must be between 0 and 65535")
    return weights
