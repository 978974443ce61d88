"""From the body of a registration to a `Registration`: Consul's rules, and ours for what one machine may check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import httpx2

from discovery.devagent.entries import Check, CheckKind, Registration, Service, Weights
from discovery.devagent.jsonbody import BadBody, Document, parse
from discovery.devagent.loopback import is_loopback, split
from discovery.instance import Health

MIN_INTERVAL = 1.0
DEFAULT_TIMEOUT = 10.0
MIN_DEREGISTER_AFTER = 60.0
"""Seconds, as in Consul's agent: what is shorter is taken for the minimum, without an error."""

SERVICE = ("ID", "Name", "Tags", "Address", "Port", "Meta", "Weights", "Check", "Checks", "EnableTagOverride", "Kind")
SERVICE_ELSEWHERE = ("Namespace", "Partition", "TaggedAddresses", "Proxy", "Connect", "Token", "SocketPath", "Locality")
CHECK = ("CheckID", "Name", "Notes", "HTTP", "TCP", "Interval", "Timeout", "Status", "DeregisterCriticalServiceAfter")
CHECK_ELSEWHERE = (
    *("TTL", "Args", "ScriptArgs", "Script", "Shell", "DockerContainerID", "GRPC", "GRPCUseTLS", "AliasNode"),
    *("AliasService", "Header", "Method", "Body", "TLSSkipVerify", "TLSServerName", "DisableRedirects", "UDP"),
    *("H2PING", "H2PingUseTLS", "OSService", "TCPUseTLS", "OutputMaxSize", "SuccessBeforePassing"),
    *("FailuresBeforeWarning", "FailuresBeforeCritical", "ServiceID", "Namespace", "Partition"),
)
"""What Consul knows and the devagent does not: refused when it is set, since ignoring it would mean something else."""

_META_KEY = re.compile(r"[A-Za-z0-9_-]+")


def decode(body: bytes) -> Registration:
    """Raises BadBody."""
    document = Document(parse(body), (*SERVICE, *SERVICE_ELSEWHERE))
    service = _service(document)
    described = [document.raw("Check")] if document.raw("Check") else []
    described += document.array("Checks")
    checks = [_check(each, service, number if len(described) > 1 else None) for number, each in enumerate(described, 1)]
    unique = {check.id: check for check in checks}
    return Registration(service, tuple(unique.values()))


def _service(document: Document) -> Service:
    name = document.text("Name")
    if not name:
        raise BadBody("Missing service name")
    address = document.text("Address")
    if address in ("0.0.0.0", "::", "[::]"):  # noqa: S104 (refused, not listened on)
        raise BadBody("Invalid service address")
    if document.text("ID") == "consul":
        raise BadBody("Invalid service ID: consul is the registry itself")
    _refuse_elsewhere(document, SERVICE_ELSEWHERE, "service")
    if document.text("Kind") not in ("", "typical"):
        raise BadBody("Kind is not supported by the devagent")
    return Service(
        id=document.text("ID") or name,
        name=name,
        address=address,
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
        return Weights()
    document = Document(value, ("Passing", "Warning"), what="Weights")
    weights = Weights(document.number("Passing"), document.number("Warning"))
    if weights.passing < 1:
        raise BadBody("Invalid Weights: Passing must be greater than 0")
    if weights.warning < 0:
        raise BadBody("Invalid Weights: Warning must be greater or equal than 0")
    if max(weights) > 65535:
        raise BadBody("Invalid Weights: DNS Weight must be between 0 and 65535")
    return weights


def _check(value: object, service: Service, number: int | None) -> Check:
    document = Document(value, (*CHECK, *CHECK_ELSEWHERE), what="Check")
    _refuse_elsewhere(document, CHECK_ELSEWHERE, "check")
    kind, target = _target(document)
    interval = document.duration("Interval")
    if interval <= 0:
        raise BadBody("Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks")
    status = document.text("Status")
    if status not in ("", "passing", "warning", "critical"):
        raise BadBody("Status for checks must 'passing', 'warning', 'critical'")
    timeout = document.duration("Timeout")
    deregister_after = document.duration("DeregisterCriticalServiceAfter")
    return Check(
        id=document.text("CheckID") or f"service:{service.id}" + (f":{number}" if number else ""),
        name=document.text("Name") or f"Service '{service.name}' check",
        notes=document.text("Notes"),
        kind=kind,
        target=target,
        interval=max(interval, MIN_INTERVAL),
        timeout=timeout if timeout > 0 else DEFAULT_TIMEOUT,
        status=cast(Health, status or "critical"),
        deregister_after=max(deregister_after, MIN_DEREGISTER_AFTER) if deregister_after > 0 else None,
    )


def _refuse_elsewhere(document: Document, names: tuple[str, ...], where: str) -> None:
    for name in names:
        value: Any = document.raw(name)
        if value and not (name == "Method" and value == "GET"):
            raise BadBody(f"{name} of a {where} is not supported by the devagent")


def _target(document: Document) -> tuple[CheckKind, str]:
    http, tcp = document.text("HTTP"), document.text("TCP")
    if bool(http) == bool(tcp):
        raise BadBody("Invalid check: the devagent runs HTTP and TCP checks; give one of the two")
    return ("http", _loopback_url(http)) if http else ("tcp", _loopback_authority(tcp))


def _loopback_url(url: str) -> str:
    """As the very client that will call it reads it, so that no second reading can lead elsewhere."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise BadBody(f"Invalid check: HTTP is no URL: {error}") from None
    if parsed.scheme != "http" or not parsed.host or parsed.userinfo:
        raise BadBody("Invalid check: HTTP must be a URL of the form http://host:port/path")
    _must_be_loopback(parsed.host)
    return str(parsed)


def _loopback_authority(authority: str) -> str:
    found = split(authority)
    if found is None or found[1] is None:
        raise BadBody("Invalid check: TCP must be of the form host:port")
    _must_be_loopback(found[0])
    return authority


def _must_be_loopback(host: str) -> None:
    if not is_loopback(host):
        raise BadBody("Invalid check: the devagent checks only localhost, 127.0.0.1 and [::1]; it is for one machine")
