"""Make any FastAPI service findable through Consul, and call services by name."""

from discovery.client import client
from discovery.errors import CallFailed, DiscoveryError, NoInstance, OutOfTime
from discovery.instance import Instance
from discovery.serving import serve

__all__ = ["CallFailed", "DiscoveryError", "Instance", "NoInstance", "OutOfTime", "client", "serve"]
