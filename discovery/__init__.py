"""Make any FastAPI service findable through Consul, and call services by name.

What is exported is imported when it is first asked for: the embedded registry and the command line need little of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from discovery.calling import client
    from discovery.errors import CallFailed, DiscoveryError, NoInstance, OutOfTime
    from discovery.instance import Instance
    from discovery.serving import serve

__all__ = ["CallFailed", "DiscoveryError", "Instance", "NoInstance", "OutOfTime", "client", "serve"]

_HOMES = {"client": "calling", "Instance": "instance", "serve": "serving"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
