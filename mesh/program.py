"""What is to be run: a value, and all that the supervisor knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from discovery.instance import NAME
from mesh.errors import BadInput

REGISTRY, GATEWAY, SERVICE = range(3)
"""Ranks: started from the lowest, ended from the highest."""


@dataclass(frozen=True, slots=True)
class Program:
    """One instance: `argv` is run with exactly `env`, and is to listen on `port`.

    With a `port_variable` the port goes into the environment under that name, and another one may be taken when
    somebody else has it. Without, the port is part of the command, and others count on it. `admin_port` is where it can
    be asked how it is, for a program that listens on a port of its own for that.
    """

    id: str
    service: str
    argv: tuple[str, ...]
    port: int
    rank: int = SERVICE
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a token
    port_variable: str | None = None
    admin_port: int | None = None

    def environment(self) -> dict[str, str]:
        port = {self.port_variable: str(self.port)} if self.port_variable else {}
        return {**self.env, **port}

    def at(self, port: int) -> Program:
        return replace(self, port=port)


def checked_id(text: str) -> str:
    """The ID of an instance, or the name of a service. Raises BadInput for anything that could be something else."""
    if not NAME.fullmatch(text):
        raise BadInput(f"{text[:80]!a} is no ID: letters and digits, with . _ - inside")
    return text
