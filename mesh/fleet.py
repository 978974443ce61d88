"""Which programs a mesh is made of, and how each is told what to do: by its environment alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mesh import registry, settings
from mesh.choice import Choice
from mesh.errors import NotAllowed
from mesh.ports import free_port, is_free
from mesh.program import GATEWAY, REGISTRY, Program
from mesh.registry import Kind
from mesh.settings import GatewaySettings

SERVICES = ("encrypt", "gateway")
"""What can be scaled; each is `python -m services.<name>`."""

MOST = 64
"""Instances of one service: Consul serves no more than 200 connections from one address."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """`registry_address` is what programs are given; `own` says what we start there, None if others run it.
    `registry_data` is where it keeps what it knows, if it is to survive; `known` is the directory in which each gateway
    keeps what it knows, so that one that starts again serves without a registry too.

    The hosts are where the gateway can be called; where it listens is in the environment.
    """

    registry_address: str
    registry_port: int
    own: Kind | None
    gateway_host: str
    gateway_port: int
    admin_host: str
    admin_port: int
    inherited: Mapping[str, str] = field(repr=False)
    registry_data: Path | None = None
    known: Path | None = None

    def of_registry(self, kind: Kind) -> Program:
        """Raises NoConsul."""
        return Program(
            id="registry",
            service="registry",
            argv=tuple(registry.command(kind, self.registry_port, data_dir=self.registry_data)),
            port=self.registry_port,
            rank=REGISTRY,
            env={**self.inherited, **registry.environment(kind, self.registry_port)},
        )

    def of(self, service: str, instance: str, *, first: bool = False) -> Program:
        """An instance of one of SERVICES; only the first gateway can be asked where users expect it."""
        if service == "gateway":
            return self._gateway(instance, first=first)
        return Program(
            id=instance,
            service=service,
            argv=_module(service),
            port=free_port(),
            env=self._environment(instance),
            port_variable="SERVICE_PORT",
        )

    def _gateway(self, instance: str, *, first: bool) -> Program:
        """One alone shares its port too: others may join it."""
        admin = self.admin_port if first else free_port()
        return Program(
            id=instance,
            service="gateway",
            argv=_module("gateway"),
            port=self.gateway_port,
            rank=GATEWAY,
            env={
                **self._environment(instance),
                "GATEWAY_PORT": str(self.gateway_port),
                "GATEWAY_SHARED": "true",
                "GATEWAY_ADMIN_PORT": str(admin),
                **self._memory(instance),
            },
            admin_port=admin,
        )

    def _memory(self, instance: str) -> dict[str, str]:
        """Nothing where our own environment names a file."""
        if self.known is None or self.inherited.get("GATEWAY_LAST_KNOWN"):
            return {}
        return {"GATEWAY_LAST_KNOWN": str(self.known / f"{instance}.json")}

    def _environment(self, instance: str) -> dict[str, str]:
        # What we start ourselves speaks no TLS, whatever the environment says of another one.
        plain = {"CONSUL_HTTP_SSL": "false"} if self.own else {}
        return {**self.inherited, **plain, "CONSUL_HTTP_ADDR": self.registry_address, "SERVICE_ID": instance}


def fleet_for(choice: Choice, gateway: GatewaySettings, port: int, admin_port: int) -> Fleet:
    """With its gateway at `port`, where the settings say, and our own environment passed on."""
    return Fleet(
        registry_address=choice.address,
        registry_port=choice.port,
        own=choice.own,
        gateway_host=settings.reachable(gateway.host),
        gateway_port=port,
        admin_host=settings.reachable(gateway.admin_host),
        admin_port=admin_port,
        inherited=settings.inherited(),
    )


def admin_port(gateway_port: int, *, but: int) -> int:
    """The port after the gateway's, or any free one."""
    following = gateway_port + 1
    return following if following not in (65536, but) and is_free(following) else free_port()


def checked_count(service: str, wanted: int) -> int:
    """Raises NotAllowed for a service that is not ours to scale, and for a number that makes no sense."""
    if service not in SERVICES:
        raise NotAllowed(f"{service} cannot be scaled: only {' and '.join(SERVICES)} can")
    least = 1 if service == "gateway" else 0
    if not least <= wanted <= MOST:
        raise NotAllowed(f"{service}: from {least} to {MOST} instances are possible, not {wanted}")
    return wanted


def _module(service: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"services.{service}")
