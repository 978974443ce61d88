"""The front door: learns routes and instances from Consul while it runs, and knows no address."""

from __future__ import annotations

import asyncio
import resource
import sys
from contextlib import suppress

import uvloop

from discovery import logs
from discovery.errors import DiscoveryError
from discovery.server import signals_end_the_process
from discovery.serving import warn_of_misspelt_variables
from discovery.settings import CallSettings, ConsulSettings, ServiceSettings, load
from discovery.tracing.settings import TracingSettings
from services.gateway.assembly import run
from services.gateway.settings import GatewaySettings


def main() -> None:
    logs.configure()
    take_all_descriptors()
    try:
        settings, service, consul = load(GatewaySettings), load(ServiceSettings), load(ConsulSettings)
        terms = load(CallSettings).terms()
        warn_of_misspelt_variables([GatewaySettings, ServiceSettings, CallSettings])
        with signals_end_the_process(), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, service, consul, terms, load(TracingSettings)))
    except DiscoveryError as error:
        sys.exit(f"gateway: {error}")


def take_all_descriptors() -> None:
    """As many connections as the operator allows at all: the usual soft limit of 1,024 is one for programs of old."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems name a limit that they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main()
