"""What the agent knows: frozen values that the catalog keeps, the checks act on, and the answers are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from discovery.instance import Health

CheckKind = Literal["http", "tcp"]


class Weights(NamedTuple):
    passing: int = 1
    warning: int = 1


EVEN = Weights()


class Verdict(NamedTuple):
    """The outcome of one run of a check."""

    status: Health
    output: str


@dataclass(frozen=True, slots=True)
class Node:
    """The one machine that the agent speaks for."""

    name: str
    id: str
    address: str
    port: int
    version: str


@dataclass(frozen=True, slots=True)
class Service:
    """One registered instance of a service, as its owner described it."""

    id: str
    name: str
    address: str = ""
    port: int = 0
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)
    weights: Weights = EVEN
    enable_tag_override: bool = False

    def carries(self, tags: Iterable[str]) -> bool:
        """Whether it has all of these tags, without regard to case."""
        own = {tag.lower() for tag in self.tags}
        return all(tag.lower() in own for tag in tags)

    @property
    def content_hash(self) -> str:
        """16 hexadecimal digits that change with the description, and with nothing else."""
        described = [self.id, self.name, self.address, self.port, self.tags, sorted(self.meta.items())]
        text = json.dumps([*described, self.weights, self.enable_tag_override])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Check:
    """How an instance is to be checked. Times are seconds; no `deregister_after` means never.

    `target` is the URL or the `host:port` as people read it; only `host` and `port` are ever connected to.
    """

    id: str
    name: str
    kind: CheckKind
    target: str
    host: str
    port: int
    interval: float
    timeout: float
    status: Health = "critical"
    notes: str = ""
    deregister_after: float | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """An instance and its checks, as they come in together."""

    service: Service
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A registered instance and the indexes at which it came and last changed."""

    service: Service
    created: int
    modified: int


@dataclass(frozen=True, slots=True)
class CheckEntry:
    """A check, what it found last, and what of that is in the catalog.

    A new status is in the catalog at once. A new output alone is seen only on the agent until `publish_at`.
    """

    check: Check
    service_id: str
    verdict: Verdict
    published: str
    created: int
    modified: int
    since: float
    """When the status last changed, by the catalog's clock."""
    critical_since: float | None = None
    publish_at: float | None = None
