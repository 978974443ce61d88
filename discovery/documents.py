"""Consul's JSON documents and the values that they become; a document of another form is RegistryGarbled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from discovery.errors import RegistryGarbled
from discovery.instance import Health, Instance

Value = TypeVar("Value")

WORST_FIRST: tuple[Health, ...] = ("critical", "warning", "passing")


@dataclass(frozen=True, slots=True)
class Answer(Generic[Value]):
    """One complete snapshot and the index to ask from next time."""

    index: int
    value: Value


@dataclass(frozen=True, slots=True)
class Registration:
    """What an instance tells the agent. Times are seconds, at the minima that Consul accepts or near them."""

    instance: Instance
    check_url: str
    interval: float = 1.0
    timeout: float = 1.0
    deregister_after: float = 90.0

    def check(self, health: Health) -> dict[str, str]:
        """The check as Consul wants it.

        The boot ID is part of its ID: under the same ID a critical check stays critical until its next run,
        while a new one takes the given health at once.
        """
        return {
            "CheckID": f"{self.instance.id}:{self.instance.boot_id}",
            "Name": f"{self.instance.service} answers",
            "HTTP": self.check_url,
            "Interval": duration(self.interval),
            "Timeout": duration(self.timeout),
            "Status": health,
            "DeregisterCriticalServiceAfter": duration(self.deregister_after),
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """An agent's own record of one instance, with the hash that tells when it changed."""

    instance: Instance
    content_hash: str


def duration(seconds: float) -> str:
    """Seconds as Go writes a duration."""
    return f"{seconds:g}s"


@contextmanager
def reading() -> Iterator[None]:
    """Read a document that may be anything. Raises RegistryGarbled."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RegistryGarbled("Consul's answer has not the form that its API promises") from error


def entry(document: Mapping[str, Any]) -> Entry:
    """`/v1/agent/service/:id`"""
    with reading():
        return Entry(_instance(document, {}, ()), str(document["ContentHash"]))


def tags_by_service(index: str, document: Mapping[str, Any]) -> Answer[Mapping[str, Sequence[str]]]:
    """`/v1/catalog/services`"""
    with reading():
        return Answer(int(index), {str(name): tuple(map(str, tags)) for name, tags in document.items()})


def listing(index: str, document: Sequence[Mapping[str, Any]]) -> Answer[tuple[Instance, ...]]:
    """`/v1/health/service/:service`"""
    with reading():
        if not isinstance(document, list):  # an empty object must not pass for an empty list
            raise TypeError("not a list")
        found = (_instance(each["Service"], each["Node"], each["Checks"] or ()) for each in document)
        return Answer(int(index), tuple(found))


def _instance(service: Mapping[str, Any], node: Mapping[str, Any], checks: Sequence[Mapping[str, Any]]) -> Instance:
    states = {check["Status"] for check in checks}
    health: Health = next((state for state in WORST_FIRST if state in states), "passing")
    weights = service.get("Weights") or {}
    return Instance(
        id=str(service["ID"]),
        service=str(service["Service"]),
        address=str(service["Address"] or node.get("Address", "")),
        port=int(service["Port"]),
        tags=tuple(map(str, service["Tags"] or ())),
        meta={str(name): str(value) for name, value in (service["Meta"] or {}).items()},
        health=health,
        weight=max(0, int(weights.get("Warning" if health == "warning" else "Passing", 1))),
    )
