"""What a query can wait for: each topic is rung when what it names has changed."""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    kind: str
    name: str = ""


SERVICES = Topic("services")
"""The list of services and their tags."""

EXTINCTION = Topic("extinction")
"""The last instance of some service has gone: it moves the index of all services that nobody offers."""

ANYTHING = Topic("anything")


def service(name: str) -> Topic:
    """The instances of a service, or the state of their checks."""
    return Topic("service", name)


def instance(service_id: str) -> Topic:
    """The description of one instance."""
    return Topic("instance", service_id)
