"""Instances as a registry lists them: all alike but for what a test is about."""

from __future__ import annotations

from discovery.identity import identity_header
from discovery.instance import Health, Instance

BOOT = "0190000000000000000000000001"
NEWER_BOOT = "0190000000010000000000000001"


def instance(
    instance_id: str = "web-1",
    *,
    service: str = "web",
    address: str = "10.0.0.1",
    port: int = 9000,
    boot: str = BOOT,
    tags: tuple[str, ...] = (),
    health: Health = "passing",
    weight: int = 1,
) -> Instance:
    """One of ours; `boot=""` makes it one that others registered."""
    meta = {"boot_id": boot} if boot else {}
    return Instance(instance_id, service, address, port, tags, meta, health, weight)


def instances(count: int) -> list[Instance]:
    """`web-1`, `web-2`, … on ports 9001, 9002, …"""
    return [instance(f"web-{number}", port=9000 + number) for number in range(1, count + 1)]


def says(who: Instance) -> str:
    """What an instance writes into its identity header."""
    return identity_header(who.id, who.boot_id)[1]
