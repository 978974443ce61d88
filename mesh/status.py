"""What a running mesh says of itself: a value that goes over its control socket."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from discovery.instance import authority
from mesh.errors import MeshError
from mesh.supervisor import Running


@dataclass(frozen=True, slots=True)
class Status:
    """`registry` is an address, `registry_is` says what answers there; `own_registry`: the mesh started it itself."""

    pid: int
    ready: bool
    registry: str
    registry_is: str
    own_registry: bool
    gateway_host: str
    gateway_port: int
    admin_host: str
    admin_port: int
    logs: str
    instances: tuple[Running, ...] = ()

    @property
    def gateway_url(self) -> str:
        return f"http://{authority(self.gateway_host, self.gateway_port)}"

    @property
    def admin_authority(self) -> str:
        return authority(self.admin_host, self.admin_port)

    @property
    def admin_url(self) -> str:
        return f"http://{self.admin_authority}"

    @property
    def ui_url(self) -> str:
        base = self.registry if "//" in self.registry else f"http://{self.registry}"
        return f"{base.rstrip('/')}/ui/"

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "instances": [instance.as_json() for instance in self.instances],
            "gateway_url": self.gateway_url,
            "admin_url": self.admin_url,
            "ui_url": self.ui_url,
        }


def status_from(document: dict[str, Any]) -> Status:
    """Raises MeshError for a document that another version of the cockpit wrote."""
    fields = {name: value for name, value in document.items() if not name.endswith("_url")}
    try:
        return Status(**{**fields, "instances": tuple(Running(**each) for each in fields["instances"])})
    except (TypeError, KeyError):
        raise MeshError("the running mesh is of another version: end it with its own `mesh down`") from None
