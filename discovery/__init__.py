"""Make any FastAPI service findable through Consul, and call services by name."""

from discovery.errors import DiscoveryError
from discovery.serving import serve

__all__ = ["DiscoveryError", "serve"]
