"""One running process of a service, as the registry describes it: the noun that every room shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Health = Literal["passing", "warning", "critical"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What we call services and instances: it goes into URLs, header fields and terminals."""

PRINTABLE = re.compile(r"[\x21-\x7e]{1,255}")
"""What others may call an instance."""


class Identity(NamedTuple):
    """What live state belongs to: the same ID on the same port with a new boot starts with a clean record."""

    id: str
    address: str
    port: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Instance:
    """A value: what is known of an instance at one moment. What happens to it lives in `Upstream`."""

    id: str
    service: str
    address: str
    port: int
    tags: tuple[str, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)
    health: Health = "passing"
    weight: int = 1
    identity: Identity = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identity", Identity(self.id, self.address, self.port, self.boot_id))

    @property
    def boot_id(self) -> str:
        """Empty when others registered the instance: it is then served unverified."""
        return self.meta.get("boot_id", "")

    @property
    def authority(self) -> str:
        """`host:port`, with IPv6 addresses in brackets, as a Host header or a URL wants it."""
        return authority(self.address, self.port)


def authority(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
