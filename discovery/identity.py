"""The header by which an instance says who it is, so that a caller notices when somebody else has its port."""

from __future__ import annotations

from discovery.instance import Instance

HEADER = "x-mesh-instance"
"""`<id> <boot id>`; the gateway takes it off again."""


def identity_header(instance_id: str, boot_id: str) -> tuple[str, str]:
    return HEADER, f"{instance_id} {boot_id}"


def names_other_than(instance: Instance, header: str | None) -> bool:
    """Whether an answer with this header came from somebody else.

    The same ID with another boot is the same instance, started again, of which the registry has not told us yet. An
    instance that others registered says nothing and is believed.
    """
    if not instance.identity.boot_id:
        return False
    return header is None or header.partition(" ")[0] != instance.id
