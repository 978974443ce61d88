"""From the description of a check to a `Check`: Consul's rules, and ours for what one machine may check."""

from __future__ import annotations

from typing import NamedTuple, cast

import httpx2

from discovery.devagent.entries import Check, CheckKind, Service
from discovery.devagent.jsonbody import BadBody, Document
from discovery.devagent.loopback import is_loopback, split
from discovery.instance import Health

MIN_INTERVAL = 1.0
DEFAULT_TIMEOUT = 10.0
MIN_DEREGISTER_AFTER = 60.0
"""Seconds, as in Consul's agent: what is shorter is taken for the minimum, without an error."""

FIELDS = ("CheckID", "Name", "Notes", "HTTP", "TCP", "Interval", "Timeout", "Status", "DeregisterCriticalServiceAfter")
ELSEWHERE = (
    *("TTL", "Args", "ScriptArgs", "Script", "Shell", "DockerContainerID", "GRPC", "GRPCUseTLS", "AliasNode"),
    *("AliasService", "Header", "Method", "Body", "TLSSkipVerify", "TLSServerName", "DisableRedirects", "UDP"),
    *("H2PING", "H2PingUseTLS", "OSService", "TCPUseTLS", "OutputMaxSize", "SuccessBeforePassing"),
    *("FailuresBeforeWarning", "FailuresBeforeCritical", "ServiceID", "Namespace", "Partition"),
)
"""What Consul knows and the devagent does not: refused when it is set, since ignoring it would mean something else."""


class Target(NamedTuple):
    """What a check calls, read once: nobody who connects reads the text again, and differently."""

    kind: CheckKind
    text: str
    host: str
    port: int


def check(value: object, service: Service, number: int | None) -> Check:
    """`number` counts from 1 where a service has several checks. Raises BadBody."""
    document = Document(value, (*FIELDS, *ELSEWHERE), what="Check")
    document.refuse(ELSEWHERE, "check")
    kind, target, host, port = _target(document)
    return Check(
        id=document.text("CheckID") or f"service:{service.id}" + (f":{number}" if number else ""),
        name=document.text("Name") or f"Service '{service.name}' check",
        notes=document.text("Notes"),
        kind=kind,
        target=target,
        host=host,
        port=port,
        interval=_interval(document),
        timeout=_positive(document, "Timeout") or DEFAULT_TIMEOUT,
        status=_status(document),
        deregister_after=_deregister_after(document),
    )


def _interval(document: Document) -> float:
    interval = _positive(document, "Interval")
    if interval is None:
        raise BadBody("Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks")
    return max(interval, MIN_INTERVAL)


def _deregister_after(document: Document) -> float | None:
    seconds = _positive(document, "DeregisterCriticalServiceAfter")
    return None if seconds is None else max(seconds, MIN_DEREGISTER_AFTER)


def _positive(document: Document, name: str) -> float | None:
    seconds = document.duration(name)
    return seconds if seconds > 0 else None


def _status(document: Document) -> Health:
    status = document.text("Status") or "critical"
    if status not in ("passing", "warning", "critical"):
        raise BadBody("Status for checks must 'passing', 'warning', 'critical'")
    return cast(Health, status)


def _target(document: Document) -> Target:
    http, tcp = document.text("HTTP"), document.text("TCP")
    if bool(http) == bool(tcp):
        raise BadBody("Invalid check: the devagent runs HTTP and TCP checks; give one of the two")
    target = _http(http) if http else _tcp(tcp)
    if not 0 < target.port < 65536:
        raise BadBody(f"Invalid check: {target.port} is no port")
    if not is_loopback(target.host):
        raise BadBody("Invalid check: the devagent checks only localhost, 127.0.0.1 and [::1]; it is for one machine")
    return target


def _http(text: str) -> Target:
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL as error:
        raise BadBody(f"Invalid check: HTTP is no URL: {error}") from None
    if url.scheme != "http" or not url.host or url.userinfo:
        raise BadBody("Invalid check: HTTP must be a URL of the form http://host:port/path")
    return Target("http", str(url), url.host, 80 if url.port is None else url.port)


def _tcp(text: str) -> Target:
    found = split(text)
    if found is None or found[1] is None:
        raise BadBody("Invalid check: TCP must be of the form host:port")
    return Target("tcp", text, found[0], found[1])
